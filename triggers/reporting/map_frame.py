"""A small map of where the data lie: their footprints over a graticule, with a scale, and on the globe.

There is no coastline to load or to ship; the graticule, the scale and the globe say where one is. The
projection is the equidistant cylindrical one, true to scale along the parallel through the middle
(Snyder, USGS Professional Paper 1395, equations 12-1 and 12-2).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from triggers.reporting.globe import Globe, globe

Box = tuple[float, float, float, float]
Position = tuple[float, float]

_WIDTH, _HEIGHT = 640, 400
_PADDING = 1.3
_LEAST_SPAN = 0.002  # degrees: what a single point is shown in
_MOST_STRETCH = 0.15  # of the cosine, near the poles
_MOST_LINES = 6
_STEPS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 60)
_METRES_PER_DEGREE = 111_195
_LONGEST_SCALE = 150
_POINTS_PER_SIDE = 24
_HALF = 180
_ROOM = 32  # for a label, from the edge
_COLOURS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the graticule, and its label at (x, y); none where there is no room for it."""

    path: str
    label: str
    x: float
    y: float
    is_meridian: bool


@dataclass(frozen=True, slots=True)
class Area:
    """A footprint as an SVG path (fill rule evenodd), the name of its layer, and a colour's number."""

    path: str
    title: str
    colour: int


@dataclass(frozen=True, slots=True)
class Scale:
    """A bar of `length` pixels."""

    length: float
    label: str


@dataclass(frozen=True, slots=True)
class MapFrame:
    """What the template draws, in a box of `width` x `height`; `has_outline`: the areas are footprints."""

    lines: tuple[Line, ...]
    areas: tuple[Area, ...]
    box: tuple[float, float, float, float]
    scale: Scale
    globe: Globe | None
    corners: tuple[str, str, str, str]
    label: str
    has_outline: bool
    width: int = _WIDTH
    height: int = _HEIGHT

    @property
    def has_keys(self) -> bool:
        """Whether areas are told apart by their colours."""
        return 1 < len(self.areas) <= _COLOURS


@dataclass(frozen=True, slots=True)
class _View:
    """Longitudes from `west` on, which may go beyond 180; `k` pixels to a degree of latitude."""

    west: float
    north: float
    k: float
    cosine: float

    @classmethod
    def of(cls, box: Box) -> "_View":
        west, south, east, north = box
        middle, centre = (south + north) / 2, (west + east) / 2
        cosine = max(math.cos(math.radians(middle)), _MOST_STRETCH)
        wide = max(east - west, _LEAST_SPAN) * cosine * _PADDING
        high = max(north - south, _LEAST_SPAN) * _PADDING
        k = min(_WIDTH / wide, _HEIGHT / high)
        return cls(centre - _WIDTH / 2 / (k * cosine), middle + _HEIGHT / 2 / k, k, cosine)

    @property
    def box(self) -> Box:
        """What can be seen."""
        east = self.west + _WIDTH / (self.k * self.cosine)
        return self.west, self.north - _HEIGHT / self.k, east, self.north

    def x(self, lon: float) -> float:
        return round((lon - self.west) * self.k * self.cosine, 1)

    def y(self, lat: float) -> float:
        return round((self.north - lat) * self.k, 1)


def map_frame(
    bbox: Sequence[float] | None, footprints: Sequence[tuple[str, Mapping[str, Any]]]
) -> MapFrame | None:
    """The map of data with this bounding box (EPSG:4326, west > east across the antimeridian); None
    without one. `footprints` are titles with GeoJSON geometries; without any, the box itself is drawn."""
    if bbox is None:
        return None
    west, south, east, north = bbox
    box = (west, south, east + 360 if west > east else east, north)
    view = _View.of(box)
    shown = footprints or (("Bounding box", _box_geometry(box)),)
    rings = [[_unwrapped(ring, box) for ring in _rings(geometry)] for _, geometry in shown]
    left, top = view.x(box[0]), view.y(north)
    return MapFrame(
        lines=tuple(_graticule(view)),
        areas=tuple(
            Area("".join(_path(view, ring) for ring in each), title, number if len(shown) <= _COLOURS else 0)
            for number, ((title, _), each) in enumerate(zip(shown, rings, strict=True))
        ),
        box=(left, top, view.x(box[2]) - left, view.y(south) - top),
        scale=_scale(view),
        globe=_globe(box, [ring for each in rings for ring in each]),
        corners=(longitude(west), latitude(south), longitude(east), latitude(north)),
        has_outline=bool(footprints),
        label=f"from {longitude(west)} to {longitude(east)} and from {latitude(south)} to {latitude(north)}",
    )


