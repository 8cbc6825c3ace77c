"""One geometry that goes on beyond the antimeridian, as pieces of which none does.

Made for the few that need it: one at a time. Heights are kept, and interpolated at the cuts; measures (M)
are lost, as GEOS cuts without them.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.affinity import translate

from services.vector.cleaning.walk import COLLECTION, POINT, RING
from services.vector.cleaning.wkb import Layout, floats

Pole = Callable[[int, int], float | None]
_ALMOST = 1 - 1e-9
_COLLECTORS = {0: shapely.MultiPoint, 1: shapely.MultiLineString, 2: shapely.MultiPolygon}


@dataclass(frozen=True, slots=True)
class Globe:
    """`turn` are the units once around. `pole` tells the latitude of the pole that a ring goes around, by the
    numbers of its first coordinate and the one after its last."""

    turn: float
    pole: Pole | None = None


class Folding:
    """Geometries of a layout, cut and moved to one turn. `mended` are the rows that were repaired for it."""

    def __init__(self, layout: Layout, globe: Globe, *, mends: bool) -> None:
        runs = layout.runs
        self._layout, self._globe, self._mends = layout, globe, mends
        self._ordered = np.lexsort((runs.position, runs.row))
        self._begin = np.searchsorted(runs.row[self._ordered], np.arange(len(layout) + 1))
        self._first = np.cumsum(runs.count) - runs.count
        self.mended: set[int] = set()

    def folded(self, row: int) -> shapely.Geometry | None:
        """The geometry of a row in pieces; None where it is not valid, and is not or cannot be mended."""
        parts: list[shapely.Geometry] = []
        for kind, runs in self._parts(row):
            if kind != RING:
                made = self._line(runs[0]) if kind != POINT else self._point(runs[0])
            elif (made := self._polygon(runs)) is None:
                return None
            parts += [part for part in shapely.get_parts(made) if not part.is_empty]
        if not parts:
            return None
        if self._layout.base[row] == COLLECTION:
            return shapely.GeometryCollection(parts)
        return _COLLECTORS[shapely.get_dimensions(parts[0]).item()](parts)

    def _parts(self, row: int) -> Iterator[tuple[int, list[int]]]:
        """Points and lines, and polygons with all their rings: their kind and their runs."""
        runs = self._layout.runs
        rings: list[int] = []
        for run in self._ordered[self._begin[row] : self._begin[row + 1]].tolist():
            if not runs.count[run]:
                continue
            if rings and (runs.kind[run] != RING or runs.is_shell[run]):
                yield RING, rings
                rings = []
            if runs.kind[run] == RING:
                rings.append(run)
            else:
                yield int(runs.kind[run]), [run]
        if rings:
            yield RING, rings

    def _polygon(self, rings: list[int]) -> shapely.Geometry | None:
        """The shell without the holes, each folded by itself: they may be laid out on different sides."""
        areas = []
        for run in rings:
            area = shapely.Polygon(self._closed(run))
            if not area.is_valid:
                if not self._mends:
                    return None
                area = shapely.make_valid(area, method="structure", keep_collapsed=False)
                self.mended.add(int(self._layout.runs.row[run]))
            areas.append(area if area.is_empty else _cut(area, self._globe.turn))
        shell, holes = areas[0], areas[1:]
        return _of_dimension(shapely.difference(shell, shapely.union_all(holes)), 2) if holes else shell

    def _line(self, run: int) -> shapely.Geometry:
        return _cut(shapely.LineString(self._coordinates(run)), self._globe.turn)

    def _point(self, run: int) -> shapely.Geometry:
        return _cut(shapely.Point(self._coordinates(run)[0]), self._globe.turn)

    def _closed(self, run: int) -> np.ndarray:
        """The coordinates of a ring. One that goes around a pole goes there and back along a meridian."""
        ring, globe = self._coordinates(run), self._globe
        if abs(ring[0, 0] - ring[-1, 0]) < globe.turn / 2:
            return ring
        first = int(self._first[run])
        pole = globe.pole(first, first + len(ring)) if globe.pole else None
        latitude = pole if pole is not None else math.copysign(globe.turn / 4, ring[:, 1].mean())
        over = ring[[-1, 0]].copy()
        over[:, 1] = latitude
        return np.concatenate([ring, over, ring[:1]])

    def _coordinates(self, run: int) -> np.ndarray:
        """x, y, and z where there is one, of a run."""
        layout = self._layout
        row = layout.runs.row[run]
        at = layout.runs.position[run] + 8 * layout.ordinates[row] * np.arange(layout.runs.count[run])
        depth = 3 if layout.dims[row] & 1 else 2
        return np.column_stack([floats(layout.data)[at + 8 * number] for number in range(depth)])


def surrounds(ring: tuple[np.ndarray, np.ndarray], place: tuple[float, float]) -> bool:
    """Whether a ring goes around a place."""
    area = shapely.make_valid(shapely.Polygon(np.column_stack(ring)))
    return bool(shapely.contains_xy(area, *place))


def _cut(geometry: shapely.Geometry, turn: float) -> shapely.Geometry:
    """The geometry in pieces, all moved to between -turn / 2 and turn / 2; of the same dimension."""
    west, south, east, north = geometry.bounds
    first, last = math.floor(west / turn + 0.5), math.ceil(east / turn + 0.5)
    dimension = shapely.get_dimensions(geometry).item()
    pieces = []
    for number in range(first, max(last, first + 1)):
        world = shapely.box((number - 0.5) * turn, south - 1, (number + 0.5) * turn, north + 1)
        piece = _of_dimension(shapely.intersection(geometry, world), dimension)
        pieces += shapely.get_parts(translate(piece, xoff=-number * turn)).tolist()
    if dimension == 2 and east - west > turn * _ALMOST:  # they meet, or overlap
        return _of_dimension(shapely.union_all(pieces), 2)
    return _COLLECTORS[dimension](pieces)


def _of_dimension(geometry: shapely.Geometry, dimension: int) -> shapely.Geometry:
    parts = shapely.get_parts(geometry)
    chosen = parts[(shapely.get_dimensions(parts) == dimension) & ~shapely.is_empty(parts)]
    return _COLLECTORS[dimension](chosen.tolist())
