"""Coordinates: possible ones only, brought into the CRS of the table.

The coordinates are exchanged in the bytes; whatever else a geometry has stays. A geometry whose every
coordinate stays is passed on byte for byte.
"""

import numpy as np
import pyarrow as pa

from core.task_models.vector import CleaningOptions, RejectReason
from services.vector.cleaning import antimeridian
from services.vector.cleaning.ledger import Sheet
from services.vector.cleaning.walk import POINT
from services.vector.cleaning.wkb import Layout, floats
from services.vector.crs import Reprojection

_SAME_DEGREES, _SAME_MAP_UNITS = 1e-5, 1.0  # there and back again, about a metre


def possible(sheet: Sheet, way: Reprojection, options: CleaningOptions) -> Sheet:
    """The sheet without what cannot be a place in the CRS of the source: NaN, inf, degrees off the globe.

    A height (Z) of NaN is a missing one and becomes 0; one of inf is impossible. Measures (M) are free.
    """
    bad = ~way.is_source_place(*sheet.layout.xy)
    if bad.any():
        bad &= ~_is_empty_point(sheet.layout)
        rows = sheet.layout.rows_where(bad)
        sheet.ledger.count("out_of_range", "rejected", np.count_nonzero(rows))
        limits = "off the globe" if way.source_turn else "off the map"
        detail = f"a coordinate is NaN, infinite, or {limits}"
        sheet = sheet.without(rows, RejectReason.COORDINATES_OUT_OF_RANGE, detail)
    return _with_heights(sheet) if options.dimensions == "keep" else sheet


def placed(sheet: Sheet, way: Reprojection, options: CleaningOptions) -> Sheet:
    """The sheet in the CRS of the table, cut at the antimeridian."""
    if way.source_turn and len(sheet):
        sheet = antimeridian.brought_back(sheet, turn=way.source_turn, options=options)
    if way.transformer is None or not len(sheet):
        return sheet
    x, y = way.apply(*sheet.layout.xy)
    sheet, before = _reached(sheet, _lost(sheet, way, (x, y)), (x, y), way)
    return antimeridian.cut_where_torn(sheet, before, way, options)


def _lost(sheet: Sheet, way: Reprojection, after: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Which coordinates have no place in the CRS of the table."""
    lost = ~way.is_target_place(*after)
    if _may_be_out_of_reach(sheet, way):
        lost |= ~_comes_back(way, sheet.layout.xy, after)
    if lost.any():
        lost &= ~_is_empty_point(sheet.layout)
    return lost


def _reached(
    sheet: Sheet, lost: np.ndarray, xy: tuple[np.ndarray, np.ndarray], way: Reprojection
) -> tuple[Sheet, Layout]:
    """The rows that have a place, there, and the same as they were in the CRS of the source."""
    before = sheet.layout
    empty = np.isnan(before.xy[0])
    if empty.any():  # PROJ makes inf of NaN
        xy = np.where(empty, np.nan, xy[0]), np.where(empty, np.nan, xy[1])
    sheet = sheet.with_layout(before.moved(*xy))
    rows = before.rows_where(lost)
    if not rows.any():
        return sheet, before
    sheet.ledger.count("out_of_range", "unplaceable", np.count_nonzero(rows))
    detail = f"{way.target_crs} has no place for a coordinate"
    sheet = sheet.without(rows, RejectReason.UNPLACEABLE, detail)
    return sheet, Layout(before.column.filter(pa.array(~rows)))


def _may_be_out_of_reach(sheet: Sheet, way: Reprojection) -> bool:
    """Whether some source coordinates are far from where the target CRS is made for.

    Projections answer finite nonsense far from their place, which only the way back shows.
    """
    reach = way.reach
    if reach is None or not len(sheet):
        return False
    x, y = sheet.layout.xy
    west, south, east, north = reach
    with np.errstate(invalid="ignore"):
        return bool(((x < west) | (x > east) | (y < south) | (y > north)).any())


def _comes_back(
    way: Reprojection, before: tuple[np.ndarray, np.ndarray], after: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    x, y = way.back(*after)
    tolerance = _SAME_DEGREES if way.source_turn else _SAME_MAP_UNITS
    width = way.source_turn or way.source_width
    with np.errstate(invalid="ignore"):
        aside = np.abs(x - before[0])
        if width:  # what lies beyond the antimeridian comes back on this side of it
            aside = np.minimum(aside % width, -aside % width)
        if way.source_turn:  # longitudes mean nothing at the poles
            aside = aside * np.cos(before[1] * (2 * np.pi / way.source_turn))
        same: np.ndarray = (aside <= tolerance) & (np.abs(y - before[1]) <= tolerance)
    return same


def _with_heights(sheet: Sheet) -> Sheet:
    layout = sheet.layout
    if not (layout.dims & 1).any():
        return sheet
    has_z = ((layout.dims & 1) > 0)[layout.runs.row[layout.owner]]
    heights = np.zeros(len(has_z))
    heights[has_z] = floats(layout.data)[layout.positions[has_z] + 16]
    missing, infinite = np.isnan(heights), np.isinf(heights)
    missing &= ~_is_empty_point(layout) if missing.any() else False
    if missing.any():
        sheet.ledger.count("heights", "zero", np.count_nonzero(layout.rows_where(missing)))
        sheet = sheet.with_layout(layout.with_ordinate(2, missing, 0.0))
    rows = layout.rows_where(infinite)
    sheet.ledger.count("out_of_range", "rejected", np.count_nonzero(rows))
    return sheet.without(rows, RejectReason.COORDINATES_OUT_OF_RANGE, "a height is infinite")


def _is_empty_point(layout: Layout) -> np.ndarray:
    """Which coordinates are the two NaN by which WKB writes an empty point (as part of something else)."""
    x, y = layout.xy
    empty: np.ndarray = np.isnan(x) & np.isnan(y) & (layout.runs.kind[layout.owner] == POINT)
    return empty