def _globe(box: Box, rings: Sequence[Sequence[Position]]) -> Globe | None:
    """None of what is larger than the side that can be seen."""
    west, south, east, north = box
    if east - west > _HALF:
        return None
    return globe((_wrapped((west + east) / 2), (south + north) / 2), [_dense(ring) for ring in rings])


def longitude(degrees: float, *, digits: int = 4) -> str:
    """`13.4° E`."""
    return _angle(_wrapped(degrees), "EW", digits=digits)


def latitude(degrees: float, *, digits: int = 4) -> str:
    """`52.5° N`."""
    return _angle(degrees, "NS", digits=digits)


def _angle(degrees: float, letters: str, *, digits: int) -> str:
    text = f"{abs(degrees):.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if text in ("0", "180"):
        return f"{text}°"
    return f"{text}° {letters[0] if degrees > 0 else letters[1]}"


def _wrapped(lon: float) -> float:
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180


def _graticule(view: _View) -> Iterator[Line]:
    west, south, east, north = view.box
    step = next((step for step in _STEPS if (east - west) / step <= _MOST_LINES), _STEPS[-1])
    south, north = max(south, -90), min(north, 90)
    for lon in _multiples(step, west, east):
        x = view.x(lon)
        path = f"M{x} {view.y(north)}V{view.y(south)}"
        label = longitude(lon) if _ROOM <= x <= _WIDTH - _ROOM else ""
        yield Line(path, label, x, _HEIGHT - 8, is_meridian=True)
    for lat in _multiples(step, south, north):
        y = view.y(lat)
        label = latitude(lat) if _ROOM / 2 <= y <= _HEIGHT - _ROOM else ""
        yield Line(f"M0 {y}H{_WIDTH}", label, 8, y - 4, is_meridian=False)


def _multiples(step: float, low: float, high: float) -> Iterator[float]:
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step


def _scale(view: _View) -> Scale:
    metres_per_pixel = _METRES_PER_DEGREE / view.k
    longest = metres_per_pixel * _LONGEST_SCALE
    power = 10.0 ** math.floor(math.log10(longest))
    metres = next(factor * power for factor in (5, 2, 1) if factor * power <= longest)
    label = f"{metres / 1000:,.0f} km" if metres >= 1000 else f"{metres:g} m"
    return Scale(round(metres / metres_per_pixel, 1), label)


def _rings(geometry: Mapping[str, Any]) -> Iterator[Sequence[Position]]:
    """The rings of polygons (RFC 7946); a footprint has nothing else that has an area."""
    if geometry["type"] == "Polygon":
        yield from geometry["coordinates"]
    elif geometry["type"] == "MultiPolygon":
        for polygon in geometry["coordinates"]:
            yield from polygon
    elif geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from _rings(part)


def _unwrapped(ring: Sequence[Position], box: Box) -> list[Position]:
    """Across the antimeridian, what lies east of it goes on beyond 180 degrees."""
    if box[2] <= 180:
        return [(point[0], point[1]) for point in ring]
    between = (box[2] - 360 + box[0]) / 2
    return [(point[0] + 360 if point[0] < between else point[0], point[1]) for point in ring]


def _path(view: _View, ring: Sequence[Position]) -> str:
    return "M" + "L".join(f"{view.x(lon)} {view.y(lat)}" for lon, lat in ring) + "z"


def _dense(ring: Sequence[Position]) -> list[Position]:
    """Straight edges of degrees are curves on the globe."""
    points = list(ring[:1])
    for (lon, lat), (next_lon, next_lat) in pairwise(ring):
        count = 1 + int(max(abs(next_lon - lon), abs(next_lat - lat)) / 180 * _POINTS_PER_SIDE)
        points += [
            (lon + (next_lon - lon) * part / count, lat + (next_lat - lat) * part / count)
            for part in range(1, count + 1)
        ]
    return points


def _box_geometry(box: Box) -> dict[str, Any]:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
