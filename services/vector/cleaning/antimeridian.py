"""Longitudes beyond 180 degrees, and what crosses the antimeridian.

What crosses is first laid out in one piece (longitudes go on beyond 180), then cut at every turn, and the
pieces are moved back. (The package `antimeridian` does the like for plain two-dimensional polygons that have
no longitudes beyond 180; it takes no heights and turns rings.)

Edges of more than 180 degrees are not touched in data that come in degrees: to OGC and RFC 7946 they are
what they say. In data that come in another CRS such an edge may be a tear: the middle of the edge tells.
"""

from dataclasses import dataclass

import numpy as np

from core.task_models.vector import CleaningOptions, RejectReason
from services.vector.cleaning import pieces
from services.vector.cleaning.canonical import to_wkb
from services.vector.cleaning.ledger import Sheet
from services.vector.cleaning.walk import MULTIPOINT, POINT
from services.vector.cleaning.wkb import Layout
from services.vector.crs import Reprojection

_ROUNDING = 1e-9  # degrees, less than a millimetre
_STEP = "antimeridian"


def brought_back(sheet: Sheet, *, turn: float, options: CleaningOptions) -> Sheet:
    """The sheet with longitudes from -180 to 180, if asked; what then crosses the antimeridian is cut."""
    x, y = sheet.layout.xy
    _count_wide_edges(sheet, turn)
    half = turn / 2
    beyond = np.abs(x) > half
    if not beyond.any():
        return sheet
    x = np.where(beyond & (np.abs(x) <= half + _ROUNDING), np.copysign(half, x), x)
    rows = sheet.layout.rows_where(np.abs(x) > half)
    if options.antimeridian == "keep":
        return _kept(sheet, int(np.count_nonzero(rows)))
    shifts, fits = _shifts(sheet.layout, x, turn)
    sheet.ledger.count(_STEP, "shifted", np.count_nonzero(rows & fits))
    shifts = np.where(fits[sheet.layout.runs.row[sheet.layout.owner]], shifts, 0)
    sheet = sheet.with_layout(sheet.layout.moved(x - turn * shifts, y))
    return _cut(sheet, np.flatnonzero(rows & ~fits), pieces.Globe(turn), options)


def cut_where_torn(sheet: Sheet, before: Layout, way: Reprojection, options: CleaningOptions) -> Sheet:
    """The sheet, in degrees, with what reprojection has torn at the antimeridian cut there, if asked.

    `before` are the same rows in the CRS of the source.
    """
    turn = way.target_turn
    if turn is None:
        return sheet
    layout = sheet.layout
    x, y = layout.xy
    edges = _wide_edges(layout, turn)
    edges = edges[_is_torn(edges, x, before.xy, way)] if edges.size else edges
    if not edges.size:
        return sheet
    rows = np.unique(layout.runs.row[layout.owner[edges]])
    if options.antimeridian == "keep":
        return _kept(sheet, len(rows))
    sheet = sheet.with_layout(layout.moved(_laid_out(layout, edges, x, turn), y))
    return _cut(sheet, rows, pieces.Globe(turn, _Poles(before, way)), options)


@dataclass(frozen=True, slots=True)
class _Poles:
    """Which pole a ring goes around, by where it lies in the CRS of the source."""

    before: Layout
    way: Reprojection

    def __call__(self, first: int, last: int) -> float | None:
        turn = self.way.target_turn or 0.0
        latitudes = np.array([turn / 4, -turn / 4])
        east, north = self.way.back(np.zeros(2), latitudes)
        x, y = (each[first:last] for each in self.before.xy)
        for latitude, pole in zip(latitudes.tolist(), zip(east, north, strict=True), strict=True):
            if np.isfinite(pole).all() and pieces.surrounds((x, y), pole):
                return float(latitude)
        return None


