"""Which cells of the grid of a table its geometries touch: by their vertices, edges and insides."""

import numpy as np
import shapely

from core.task_models.vector import BoundingBox
from services.vector.cleaning.canonical import from_wkb
from services.vector.cleaning.walk import POINT, RING
from services.vector.cleaning.wkb import Layout
from services.vector.crs_areas import TURN
from services.vector.grid import Grid

_NEXT_TO_NOTHING = 1e-9
_LEAST_SPAN = 3  # columns and rows: with less, no cell can lie inside without an edge in it


def touched(layout: Layout, extent: BoundingBox) -> str:
    """The cells as `Grid.written` writes them. Every point of every geometry lies in one of them.

    A long edge touches some more than it must: those of the boxes around its pieces.
    """
    grid = Grid.over(extent)
    x, y = layout.xy
    x = _in_extent(x, extent)
    placed = ~np.isnan(x)
    columns, rows = np.zeros(len(x), dtype=np.int64), np.zeros(len(x), dtype=np.int64)
    columns[placed], rows[placed] = grid.columns_of(x[placed]), grid.rows_of(y[placed])
    grid.touch(columns[placed], rows[placed])
    if (layout.runs.kind != POINT).any():
        _touch_edges(grid, layout, (x, y), (columns, rows))
        _touch_insides(grid, layout, (columns, rows))
    return grid.written()


def _in_extent(x: np.ndarray, extent: BoundingBox) -> np.ndarray:
    """Longitudes as the extent counts them, where it goes on beyond 180 degrees.

    180 itself lies before the antimeridian, -180 behind it.
    """
    if not _goes_on(extent):
        return x
    before = TURN / 2 - (extent[2] - extent[0]) * _NEXT_TO_NOTHING
    return np.where(x < extent[0], x + TURN, np.where(x == TURN / 2, before, x))


def _goes_on(extent: BoundingBox) -> bool:
    west, _, east, _ = extent
    return -TURN / 2 <= west < TURN / 2 < east <= 1.5 * TURN


def _touch_edges(
    grid: Grid,
    layout: Layout,
    xy: tuple[np.ndarray, np.ndarray],
    cells: tuple[np.ndarray, np.ndarray],
) -> None:
    columns, rows = cells
    wide, high = np.abs(np.diff(columns)), np.abs(np.diff(rows))
    crossing = np.flatnonzero(((wide > 0) | (high > 0)) & (np.diff(layout.owner) == 0))
    if not crossing.size:
        return
    pieces = np.maximum(np.minimum(wide, high)[crossing], 1)  # flat edges lie in one row or column
    edge = np.repeat(crossing, pieces)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    ends = [(number + step) / np.repeat(pieces, pieces) for step in (0, 1)]
    at = [[each[edge] + end * (each[edge + 1] - each[edge]) for end in ends] for each in xy]
    across = np.sort([grid.columns_of(each) for each in at[0]], axis=0)
    along = np.sort([grid.rows_of(each) for each in at[1]], axis=0)
    grid.touch_ranges((across[0], across[1]), (along[0], along[1]))


def _touch_insides(grid: Grid, layout: Layout, cells: tuple[np.ndarray, np.ndarray]) -> None:
    """Cells that lie in a polygon whole, far from its edges."""
    rings = np.flatnonzero((layout.runs.kind == RING) & (layout.runs.count > 0) & (layout.runs.is_shell > 0))
    if not rings.size:
        return
    begin = (np.cumsum(layout.runs.count) - layout.runs.count)[rings]
    low, high = _spans(layout, rings, begin, cells)
    large = ((high - low) >= _LEAST_SPAN - 1).all(axis=0)
    x, y = grid.centres()
    goes_on = _goes_on(grid.extent)
    geometries: dict[int, shapely.Geometry] = {}
    for ring in np.flatnonzero(large).tolist():
        (west, south), (east, north) = low[:, ring], high[:, ring]
        window = slice(south, north + 1), slice(west, east + 1)
        free = ~grid.mask[window]
        if not free.any():
            continue
        row = int(layout.runs.row[rings[ring]])
        if row not in geometries:
            geometries[row] = from_wkb(layout.column.slice(row, 1))[0]
            shapely.prepare(geometries[row])
        inside = shapely.contains_xy(geometries[row], x[window], y[window])
        if goes_on:
            inside |= shapely.contains_xy(geometries[row], x[window] - TURN, y[window])
        grid.mask[window] |= free & inside


def _spans(
    layout: Layout, rings: np.ndarray, begin: np.ndarray, cells: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last column and row of each ring, as two arrays (2, rings)."""
    bounds = np.column_stack([begin, begin + layout.runs.count[rings]]).ravel()
    low = [np.minimum.reduceat(np.append(each, 0), bounds)[::2] for each in cells]
    high = [np.maximum.reduceat(np.append(each, 0), bounds)[::2] for each in cells]
    return np.array(low), np.array(high)
