"""The globe with a mark where the data lie: an orthographic view, centred on them.

Snyder, Map Projections: A Working Manual (USGS Professional Paper 1395), equations 20-3 to 20-5.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

RADIUS = 70
_STEP = 5
_LEAST_MARK = 5.0

Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Globe:
    """SVG paths in a square of 2 x (`radius` + 2), and a mark (x, y) where the data are too small to see."""

    graticule: str
    equator: str
    areas: str
    mark: Position | None
    radius: int = RADIUS


@dataclass(frozen=True, slots=True)
class _View:
    lon: float
    lat: float

    def project(self, lon: float, lat: float) -> tuple[float, float, bool]:
        """x and y from the corner of the square, and whether it is on this side."""
        phi, phi0, lam = math.radians(lat), math.radians(self.lat), math.radians(lon - self.lon)
        x = math.cos(phi) * math.sin(lam)
        y = math.cos(phi0) * math.sin(phi) - math.sin(phi0) * math.cos(phi) * math.cos(lam)
        depth = math.sin(phi0) * math.sin(phi) + math.cos(phi0) * math.cos(phi) * math.cos(lam)
        if depth < 0 and (reach := math.hypot(x, y)) > 0:
            x, y = x / reach, y / reach  # beyond the horizon: the nearest place on it
        return RADIUS + 2 + RADIUS * x, RADIUS + 2 - RADIUS * y, depth >= 0


def globe(centre: Position, rings: Sequence[Sequence[Position]]) -> Globe:
    """The view from above `centre` (longitude, latitude) with the areas within these rings."""
    view = _View(*centre)
    meridians = [[(lon, lat) for lat in range(-90, 91, _STEP)] for lon in range(-180, 180, 30)]
    parallels = [[(lon, lat) for lon in range(-180, 181, _STEP)] for lat in (-60, -30, 30, 60)]
    placed = [[view.project(*point) for point in ring] for ring in rings]
    return Globe(
        graticule="".join(_lines(view, [*meridians, *parallels])),
        equator="".join(_lines(view, [[(lon, 0) for lon in range(-180, 181, _STEP)]])),
        areas="".join(_closed(points) for points in placed if any(point[2] for point in points)),
        mark=_mark(view, centre, placed),
    )


def _mark(
    view: _View, centre: Position, rings: Iterable[Sequence[tuple[float, float, bool]]]
) -> Position | None:
    points = [point for ring in rings for point in ring]
    widths = [max(axis) - min(axis) for axis in list(zip(*points, strict=True))[:2]]
    if widths and max(widths) >= _LEAST_MARK:
        return None
    x, y, _ = view.project(*centre)
    return round(x, 1), round(y, 1)


def _lines(view: _View, lines: Iterable[Iterable[Position]]) -> Iterator[str]:
    for line in lines:
        was_seen = False
        for lon, lat in line:
            x, y, is_seen = view.project(lon, lat)
            if is_seen:
                yield f"{'L' if was_seen else 'M'}{x:.1f} {y:.1f}"
            was_seen = is_seen


def _closed(points: Sequence[tuple[float, float, bool]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points) + "z"
