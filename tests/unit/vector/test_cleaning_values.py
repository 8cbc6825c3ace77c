"""Copies of features, and values that no column holds: what the cleaning makes of them."""

from typing import Any

import pyarrow as pa
import pytest

from core.task_models.vector import RejectReason, VectorColumn
from tests.chunk_rows import (
    cleaned,
    rejected,
    steps_of,
    table_plan,
)


def test_duplicates_are_kept_and_counted() -> None:
    result = cleaned(["POINT (1 1)", "POINT (1 1)", "POINT (2 2)"], copies=[7, 101, 900])

    assert result.loaded.num_rows == 3
    assert steps_of(result) == {("duplicates", "kept"): 1}


def test_duplicates_are_dropped_when_asked() -> None:
    result = cleaned(["POINT (1 1)", "POINT (1 1)", "POINT (2 2)"], copies=[7, 101, 900], duplicates="drop")

    assert rejected(result) == {1: RejectReason.DUPLICATE}
    assert steps_of(result) == {("duplicates", "dropped"): 1}


def _with_column(sql_type: str, values: pa.Array, **options: Any) -> Any:
    columns = (VectorColumn(name="a", sql_type=sql_type, source_name="A"),)
    return cleaned(
        ["POINT (1 1)"] * len(values),
        plan=table_plan("Point", columns=columns),
        columns={"a": values},
        **options,
    )


@pytest.mark.parametrize(
    ("sql_type", "values"),
    [
        ("date", pa.array([0, 2_932_896, -719_162, None, 2_932_897, -719_163], pa.int32()).cast(pa.date32())),
        (
            "timestamp",
            pa.array(
                [0, 253_402_300_799_999_999, -62_135_596_800_000_000, None, 2**62, -(2**62)], pa.int64()
            ).cast(pa.timestamp("us")),
        ),
        (
            "time",
            pa.array([0, 1, 86_399_999_999, None, 86_400_000_000, -1], pa.int64()).cast(pa.time64("us")),
        ),
        ("text", pa.array(["", "a", "\x01", None, "\0", "a\0b"])),
        ("jsonb", pa.array(["{}", '"\\\\u0000"', '"\\u0001"', None, '"\\u0000"', '["a\\\\\\u0000"]'])),
    ],
)
def test_values_that_no_column_holds(sql_type: str, values: pa.Array) -> None:
    result = _with_column(sql_type, values)
    assert rejected(result) == {4: RejectReason.VALUE_OUT_OF_RANGE, 5: RejectReason.VALUE_OUT_OF_RANGE}
    assert result.details[0].startswith("a: ")

    result = _with_column(sql_type, values, invalid_values="null")
    assert result.loaded.column("a").is_valid().to_pylist() == [True, True, True, False, False, False]
    assert result.loaded.column("a").slice(0, 4).equals(values.slice(0, 4))
    assert steps_of(result) == {("invalid_values", "null"): 2}


def test_part_of_a_text_column() -> None:
    values = pa.array(["\0", "fine", "\0"]).slice(1, 1)

    assert rejected(_with_column("text", values)) == {}
