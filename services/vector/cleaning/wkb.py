"""Well-known binary as arrays: where every coordinate of a whole column stands, without a geometry made.

Most features need no more than a look at their coordinates, or other ones in the same places. Both are done
in the bytes, for all rows at once, and Z and M stay what they were (shapely 2.2 loses M whenever it writes
coordinates). The little-endian ISO flavour is understood: a type code is `base + 1000 * Z + 2000 * M`.
Sources: ISO 19125-1, 8.2; OGC 06-103r4, 8.2.
"""

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import pyarrow as pa

from services.vector.cleaning.walk import ORDINATES, POINT, RING, Headers, Walk, words


class Layout:
    """A column of WKB without nulls, taken apart. `column` is pa.binary of one or more rows.

    Attributes:
        starts, ends: of the rows in `data` (int64; uint8).
        dims: Z and M of each row as 0, 1 (Z), 2 (M) or 3 (both).
        base: the type of each row, 1 to 7.
        is_readable: False where the bytes are no little-endian ISO WKB of a simple feature; nothing else is
            said of such a row.
    """

    def __init__(self, column: pa.Array) -> None:
        self.column = column
        self.starts, self.ends, self.data = _parts(column)
        walk = Walk(self.data, self.starts, self.ends)
        self.is_readable: np.ndarray = walk.is_readable
        self.dims: np.ndarray = walk.dims
        self.base: np.ndarray = walk.base
        self.headers, self.runs = walk.headers(), walk.runs()

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def ordinates(self) -> np.ndarray:
        """How many numbers each coordinate of a row has: 2 to 4."""
        depths: np.ndarray = ORDINATES[self.dims]
        return depths

    @cached_property
    def owner(self) -> np.ndarray:
        """The run of every coordinate; coordinates are in the order of the runs."""
        return np.repeat(np.arange(len(self.runs.row)), self.runs.count)

    @cached_property
    def positions(self) -> np.ndarray:
        """Where every coordinate begins."""
        runs = self.runs
        if (runs.count == 1).all():
            return runs.position
        width = 8 * self.ordinates[runs.row]
        filled = runs.count > 0
        begin, count, step = runs.position[filled], runs.count[filled], width[filled]
        deltas = np.repeat(step, count)
        last = begin + (count - 1) * step
        deltas[np.cumsum(count) - count] = begin - np.concatenate([[0], last[:-1]])
        return np.cumsum(deltas)

    @cached_property
    def xy(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of every coordinate."""
        return self.ordinate(0), self.ordinate(1)

    def ordinate(self, number: int) -> np.ndarray:
        """The x (0), y (1) ... of every coordinate; the caller knows that all have as many."""
        numbers: np.ndarray = floats(self.data)[self.positions + 8 * number]
        return numbers

    def rows_where(self, is_bad_coordinate: np.ndarray) -> np.ndarray:
        """Which rows have a coordinate of that kind."""
        flags = np.zeros(len(self), dtype=bool)
        bad = np.flatnonzero(is_bad_coordinate)
        flags[self.runs.row[self.owner[bad]]] = True
        return flags

    def moved(self, x: np.ndarray, y: np.ndarray) -> "Layout":
        """The same with other coordinates; whatever else there is (Z, M) stays."""
        return self._edited(((self.positions, x), (self.positions + 8, y)))

    def with_ordinate(self, number: int, which: np.ndarray, value: float) -> "Layout":
        """The same with one number put in the place of the `number`th of some coordinates."""
        positions = self.positions[which] + 8 * number
        return self._edited(((positions, np.full(len(positions), value)),))

    def without_places(self, points: np.ndarray) -> "Layout":
        """The same with some points (indices of runs) empty: plain quiet NaN in all ordinates."""
        begin, numbers = self.runs.position[points], self.ordinates[self.runs.row[points]]
        offsets = np.arange(numbers.sum()) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        positions = np.repeat(begin, numbers) + 8 * offsets
        return self._edited(((positions, np.full(len(positions), np.nan)),))

    def turned(self, runs: np.ndarray) -> "Layout":
        """The same with the coordinates of some runs (indices) in the opposite order."""
        chosen = np.zeros(len(self.runs.count), dtype=bool)
        chosen[runs] = True
        here = np.flatnonzero(chosen[self.owner])
        counts = self.runs.count[chosen]
        last = np.cumsum(counts) - 1
        opposite = np.repeat(last + (last - counts + 1), counts) - np.arange(len(here))
        source, target = self.positions[here[opposite]], self.positions[here]
        depth = self.ordinates[self.runs.row[self.owner[here]]]
        data = self.data.copy()
        for ordinates in np.unique(depth):
            same = slice(None) if (depth == ordinates).all() else depth == ordinates
            blocks = _blocks(self.data, ordinates)
            _blocks(data, ordinates)[target[same]] = blocks[source[same]]
        return self._with(data)

    def _edited(self, changes: Iterable[tuple[np.ndarray, np.ndarray]]) -> "Layout":
        data = self.data.copy()
        values = floats(data)
        for positions, numbers in changes:
            values[positions] = numbers
        return self._with(data)

    def _with(self, data: np.ndarray) -> "Layout":
        other = object.__new__(Layout)
        other.starts, other.ends, other.data = self.starts, self.ends, data
        other.is_readable, other.dims, other.base = self.is_readable, self.dims, self.base
        other.headers, other.runs = self.headers, self.runs
        other.column = binary(data, np.append(self.starts, self.ends[-1:]))
        for kept in ("positions", "owner", "ordinates"):
            if kept in self.__dict__:
                other.__dict__[kept] = self.__dict__[kept]
        return other


def binary(data: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """A column of bytes; `offsets` has one more than there are rows."""
    return pa.Array.from_buffers(
        pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    )


def resized(layout: Layout, dims: np.ndarray, *, missing: tuple[float, float]) -> pa.Array:
    """The column with Z and M (0 to 3, as `Layout.dims`) of each row as asked.

    `missing` are the Z and the M for those that have none. All rows must be readable.
    """
    headers, runs = layout.headers, layout.runs
    at = np.concatenate([headers.position, runs.position])
    row = np.concatenate([headers.row, runs.row])
    size = np.concatenate([_head_size(headers.code), runs.count * 8 * ORDINATES[dims[runs.row]]])
    order = np.argsort(at, kind="stable")  # an empty run begins where the next thing does: it has no size
    begin = np.empty(len(at), dtype=np.int64)
    begin[order] = np.cumsum(size[order]) - size[order]
    data = np.zeros(int(size.sum()) + 8, dtype=np.uint8)
    _write_heads(data, headers, begin[: len(headers.position)], dims)
    _write_runs(data, layout, begin[len(headers.position) :], dims, missing)
    lengths = np.bincount(row, weights=size, minlength=len(layout)).astype(np.int64)
    return binary(data, np.concatenate([[0], np.cumsum(lengths)]))


def unmeasured(column: pa.Array) -> pa.Array:
    """The column without M. All rows must be readable."""
    layout = Layout(column)
    if not (layout.dims & 2).any():
        return column
    return resized(layout, layout.dims & 1, missing=(0.0, 0.0))


def _head_size(code: np.ndarray) -> np.ndarray:
    return np.where(code == RING, 4, np.where(code == POINT, 5, 9))


def _write_heads(data: np.ndarray, headers: Headers, begin: np.ndarray, dims: np.ndarray) -> None:
    numbers = words(data)
    is_ring, is_point = headers.code == RING, headers.code == POINT
    numbers[begin[is_ring]] = headers.count[is_ring]
    geometry = ~is_ring
    data[begin[geometry]] = 1
    codes = headers.code[geometry] + 1000 * dims[headers.row[geometry]]
    numbers[begin[geometry] + 1] = codes
    counted = geometry & ~is_point
    numbers[begin[counted] + 5] = headers.count[counted]


def _write_runs(
    data: np.ndarray, layout: Layout, begin: np.ndarray, dims: np.ndarray, missing: tuple[float, float]
) -> None:
    runs, values, target = layout.runs, floats(layout.data), floats(data)
    owner = layout.owner
    before = np.cumsum(runs.count) - runs.count
    step = np.arange(len(owner)) - before[owner]
    row = runs.row[owner]
    to = begin[owner] + step * 8 * ORDINATES[dims[row]]
    for number in (0, 1):
        target[to + 8 * number] = values[layout.positions + 8 * number]
    for bit, otherwise in zip((1, 2), missing, strict=True):
        wanted = (dims[row] & bit) > 0
        given = wanted & ((layout.dims[row] & bit) > 0)
        target[to[wanted] + 8 * _place(dims[row[wanted]], bit)] = otherwise
        source = layout.positions[given] + 8 * _place(layout.dims[row[given]], bit)
        target[to[given] + 8 * _place(dims[row[given]], bit)] = values[source]


def _place(dims: np.ndarray, bit: int) -> np.ndarray:
    """Which number of a coordinate is its Z (bit 1) or M (bit 2)."""
    return np.full(len(dims), 2) if bit == 1 else 2 + (dims & 1)


def _parts(column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and ends of the rows, and the bytes they are in (a copy-free view of what the rows cover)."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    whole = column.buffers()[2]
    data = np.frombuffer(whole, np.uint8) if whole is not None else np.zeros(0, np.uint8)
    first = int(offsets[0])
    positions = offsets.astype(np.int64) - first
    return positions[:-1], positions[1:], data[first : int(offsets[-1])]


def floats(data: np.ndarray) -> np.ndarray:
    """The bytes as numbers that begin anywhere."""
    return np.ndarray((max(data.size - 7, 0),), dtype="<f8", buffer=data, strides=(1,))


def _blocks(data: np.ndarray, ordinates: int) -> np.ndarray:
    """The bytes as whole coordinates that begin anywhere."""
    size = 8 * int(ordinates)
    return np.ndarray((max(data.size - size + 1, 0),), dtype=f"V{size}", buffer=data, strides=(1,))
