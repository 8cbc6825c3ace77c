"""Names and types of columns."""

import datetime as dt
import re
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PermanentTaskError
from services.vector.column_names import RESERVED, safe_names
from services.vector.columns import arrow_type, as_column_type, plan_columns, sql_type


@pytest.mark.parametrize(
    ("source_name", "name"),
    [
        ("Name", "name"),
        ("Area (km²)", "area_km2"),
        ("Größe", "grosse"),
        ("addr:city", "addr_city"),
        ("Łódź", "lodz"),
        ("Ｆｕｌｌ", "full_"),
        ("_private", "private"),
        ("2024", "c_2024"),
        ("select", "select_"),
        ("FID", "fid_"),
        ("geom", "geom_"),
        ("ctid", "ctid_"),
        ("", "column_1"),
        ("名前", "column_1"),
        ('a"; DROP TABLE x; --', "a_drop_table_x"),
    ],
)
def test_a_name_becomes_safe(source_name: str, name: str) -> None:
    assert safe_names([source_name]) == (name,)


def test_names_that_fold_to_one_are_told_apart() -> None:
    assert safe_names(["A", "a", "a_2", "á"]) == ("a", "a_2", "a_2_2", "a_3")


def test_long_names_stay_different_after_the_cut() -> None:
    first, second = safe_names(["x" * 70 + "_v1", "x" * 70 + "_v2"])

    assert (len(first), len(second)) == (63, 63)
    assert first != second


@given(st.lists(st.text(max_size=60), max_size=30))
def test_any_names_give_safe_and_different_ones(source_names: list[str]) -> None:
    names = safe_names(source_names)

    assert len(set(names)) == len(source_names)
    assert all(re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) and name not in RESERVED for name in names)


@pytest.mark.parametrize(
    ("arrow_type", "name"),
    [
        (pa.int64(), "bigint"),
        (pa.int32(), "integer"),
        (pa.int16(), "smallint"),
        (pa.float64(), "double precision"),
        (pa.float32(), "real"),
        (pa.bool_(), "boolean"),
        (pa.string(), "text"),
        (pa.date32(), "date"),
        (pa.time32("ms"), "time"),
        (pa.timestamp("ms"), "timestamp"),
        (pa.timestamp("ms", "UTC"), "timestamptz"),
        (pa.binary(), "bytea"),
        (pa.list_(pa.string()), "jsonb"),
        (pa.json_(pa.string()), "jsonb"),
        (pa.uint64(), "numeric(20,0)"),
        (pa.decimal128(12, 3), "numeric(12,3)"),
        (pa.dictionary(pa.int8(), pa.string()), "text"),
    ],
)
def test_arrow_types_have_sql_types(arrow_type: pa.DataType, name: str) -> None:
    assert sql_type(pa.field("a", arrow_type)) == name


def test_a_type_without_a_place_in_sql_is_refused() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        sql_type(pa.field("a", pa.duration("s")))

    assert (caught.value.code, caught.value.context["column"]) == ("COLUMN_LIMIT", "a")


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(PermanentTaskError) as caught:
        plan_columns(pa.field(f"c{number}", pa.int32()) for number in range(1_001))

    assert caught.value.code == "COLUMN_LIMIT"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pa.array([2**64 - 1, None], pa.uint64()), [Decimal(2**64 - 1), None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([[1, None], None], pa.list_(pa.int32())), ["[1, null]", None]),
        (pa.array([[float("nan")]], pa.list_(pa.float64())), ['["nan"]']),
        (pa.array([{"a": b"\x01"}]), ['{"a": "01"}']),
        (pa.array([1_234_567_891], pa.timestamp("ns")), [dt.datetime(1970, 1, 1, 0, 0, 1, 234_567)]),  # noqa: DTZ001
        (pa.array([1.5], pa.float16()), [1.5]),
        (
            pa.array(["1", '"a"', "a", "NaN", '[1, {"b": 2}]', "[" * 9_999, None], pa.json_(pa.string())),
            ["1", '"a"', '"a"', '"NaN"', '[1, {"b": 2}]', f'"{"[" * 9_999}"', None],
        ),
    ],
)
def test_values_are_brought_to_the_type_of_their_column(given: pa.Array, expected: list[object]) -> None:
    (column,) = plan_columns([pa.field("a", given.type)])
    made = as_column_type(given, column)

    assert (made.to_pylist(), made.type) == (expected, arrow_type(column))


def test_bytes_that_are_no_text_are_refused() -> None:
    damaged = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"], pa.binary()).buffers())
    (column,) = plan_columns([pa.field("Name", pa.string())])

    with pytest.raises(PermanentTaskError) as caught:
        as_column_type(damaged, column)
    assert (caught.value.code, caught.value.context["column"]) == ("ENCODING_ERROR", "Name")
