"""The outline of a raster on the globe, by the rules of RFC 7946."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import antimeridian
import shapely
from rasterio._err import CPLE_BaseError  # what `rasterio.warp.transform` raises, of no public class
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from shapely.geometry import Polygon, mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from core.task_models.stac import BBox
from services.raster.georeference import footprint_ring
from services.stac.items import box_geometry

_POINTS_PER_EDGE = 64
_TOLERANCE = 1e-4  # of the height: what straight edges may be off where the grid's are curved
_CLOSE = 1e-9
_AT_THE_POLE = 90 - _CLOSE

Affine = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Footprint:
    """GeoJSON in EPSG:4326, and its bounds; west > east where it crosses the antimeridian."""

    geometry: dict[str, Any]
    bbox: BBox


def footprint(crs: CRS, transform: Affine, *, width: int, height: int, bbox: BBox) -> Footprint:
    """The outline as a valid Polygon or MultiPolygon in degrees, counter-clockwise.

    It follows the grid, rotated or curved; is cut where it crosses the antimeridian (RFC 7946, section
    3.1.9); reaches the pole where it goes around one; and has nothing beyond the globe. Where the grid
    leaves the area of its projection, it is the given bounding box.
    """
    if crs.is_geographic and _goes_around(transform, width=width, height=height):
        return Footprint(box_geometry(bbox), bbox)
    try:
        ring = footprint_ring(crs, transform, width=width, height=height, points_per_edge=_POINTS_PER_EDGE)
    except (RasterioError, CPLE_BaseError):
        return Footprint(box_geometry(bbox), bbox)
    if not all(math.isfinite(number) for point in ring for number in point):
        return Footprint(box_geometry(bbox), bbox)
    a, b, _, d, e, _ = transform
    is_mirrored = a * e - b * d > 0
    cut = _cut(_unambiguous(ring[::-1] if is_mirrored else ring))
    if cut is None:
        return Footprint(box_geometry(bbox), bbox)
    west, south, east, north = antimeridian.bbox(cut)
    return Footprint(dict(mapping(cut)), (west, south, east, north))


def _goes_around(transform: Affine, *, width: int, height: int) -> bool:
    a, b, _, _, _, _ = transform
    return abs(a) * width + abs(b) * height >= 360 - _CLOSE


def _cut(ring: list[tuple[float, float]]) -> BaseGeometry | None:
    """The ring as an area, cut at the antimeridian; None where it makes no area."""
    if len(set(ring)) < 3:
        return None
    shape: BaseGeometry = Polygon(ring)
    if not _lies_plain(ring):
        # The winding tells a ring around a pole from one around the rest of the globe: it must stay.
        shape = antimeridian.fix_polygon(shape, fix_winding=False, great_circle=False)
    _, south, _, north = shape.bounds
    shape = shape.simplify(_TOLERANCE * (north - south), preserve_topology=True)
    if shape.is_empty or not shape.is_valid:
        return None
    if isinstance(shape, Polygon):
        return orient(shape)
    return shapely.MultiPolygon([orient(part) for part in shape.geoms])


def _lies_plain(ring: list[tuple[float, float]]) -> bool:
    """Whether it neither crosses the antimeridian nor goes around a pole; most do not."""
    steps = pairwise(ring)
    return all(abs(lon) <= 180 for lon, _ in ring) and all(abs(b[0] - a[0]) < 180 for a, b in steps)


def _unambiguous(ring: list[list[float]]) -> list[tuple[float, float]]:
    """The same ring, without points whose longitude could as well be another one.

    A point at a pole takes the longitudes of its neighbours; one on the antimeridian is on the side that
    the ring comes from. Half a pixel beyond a pole is common in global grids, and is not on the globe.
    """
    points = _on_one_side([(lon, min(max(lat, -90.0), 90.0)) for lon, lat in ring[:-1]])
    result: list[tuple[float, float]] = []
    for index, (lon, lat) in enumerate(points):
        if abs(lat) < _AT_THE_POLE:
            result.append((lon, lat))
            continue
        around = (points[index - 1], points[(index + 1) % len(points)])
        result.extend((neighbour[0], lat) for neighbour in around)
    return [*result, result[0]]


def _on_one_side(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    # Twice around, as the first points may lie on the antimeridian themselves.
    side, result = 1.0, list(points)
    for index in (*range(len(points)), *range(len(points))):
        lon, lat = result[index]
        if abs(abs(lon) - 180) > _CLOSE:
            side = math.copysign(1.0, lon) if abs(lat) < _AT_THE_POLE else side
        else:
            result[index] = (side * 180.0, lat)
    return result
