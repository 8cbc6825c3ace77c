"""The direction of rings: exterior ones counterclockwise, interior ones clockwise (RFC 7946, 3.1.6)."""

import numpy as np
import shapely

from core.task_models.vector import CleaningOptions
from services.vector.cleaning.ledger import Sheet
from services.vector.cleaning.walk import RING
from services.vector.cleaning.wkb import Layout

# Of the size of a ring squared. Below, rounding may have decided the sign of its area.
_DOUBTFUL = 1e-9


def oriented(sheet: Sheet, options: CleaningOptions) -> Sheet:
    """The sheet with every ring in its direction, if asked; where one begins does not change."""
    layout = sheet.layout
    rings = np.flatnonzero((layout.runs.kind == RING) & (layout.runs.count > 0))
    if not rings.size:
        return sheet
    wrong = rings[_directions(layout, rings) * np.where(layout.runs.is_shell[rings] > 0, 1, -1) < 0]
    if not wrong.size:
        return sheet
    is_kept = options.orientation == "keep"
    sheet.ledger.count("orientation", "kept" if is_kept else "turned", len(np.unique(layout.runs.row[wrong])))
    return sheet if is_kept else sheet.with_layout(layout.turned(wrong))


def _directions(layout: Layout, rings: np.ndarray) -> np.ndarray:
    """1 for counterclockwise, -1 for clockwise, 0 for flat rings.

    By the signed area, reckoned from the first corner of each ring; by exact arithmetic in doubt.
    """
    x, y = layout.xy
    count = layout.runs.count
    begin = np.cumsum(count) - count
    here = x, y
    if len(rings) < len(count):  # points and lines have no direction: leave them out
        inside = (layout.runs.kind == RING)[layout.owner]
        here = x[inside], y[inside]
        count = count[rings]
        begin = np.cumsum(count) - count
    x, y = here[0] - np.repeat(here[0][begin], count), here[1] - np.repeat(here[1][begin], count)
    cross = np.zeros(len(x))
    cross[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]  # where rings meet, one factor of each term is zero
    area = np.add.reduceat(cross, begin)
    size = np.maximum(np.maximum.reduceat(np.abs(x), begin), np.maximum.reduceat(np.abs(y), begin))
    directions = np.sign(area)
    doubtful = np.flatnonzero((area != 0) & (np.abs(area) <= _DOUBTFUL * size * size))
    if doubtful.size:
        exact = _is_counterclockwise(here, begin[doubtful], count[doubtful])
        directions[doubtful] = np.where(exact, 1, -1)
    return directions


def _is_counterclockwise(
    xy: tuple[np.ndarray, np.ndarray], begin: np.ndarray, count: np.ndarray
) -> np.ndarray:
    at = np.repeat(begin - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    owner = np.repeat(np.arange(len(count)), count)
    ring = shapely.linearrings(np.column_stack([xy[0][at], xy[1][at]]), indices=owner)
    answer: np.ndarray = shapely.is_ccw(ring)
    return answer
