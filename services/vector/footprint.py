"""The footprint of a table: an area in degrees that holds every feature, of few corners.

The cells of a grid over the extent are gathered chunk by chunk and put together here. A grid in degrees
becomes the footprint as it is. Cells of another CRS are laid, bent as they are, on a grid in degrees, and
that one becomes the footprint: so there are no curves to follow, and no poles to go around.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from core.task_models.vector import BoundingBox
from services.vector.bounds import normalised
from services.vector.crs import degrees_of
from services.vector.crs_areas import TURN
from services.vector.grid import SIZE, Grid

_WORLD = (-180.0, -90.0, 180.0, 90.0)
_MOST_CORNERS = 200
_LEAST_SIZE = 2e-6  # degrees: a footprint is an area, also that of one point
_LEAST_GAP = 90.0  # degrees of longitude: with less, bounds go once around
_BETWEEN_SAMPLES = 2e-3  # of the size of bounds
_SAMPLES = 4  # of each side of a cell
_LOOSE = 0.25  # of the size of a sample: by how much it may be bent
_POLAR = 90.0  # degrees of longitude: what a sample spans only near a pole


def merged(cells: Iterable[str]) -> str:
    """The cells of several chunks of one table together."""
    whole = 0
    digits = 0
    for each in cells:
        whole |= int(each or "0", 16)
        digits = max(digits, len(each))
    return f"{whole:0{digits}x}" if digits else ""


def footprint(cells: str, *, extent: BoundingBox, srid: int, bbox: BoundingBox) -> dict[str, Any]:
    """A valid GeoJSON Polygon or MultiPolygon in EPSG:4326 that holds every feature (RFC 7946).

    Counterclockwise, cut at the antimeridian, of at most 200 corners. `cells`, `extent` (the grid) and `bbox`
    (minima and maxima of the loaded features) are in the CRS `srid`.
    """
    grid, bounds = Grid.read(cells, extent), bbox
    if not _is_degrees(srid):
        bounds = _loosened(_widened(degrees_of(bbox, f"EPSG:{srid}") or _WORLD))
        grid = _in_degrees(grid, srid, bounds)
    if not grid.mask.any() or max(bounds[2] - bounds[0], bounds[3] - bounds[1]) <= _LEAST_SIZE:
        grid.mask[:] = True
    area = _area(_reaching(grid, bounds))
    clipped = _polygons(shapely.intersection(area, shapely.union_all(list(_within_a_turn(_widened(bounds))))))
    area = clipped if not clipped.is_empty and _corners(clipped) <= _MOST_CORNERS else area
    turned = shapely.orient_polygons(area, exterior_cw=False)
    parts = shapely.get_parts(turned)
    return dict(mapping(parts[0] if len(parts) == 1 else turned))


def degrees_bbox(cells: str, *, extent: BoundingBox, srid: int, bbox: BoundingBox) -> BoundingBox | None:
    """The bounds of a table in EPSG:4326 as GeoJSON writes them: west > east across the antimeridian.

    None where there are none. Arguments as of `footprint`. By minima and maxima, what lies on both sides of
    the antimeridian goes once around; the widest gap among the cells says where it begins and ends.
    """
    if not _is_degrees(srid):
        return degrees_of(bbox, f"EPSG:{srid}")
    west, south, east, north = normalised(bbox)
    taken = Grid.read(cells, extent).mask.any(axis=0)
    if east - west <= TURN / 2 or extent[2] - extent[0] > TURN or not taken.any():
        return west, south, east, north
    edges = np.linspace(extent[0], extent[2], SIZE + 1)
    starts, ends = edges[:-1][taken], edges[1:][taken]
    gaps = np.append(starts[1:], starts[0] + TURN) - ends
    widest = int(np.argmax(gaps))
    begin, end = _usual(starts[(widest + 1) % len(starts)]), _usual(ends[widest])
    is_across = begin > end and gaps[widest] >= _LEAST_GAP
    return (begin, south, end, north) if is_across else (west, south, east, north)


def _usual(longitude: float) -> float:
    return float((longitude + TURN / 2) % TURN - TURN / 2)


def _is_degrees(srid: int) -> bool:
    from pyproj import CRS

    return bool(CRS.from_epsg(srid).equals(CRS.from_epsg(4326), ignore_axis_order=True))


def _widened(bbox: BoundingBox) -> BoundingBox:
    """The bounds with the east behind the west, and never flat."""
    west, south, east, north = bbox
    east += TURN * (west > east)
    wide, high = max(0.0, _LEAST_SIZE - (east - west)) / 2, max(0.0, _LEAST_SIZE - (north - south)) / 2
    return west - wide, max(south - high, -90.0), east + wide, min(north + high, 90.0)


def _loosened(bounds: BoundingBox) -> BoundingBox:
    """Bounds that were transformed by samples of their edges, with what lies between these."""
    west, south, east, north = bounds
    wide, high = (east - west) * _BETWEEN_SAMPLES, (north - south) * _BETWEEN_SAMPLES
    return west - wide, max(south - high, -90.0), east + wide, min(north + high, 90.0)


# -- from another CRS -------------------------------------------------------------------------------


def _in_degrees(grid: Grid, srid: int, bounds: BoundingBox) -> Grid:
    """A grid in degrees over the bounds, touched wherever a cell of the other one may lie."""
    from pyproj import CRS, Transformer

    target = Grid.over(bounds)
    crs = CRS.from_epsg(srid)
    to_degrees = Transformer.from_crs(crs, 4326, always_xy=True)
    corners = [to_degrees.transform(*each) for each in _samples(grid)]
    longitude, latitude = (np.array(each) for each in zip(*corners, strict=True))
    placed = np.isfinite(longitude).all(axis=0) & np.isfinite(latitude).all(axis=0)
    west, east = _span(_unwrapped(longitude[:, placed]))
    south, north = _span(latitude[:, placed])
    polar = east - west > _POLAR
    west, east = np.where(polar, -TURN / 2, west), np.where(polar, TURN / 2, east)
    south = np.where(polar & (south < 0), -90.0, south)
    north = np.where(polar & (north > 0), 90.0, north)
    for turns in (-1, 0, 1):
        _touch(target, (west + turns * TURN, east + turns * TURN), (south, north))
    return target


def _samples(grid: Grid) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The four corners of all small squares of which the touched cells are made."""
    rows, columns = np.nonzero(grid.mask)
    west, south, east, north = grid.extent
    wide, high = (east - west) / SIZE / _SAMPLES, (north - south) / SIZE / _SAMPLES
    inner = np.arange(_SAMPLES)
    across = (columns[:, None, None] * _SAMPLES + inner[None, :, None] + 0 * inner[None, None, :]).ravel()
    along = (rows[:, None, None] * _SAMPLES + 0 * inner[None, :, None] + inner[None, None, :]).ravel()
    for right, up in ((0, 0), (1, 0), (0, 1), (1, 1)):
        yield west + (across + right) * wide, south + (along + up) * high


