"""Digests of rows: what they notice, and what they do not mind."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vector.digest import range_digests, row_digests, sum_of, total, value_of

TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=30)), min_size=1, max_size=20)


def batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def ranges(values: list[bytes]) -> np.ndarray:
    offsets = np.cumsum([0, *map(len, values)])
    return range_digests(np.frombuffer(b"".join(values), np.uint8), offsets)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=30))
def test_a_range_has_the_same_digest_wherever_it_lies(values: list[bytes]) -> None:
    together = ranges(values)

    assert together.tolist() == [ranges([value])[0] for value in values]
    assert len(set(together.tolist())) == len(set(values))


@pytest.mark.parametrize("length", [1, 8, 100, 4_095, 4_096, 10_000])
def test_one_byte_makes_a_difference(length: int) -> None:
    plain = bytes(length)
    changed = {
        ranges([plain[:place] + b"\1" + plain[place + 1 :]])[0] for place in (0, length // 2, length - 1)
    }

    assert ranges([plain])[0] not in changed
    assert len({length // 2, 0, length - 1}) == len(changed)
    assert ranges([plain])[0] != ranges([plain + b"\0"])[0]


@given(TEXTS)
def test_rows_may_come_in_any_order_and_parts(texts: list[str | None]) -> None:
    whole = batch(a=pa.array(texts, pa.string()), n=pa.array(range(len(texts))))
    expected = sum_of(row_digests(whole))

    backwards = whole.take(pa.array(range(len(texts))[::-1]))
    parts = [sum_of(row_digests(whole.slice(at, 3))) for at in range(0, len(texts), 3)]
    assert total(sum_of(row_digests(backwards))) == total(*parts) == total(expected)


@pytest.mark.parametrize(("one", "other"), [
    (pa.array([None], pa.int64()), pa.array([0])), (pa.array([None], pa.string()), pa.array([""])),
    (pa.array([1]), pa.array([2])), (pa.array([0.0]), pa.array([-0.0])),
    (pa.array([True]), pa.array([False])),
    (pa.array(["ab"]), pa.array(["ba"])), (pa.array([dt.date(2020, 1, 1)]), pa.array([dt.date(2020, 1, 2)])),
    (pa.array([b"\0"]), pa.array([b"\0\0"])),
])  # fmt: skip
def test_another_value_is_another_row(one: pa.Array, other: pa.Array) -> None:
    assert row_digests(batch(a=one))[0] != row_digests(batch(a=other))[0]


def test_values_that_change_places_change_the_row() -> None:
    rows = batch(a=pa.array(["x", "y"]), b=pa.array(["y", "x"]))

    first, second = row_digests(rows)
    assert first != second


def test_swaps_between_rows_change_the_sum() -> None:
    one = batch(a=pa.array([1, 2]), b=pa.array([3, 4]))
    other = batch(a=pa.array([1, 2]), b=pa.array([4, 3]))

    assert sum_of(row_digests(one)) != sum_of(row_digests(other))


def test_no_rows_have_the_sum_zero() -> None:
    assert sum_of(range_digests(np.zeros(0, np.uint8), np.zeros(1, np.int64))) == 0
    assert total() == "0" * 16


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_a_sum_survives_its_way_as_text(sums: list[int]) -> None:
    assert value_of(total(*sums)) == sum(sums) % 2**64
