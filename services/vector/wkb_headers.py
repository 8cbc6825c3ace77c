"""The first bytes of well-known binary, for a whole column at once. Source: ISO 19125-1, 8.2; ISO 13249-3."""

import numpy as np
import pyarrow as pa

UNREADABLE = -1
_HEADER_BYTES = 5
_EMPTY_BYTES = 9  # byte order, type, and a count of nothing
_POINT, _LITTLE_ENDIAN = 1, 1
_POINT_BYTES = (21, 29, 37)


def extents(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Where the values of a `binary` array begin in its data, and how long they are (0 for null)."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset :][: len(array) + 1]
    return offsets[:-1].astype(np.int64), np.diff(offsets).astype(np.int64)


def type_ids(array: pa.Array) -> np.ndarray:
    """The type id of each geometry (int64): 0 for null, UNREADABLE where it is not little-endian."""
    starts, sizes = extents(array)
    ids = np.where(sizes == 0, 0, UNREADABLE)
    present = np.flatnonzero(sizes >= _HEADER_BYTES)
    found = _numbers_at(array, starts[present] + 1, "<u4")
    is_little = _numbers_at(array, starts[present], "u1") == _LITTLE_ENDIAN
    ids[present] = np.where(is_little, found, UNREADABLE)
    if array.null_count == 0:
        ids[sizes == 0] = UNREADABLE  # a value of no bytes is no null
    return ids


def empty_count(array: pa.Array) -> int:
    """How many geometries have no part at all, or are points of NaN."""
    starts, sizes = extents(array)
    total = int(np.count_nonzero(sizes == _EMPTY_BYTES))
    if not np.isin(sizes, _POINT_BYTES).any():
        return total
    points = np.flatnonzero(type_ids(array) % 1000 == _POINT)
    xs = _numbers_at(array, starts[points] + _HEADER_BYTES, "<f8")
    nowhere = points[np.isnan(xs)]
    ys = _numbers_at(array, starts[nowhere] + _HEADER_BYTES + 8, "<f8")
    return total + int(np.count_nonzero(np.isnan(ys)))


def _numbers_at(array: pa.Array, starts: np.ndarray, kind: str) -> np.ndarray:
    """The numbers that begin at these positions."""
    width = np.dtype(kind).itemsize
    if not starts.size:
        return np.empty(0, kind)
    data = np.frombuffer(array.buffers()[2], dtype=np.uint8)
    steps = np.diff(starts)
    if steps.size and (steps == steps[0]).all():  # all of one size: nothing to look up
        strides = (int(steps[0]),)
        return np.ndarray((starts.size,), kind, data.data, offset=int(starts[0]), strides=strides)
    windows = np.lib.stride_tricks.sliding_window_view(data, width)[starts]
    found: np.ndarray = windows.view(kind).ravel()
    return found