def _unwrapped(longitude: np.ndarray) -> np.ndarray:
    """Longitudes of corners, each on the shortest way from the first."""
    first = longitude[:1]
    unwrapped: np.ndarray = first + (longitude - first + TURN / 2) % TURN - TURN / 2
    return unwrapped


def _span(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = values.min(axis=0), values.max(axis=0)
    loose = (high - low) * _LOOSE
    return low - loose, high + loose


def _touch(grid: Grid, x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray]) -> None:
    west, south, east, north = grid.extent
    inside = (x[1] >= west) & (x[0] <= east) & (y[1] >= south) & (y[0] <= north)
    columns = grid.columns_of(x[0][inside]), grid.columns_of(x[1][inside])
    rows = grid.rows_of(y[0][inside]), grid.rows_of(y[1][inside])
    grid.touch_ranges(columns, rows)


# -- the outline ------------------------------------------------------------------------------------


def _reaching(grid: Grid, bounds: BoundingBox) -> Grid:
    """The grid with its outermost cells reaching to the bounds, if these lie beyond."""
    west, south, east, north = grid.extent
    if east <= TURN / 2 and bounds[0] <= bounds[2]:
        west, east = min(west, bounds[0]), max(east, bounds[2])
    return Grid((west, min(south, bounds[1]), east, max(north, bounds[3])), grid.mask)


def _area(grid: Grid) -> shapely.MultiPolygon:
    """The touched cells as polygons from -180 to 180; of larger cells, until the corners are few."""
    mask = grid.mask
    while True:
        area = _polygons(shapely.union_all(list(_boxes(mask, grid.extent))).simplify(0))
        if _corners(area) <= _MOST_CORNERS or len(mask) <= 1:
            return area
        half = len(mask) // 2
        mask = np.asarray(mask.reshape(half, 2, half, 2).any(axis=(1, 3)))


def _corners(area: shapely.Geometry) -> int:
    return int(shapely.get_num_coordinates(area))


def _boxes(mask: np.ndarray, extent: BoundingBox) -> Iterator[shapely.Polygon]:
    """Runs of touched cells, row by row."""
    west, south, east, north = extent
    x = np.linspace(west, east, len(mask) + 1)
    y = np.linspace(south, north, len(mask) + 1)
    for row in np.flatnonzero(mask.any(axis=1)).tolist():
        edges = np.flatnonzero(np.diff(mask[row].astype(np.int8), prepend=0, append=0))
        for first, last in edges.reshape(-1, 2).tolist():
            yield from _within_a_turn((x[first], y[row], x[last], y[row + 1]))


def _within_a_turn(box: BoundingBox) -> Iterator[shapely.Polygon]:
    """The box between -180 and 180 degrees, in two where it goes on beyond."""
    west, south, east, north = box
    half = TURN / 2
    for turns in (-1, 0, 1):
        left, right = max(west - turns * TURN, -half), min(east - turns * TURN, half)
        if left < right:
            yield shapely.box(left, max(south, -90.0), right, min(north, 90.0))


def _polygons(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    parts = shapely.get_parts(geometry)
    return shapely.MultiPolygon(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON].tolist())