def _cut(sheet: Sheet, rows: np.ndarray, globe: pieces.Globe, options: CleaningOptions) -> Sheet:
    """The sheet with what crosses the antimeridian, in some rows, in pieces on either side of it."""
    folding = pieces.Folding(sheet.layout, globe, mends=options.invalid_geometry == "repair")
    made = [folding.folded(row) for row in rows.tolist()]
    done = np.array([each is not None for each in made], dtype=bool)
    sheet.ledger.count(_STEP, "cut", np.count_nonzero(done))
    sheet.ledger.count("invalid_geometry", "repaired", len(folding.mended.intersection(rows[done].tolist())))
    wkb = to_wkb(np.array([each for each in made if each is not None], dtype=object))
    undone = np.zeros(len(sheet), dtype=bool)
    undone[rows[~done]] = True
    sheet = sheet.with_wkb(rows[done], wkb)
    if options.invalid_geometry == "keep" or not undone.any():
        sheet.ledger.count(_STEP, "uncut", np.count_nonzero(undone))
        return sheet
    sheet.ledger.count("invalid_geometry", "rejected", np.count_nonzero(undone))
    return sheet.without(
        undone,
        RejectReason.INVALID_GEOMETRY,
        "crosses the antimeridian, and cannot be cut as it is not valid",
    )


def _kept(sheet: Sheet, count: int) -> Sheet:
    sheet.ledger.count(_STEP, "kept", count)
    return sheet


def _shifts(layout: Layout, x: np.ndarray, turn: float) -> tuple[np.ndarray, np.ndarray]:
    """By how many turns each coordinate moves, and which rows are then on one side of the antimeridian.

    Points move one by one, anything else as a whole.
    """
    row = layout.runs.row[layout.owner]
    west, east = np.full(len(layout), np.inf), np.full(len(layout), -np.inf)
    np.fmin.at(west, row, x)
    np.fmax.at(east, row, x)
    is_points = (layout.base == POINT) | (layout.base == MULTIPOINT)
    with np.errstate(invalid="ignore"):  # empty points are NaN, and rows of them alone infinite
        whole = np.where(west < -turn / 2, np.floor(west / turn + 0.5), np.ceil(east / turn - 0.5))
        single = np.where(x < -turn / 2, np.floor(x / turn + 0.5), np.ceil(x / turn - 0.5))
        is_inside = (west - whole * turn >= -turn / 2) & (east - whole * turn <= turn / 2)
        fits = is_points | ~np.isfinite(west) | is_inside
    shifts = np.where(is_points[row], single, whole[row])
    return np.where(np.isfinite(shifts), shifts, 0), fits


def _count_wide_edges(sheet: Sheet, turn: float) -> None:
    x, _ = sheet.layout.xy
    if np.nanmax(x, initial=0) - np.nanmin(x, initial=0) <= turn / 2:
        return
    edges = _wide_edges(sheet.layout, turn)
    rows = np.unique(sheet.layout.runs.row[sheet.layout.owner[edges]])
    sheet.ledger.count(_STEP, "wide_edges_kept", rows.size)


def _wide_edges(layout: Layout, turn: float) -> np.ndarray:
    """The first coordinates of edges of more than half a turn."""
    x, _ = layout.xy
    wide: np.ndarray = np.flatnonzero((np.abs(np.diff(x)) > turn / 2) & (np.diff(layout.owner) == 0))
    return wide


def _is_torn(
    edges: np.ndarray, x: np.ndarray, before: tuple[np.ndarray, np.ndarray], way: Reprojection
) -> np.ndarray:
    """Which edges have their middle on the other side of the globe than their ends say."""
    turn = way.target_turn or 0.0
    middle, _ = way.apply(*((each[edges] + each[edges + 1]) / 2 for each in before))
    aside = np.abs((middle - (x[edges] + x[edges + 1]) / 2 + turn / 2) % turn - turn / 2)
    torn: np.ndarray = ~np.isfinite(middle) | (aside > turn / 4)
    return torn


def _laid_out(layout: Layout, edges: np.ndarray, x: np.ndarray, turn: float) -> np.ndarray:
    """Longitudes that go on where they were torn, each run beginning as it did."""
    steps = np.zeros(len(x))
    steps[edges + 1] = -turn * np.sign(x[edges + 1] - x[edges])
    total = np.cumsum(steps)
    begin = (np.cumsum(layout.runs.count) - layout.runs.count)[layout.owner]
    laid_out: np.ndarray = x + total - total[begin]
    return laid_out
