"""Values that no column of ours can hold, although Arrow can.

- Years before 1 and after 9999. PostgreSQL's calendar is longer, but RFC 3339 ends there, and so do the
  clients' calendars: one such value would break every answer that it is in.
- U+0000 in a text, which PostgreSQL does not take; in JSON it hides behind an escape.
- A time of day that is not before midnight.
"""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.task_models.vector import VectorColumn

_FIRST_DAY = (dt.date.min - dt.date(1970, 1, 1)).days
_LAST_DAY = (dt.date.max - dt.date(1970, 1, 1)).days
_DAY = 86_400_000_000  # microseconds
_RANGES = {
    "date": (_FIRST_DAY, _LAST_DAY),
    "time": (0, _DAY - 1),
    "timestamp": (_FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1),
    "timestamptz": (_FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1),
}
_NUL_IN_JSON = r"(^|[^\\])(\\\\)*\\u0000"


def impossible(batch: pa.RecordBatch, columns: tuple[VectorColumn, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """The columns that hold such values, and in which rows (a mask)."""
    for column in columns:
        array = batch.column(column.name)
        bad = _impossible(array, column.sql_type)
        if bad is not None and bad.any():
            yield column.name, bad


def nulled(array: pa.Array, bad: np.ndarray) -> pa.Array:
    """The values with null in the place of the bad ones."""
    return pc.if_else(pa.array(bad), pa.scalar(None, array.type), array)


def _impossible(array: pa.Array, sql_type: str) -> np.ndarray | None:
    if sql_type in _RANGES:
        return _beyond(array, _RANGES[sql_type])
    if sql_type == "text":
        return _mask(pc.match_substring(array, "\0")) if _has_nul(array) else None
    if sql_type == "jsonb":
        escaped = pc.match_substring(array, "\\u0000")
        if pc.any(escaped).as_py():
            return _mask(pc.match_substring_regex(array, _NUL_IN_JSON))
    return None


def _beyond(array: pa.Array, limits: tuple[int, int]) -> np.ndarray | None:
    width = array.type.bit_width // 8
    content = np.frombuffer(array.buffers()[1], dtype=f"<i{width}")
    values = content[array.offset : array.offset + len(array)]
    bad: np.ndarray = (values < limits[0]) | (values > limits[1])
    if bad.any() and array.null_count:
        bad &= _mask(array.is_valid())
    return bad


def _has_nul(array: pa.Array) -> bool:
    """Whether there may be a zero byte in the texts of the array."""
    _, offsets, content = array.buffers()
    if content is None or not len(array):
        return False
    places = np.frombuffer(offsets, dtype=np.int32)
    first, last = places[array.offset], places[array.offset + len(array)]
    return not np.frombuffer(content, dtype=np.uint8)[first:last].all()


def _mask(array: pa.Array) -> np.ndarray:
    mask: np.ndarray = array.fill_null(False).to_numpy(zero_copy_only=False)
    return mask
