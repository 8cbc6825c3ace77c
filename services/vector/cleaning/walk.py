"""The walk through well-known binary: what stands where, for a whole column of it.

All rows are walked side by side: each step reads one header, or the length of one ring, of every row that has
more. The few rows with very many parts are finished one by one. A collection opens as many places as it has
parts, every geometry closes one: a row is whole when none is open and no byte is left. So nothing is kept for
nested collections, however deep they are.
"""

import struct
from dataclasses import dataclass, field

import numpy as np

POINT, LINE, POLYGON, MULTIPOINT, MULTILINE, MULTIPOLYGON, COLLECTION = range(1, 8)
RING = 0  # a run of coordinates inside a polygon
ORDINATES = np.array([2, 3, 3, 4])  # numbers of a coordinate: without Z and M, with Z, with M, with both
_STRAGGLERS = 24  # with fewer rows than that, one by one is faster
_HEAD, _LENGTH = struct.Struct("<BII"), struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of coordinates: points, lines and rings, in no order.

    `row` is the row they belong to, `position` where the first coordinate begins, `count` how many there are
    (0 in what is empty), `kind` POINT, LINE or RING, `is_shell` whether it is the first ring of a polygon.
    """

    row: np.ndarray
    position: np.ndarray
    count: np.ndarray
    kind: np.ndarray
    is_shell: np.ndarray


@dataclass(frozen=True, slots=True)
class Headers:
    """All that is no coordinate: the heads of geometries, and with `code` RING the lengths of rings.

    `count` are the points, rings or parts that follow.
    """

    row: np.ndarray
    position: np.ndarray
    code: np.ndarray
    count: np.ndarray


class Walk:
    """One way through all rows. See the module."""

    def __init__(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
        rows = len(starts)
        self._data, self._words, self._ends = data, words(data), ends
        self._at = starts.copy()
        self._rings = np.zeros(rows, dtype=np.int64)  # still to come, of the polygon at hand
        self._is_first = np.zeros(rows, dtype=bool)
        self._open = np.ones(rows, dtype=np.int64)  # geometries still to come
        self._members = np.zeros(rows, dtype=np.int64)  # still to come, of the multi geometry at hand
        self._member = np.zeros(rows, dtype=np.int64)  # ... and their type
        self.base = np.zeros(rows, dtype=np.int64)
        self.dims = np.full(rows, -1, dtype=np.int64)
        self.is_readable = np.ones(rows, dtype=bool)
        self._heads: list[tuple[np.ndarray, ...]] = []
        self._runs: list[tuple[np.ndarray, ...]] = []
        active = np.arange(rows)
        while active.size:
            if active.size < _STRAGGLERS:
                for row in active.tolist():
                    self._finish(row)
                break
            active = self._step(active)
        self.dims[self.dims < 0] = 0

    def headers(self) -> Headers:
        return Headers(*self._readable(self._heads, 4))

    def runs(self) -> Runs:
        return Runs(*self._readable(self._runs, 5))

    def _readable(self, found: list[tuple[np.ndarray, ...]], width: int) -> list[np.ndarray]:
        """All columns in one piece each, without what belongs to rows that are not readable."""
        if not found:
            return [np.zeros(0, dtype=np.int64) for _ in range(width)]
        columns = [
            np.concatenate(column) if len(column) > 1 else column[0] for column in zip(*found, strict=True)
        ]
        if self.is_readable.all():
            return columns
        good = self.is_readable[columns[0]]
        return [column[good] for column in columns]

    def _step(self, active: np.ndarray) -> np.ndarray:
        in_ring = self._rings[active] > 0
        if not in_ring.any():
            self._read_heads(active)
        elif in_ring.all():
            self._read_rings(active)
        else:
            self._read_rings(active[in_ring])
            self._read_heads(active[~in_ring])
        remaining: np.ndarray = active[self._goes_on(active)]
        return remaining

    def _goes_on(self, rows: np.ndarray) -> np.ndarray:
        """Which rows have more; of those that have not, every byte must have been read."""
        more = (self._open[rows] > 0) | (self._rings[rows] > 0)
        at, end = self._at[rows], self._ends[rows]
        self.is_readable[rows[(at > end) | (~more & (at != end))]] = False
        going: np.ndarray = more & self.is_readable[rows]
        return going

    def _read_heads(self, rows: np.ndarray) -> None:
        at = self._at[rows]
        enough = at + 9 <= self._ends[rows]  # a point is longer still
        if not enough.all():
            self.is_readable[rows[~enough]] = False
            rows, at = rows[enough], at[enough]
        code = self._words[at + 1]
        base = (code % 1000).astype(np.int64)
        dims = (code // 1000).astype(np.int64)
        is_top = self.dims[rows] < 0
        if is_top.all():
            self.dims[rows], self.base[rows] = dims, base
        else:
            self.dims[rows[is_top]], self.base[rows[is_top]] = dims[is_top], base[is_top]
        good = (self._data[at] == 1) & (base >= 1) & (base <= 7) & (dims <= 3) & (dims == self.dims[rows])
        expected = np.where(self._members[rows] > 0, self._member[rows], 0)
        good &= (expected == 0) | (expected == base)
        if not good.all():
            self.is_readable[rows[~good]] = False
            rows, at, base, dims = rows[good], at[good], base[good], dims[good]
        self._enter(rows, at, base, dims)

    def _enter(self, rows: np.ndarray, at: np.ndarray, base: np.ndarray, dims: np.ndarray) -> None:
        is_point = base == POINT
        count = np.where(is_point, 1, self._words[at + 5].astype(np.int64))
        self._members[rows] -= self._members[rows] > 0
        is_multi = (base >= MULTIPOINT) & (base <= MULTIPOLYGON)
        if is_multi.any():
            self._members[rows[is_multi]] = count[is_multi]
            self._member[rows[is_multi]] = base[is_multi] - 3
        self._open[rows] += np.where(base >= MULTIPOINT, count, 0) - 1
        self._heads.append((rows, at, base, count))
        at = at + np.where(is_point, 5, 9)
        is_polygon = base == POLYGON
        self._rings[rows[is_polygon]] = count[is_polygon]
        self._is_first[rows[is_polygon]] = True
        self._at[rows] = at
        is_run = base <= LINE
        if is_run.any():
            whole = is_run.all()
            self._add_runs(*(each if whole else each[is_run] for each in (rows, at, count, base, dims)))

    def _add_runs(
        self, rows: np.ndarray, at: np.ndarray, count: np.ndarray, kind: np.ndarray, dims: np.ndarray
    ) -> None:
        self._at[rows] = at + count * 8 * ORDINATES[dims]
        inside = self._at[rows] <= self._ends[rows]
        if not inside.all():
            self.is_readable[rows[~inside]] = False
            rows, at, count, kind = rows[inside], at[inside], count[inside], kind[inside]
        self._runs.append((rows, at, count, kind, (self._is_first[rows] & (kind == RING)).astype(np.int64)))

    def _read_rings(self, rows: np.ndarray) -> None:
        at = self._at[rows]
        enough = at + 4 <= self._ends[rows]
        if not enough.all():
            self.is_readable[rows[~enough]] = False
            rows, at = rows[enough], at[enough]
        count = self._words[at].astype(np.int64)
        ring = np.full(len(rows), RING)
        self._heads.append((rows, at, ring, count))
        self._add_runs(rows, at + 4, count, ring, self.dims[rows])
        self._is_first[rows] = False
        self._rings[rows] -= 1

    def _finish(self, row: int) -> None:
        """The rest of one row by the same rules, in plain numbers."""
        rest = _Rest(
            at=int(self._at[row]),
            end=int(self._ends[row]),
            dims=int(self.dims[row]),
            rings=int(self._rings[row]),
            is_first=bool(self._is_first[row]),
            still_open=int(self._open[row]),
            members=int(self._members[row]),
            member=int(self._member[row]),
        )
        is_new = rest.dims < 0
        self.is_readable[row] = rest.walk(self._data.data)
        if is_new and rest.heads:
            self.dims[row], self.base[row] = rest.dims, rest.heads[0][1]
        for found, target in ((rest.heads, self._heads), (rest.runs, self._runs)):
            if found:
                columns = np.array(found, dtype=np.int64).T
                target.append((np.full(len(found), row), *columns))


@dataclass(slots=True)
class _Rest:
    """Where the walk through one row is. `heads` are (position, code, count), `runs` as in `Runs`."""

    at: int
    end: int
    dims: int
    rings: int
    is_first: bool
    still_open: int
    members: int
    member: int
    heads: list[tuple[int, int, int]] = field(default_factory=list)
    runs: list[tuple[int, int, int, int]] = field(default_factory=list)

    def walk(self, data: memoryview) -> bool:
        """Go on to the end; False where the bytes make no sense."""
        while self.still_open > 0 or self.rings > 0:
            read = self._read_ring if self.rings else self._read_head
            if not read(data) or self.at > self.end:
                return False
        return self.at == self.end

    def _read_ring(self, data: memoryview) -> bool:
        if self.at + 4 > self.end:
            return False
        (count,) = _LENGTH.unpack_from(data, self.at)
        self.heads.append((self.at, RING, count))
        self._add_run(self.at + 4, count, RING)
        self.is_first, self.rings = False, self.rings - 1
        return True

    def _read_head(self, data: memoryview) -> bool:
        if self.at + 9 > self.end:
            return False
        order, code, count = _HEAD.unpack_from(data, self.at)
        dims, base = divmod(code, 1000)
        self.dims = dims if self.dims < 0 else self.dims
        if order != 1 or not POINT <= base <= COLLECTION or dims != self.dims or dims > 3:
            return False
        if self.members and base != self.member:
            return False
        self._enter(base, 1 if base == POINT else count)
        return True

    def _enter(self, base: int, count: int) -> None:
        self.heads.append((self.at, base, count))
        self.members = max(self.members - 1, 0)
        self.still_open -= 1
        if base >= MULTIPOINT:
            self.still_open += count
        if MULTIPOINT <= base <= MULTIPOLYGON:
            self.members, self.member = count, base - 3
        if base == POLYGON:
            self.rings, self.is_first = count, True
        if base <= LINE:
            self._add_run(self.at + (5 if base == POINT else 9), count, base)
        else:
            self.at += 9

    def _add_run(self, at: int, count: int, kind: int) -> None:
        self.runs.append((at, count, kind, int(self.is_first and kind == RING)))
        self.at = at + count * 8 * int(ORDINATES[self.dims])


def words(data: np.ndarray) -> np.ndarray:
    """The bytes as unsigned numbers of four bytes that begin anywhere."""
    return np.ndarray((max(data.size - 3, 0),), dtype="<u4", buffer=data, strides=(1,))
