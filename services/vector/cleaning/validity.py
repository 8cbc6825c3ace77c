"""Broken and invalid geometries: found, repaired, or rejected.

Repair is GEOS's make-valid by structure: shells stay solid, holes stay holes, what overlaps is united, and
what has collapsed goes. (Its other method, by lines, takes every second overlap for a hole, and loses the
ground of overlapping parts.) Only parts of the dimension that the geometry had are kept.
"""

import numpy as np
import pyarrow as pa
import shapely

from core.task_models.vector import CleaningOptions, RejectReason
from services.vector.cleaning.canonical import from_wkb, parsed, to_wkb
from services.vector.cleaning.ledger import Sheet
from services.vector.cleaning.walk import COLLECTION, LINE, MULTIPOINT, POINT, RING
from services.vector.cleaning.wkb import Layout, unmeasured

_LEAST_RING, _LEAST_LINE = 4, 2  # coordinates
_COLLECTORS = {0: shapely.multipoints, 1: shapely.multilinestrings, 2: shapely.multipolygons}


def sound(sheet: Sheet, options: CleaningOptions) -> Sheet:
    """The sheet without what is no geometry at all: open rings, lines of one point.

    PostGIS takes no such thing, so that even `keep` cannot keep it; `repair` closes and completes.
    Coordinates must be finite.
    """
    broken = _broken(sheet.layout)
    if not broken.any():
        return sheet
    if options.invalid_geometry == "repair":
        at = np.flatnonzero(broken)
        incomplete = unmeasured(sheet.layout.column.filter(pa.array(broken)))
        completed = shapely.from_wkb(incomplete.to_numpy(zero_copy_only=False), on_invalid="fix")
        mended = valid_parts(completed, shapely.get_dimensions(completed))
        is_mended = np.array([each is not None for each in mended])
        sheet.ledger.count("broken_geometry", "repaired", np.count_nonzero(is_mended))
        sheet = sheet.with_wkb(at[is_mended], to_wkb(mended[is_mended]))
        broken[at[is_mended]] = False
    sheet.ledger.count("broken_geometry", "rejected", np.count_nonzero(broken))
    return sheet.without(
        broken, RejectReason.BROKEN_GEOMETRY, "a ring that is open, or a ring or line of too few points"
    )


def valid(sheet: Sheet, options: CleaningOptions) -> Sheet:
    """The sheet with all geometries valid, or as `invalid_geometry` says."""
    candidates = np.flatnonzero((sheet.layout.base != POINT) & (sheet.layout.base != MULTIPOINT))
    if not candidates.size:
        return sheet
    column = sheet.layout.column
    geometries = parsed(column if candidates.size == len(column) else column.take(candidates))
    is_invalid = ~shapely.is_valid(geometries)
    if not is_invalid.any():
        return sheet
    if shapely.is_missing(geometries).any():
        return valid(_without_unreadable(sheet, candidates[shapely.is_missing(geometries)]), options)
    at, wrong = candidates[is_invalid], geometries[is_invalid]
    if options.invalid_geometry == "keep":
        sheet.ledger.count("invalid_geometry", "kept", len(at))
        return sheet
    if options.invalid_geometry == "reject":
        return _rejected(sheet, at, wrong)
    return _repaired(sheet, at, wrong)


def valid_parts(geometries: np.ndarray, dimensions: np.ndarray) -> np.ndarray:
    """Valid geometries of the same dimension in the place of invalid ones; None where nothing is left."""
    made = np.full(len(geometries), None, dtype=object)
    given = ~shapely.is_missing(geometries)
    made[given] = shapely.make_valid(geometries[given], method="structure", keep_collapsed=False)
    is_collection = shapely.get_type_id(geometries) == COLLECTION
    strange = ~is_collection & (shapely.get_type_id(made) == COLLECTION)
    if strange.any():
        made[strange] = parts_of_dimension(made[strange], dimensions[strange])
    for at in np.flatnonzero(is_collection & given).tolist():
        made[at] = _without_empty_parts(made[at])
    good = given & ~shapely.is_empty(made) & shapely.is_valid(made)
    good &= is_collection | (shapely.get_dimensions(made) == dimensions)
    made[~good] = None
    return of_equal_depth(made, has_z=shapely.has_z(geometries))


def of_equal_depth(geometries: np.ndarray, *, has_z: np.ndarray) -> np.ndarray:
    """The geometries with a height in all their parts, if they are to have any."""
    return np.where(has_z, shapely.force_3d(geometries), geometries)


def _without_empty_parts(collection: shapely.Geometry) -> shapely.Geometry:
    """What repair has left of a collection: GEOS leaves empty parts, of two dimensions among three."""
    parts, _ = _single_parts(np.array([collection], dtype=object))
    return shapely.GeometryCollection(parts[~shapely.is_empty(parts)].tolist())


def _single_parts(geometries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All points, lines and polygons, however deep, and which geometry each is part of."""
    parts, owner = geometries, np.arange(len(geometries))
    while (shapely.get_type_id(parts) > shapely.GeometryType.POLYGON).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        owner = owner[inner]
    return parts, owner


def parts_of_dimension(geometries: np.ndarray, dimensions: np.ndarray) -> np.ndarray:
    """The parts that have that dimension, as one multi geometry each; None where there are none."""
    parts, owner = _single_parts(geometries)
    made = np.full(len(geometries), None, dtype=object)
    for dimension, collect in _COLLECTORS.items():
        fits = (dimensions[owner] == dimension) & (shapely.get_dimensions(parts) == dimension)
        fits &= ~shapely.is_empty(parts)
        if fits.any():
            rows, indices = np.unique(owner[fits], return_inverse=True)
            made[rows] = collect(parts[fits], indices=indices)
    return made


def _without_unreadable(sheet: Sheet, at: np.ndarray) -> Sheet:
    """What has the form of a geometry, and still is none: a hole in a polygon without a shell."""
    sheet.ledger.count("broken_geometry", "rejected", at.size)
    bad = np.zeros(len(sheet), dtype=bool)
    bad[at] = True
    return sheet.without(bad, RejectReason.BROKEN_GEOMETRY, "a geometry that makes no sense")


def _rejected(sheet: Sheet, at: np.ndarray, wrong: np.ndarray) -> Sheet:
    sheet.ledger.count("invalid_geometry", "rejected", len(at))
    bad = np.zeros(len(sheet), dtype=bool)
    bad[at] = True
    return sheet.without(bad, RejectReason.INVALID_GEOMETRY, shapely.is_valid_reason(wrong).tolist())


def _repaired(sheet: Sheet, at: np.ndarray, wrong: np.ndarray) -> Sheet:
    # GEOS 3.14 repairs measured geometries to ones of which some parts are measured and others not
    wrong = from_wkb(unmeasured(sheet.layout.column.take(at)))
    made = valid_parts(wrong, shapely.get_dimensions(wrong))
    is_made = np.array([each is not None for each in made])
    sheet.ledger.count("invalid_geometry", "repaired", np.count_nonzero(is_made))
    sheet.ledger.repair(sheet.rows[at[is_made]], shapely.area(wrong[is_made]), shapely.area(made[is_made]))
    sheet = sheet.with_wkb(at[is_made], to_wkb(made[is_made]))
    return _rejected(sheet, at[~is_made], wrong[~is_made]) if not is_made.all() else sheet


def _broken(layout: Layout) -> np.ndarray:
    runs = layout.runs
    least = np.where(runs.kind == RING, _LEAST_RING, np.where(runs.kind == LINE, _LEAST_LINE, 0))
    wrong = (runs.count > 0) & (runs.count < least)
    rings = np.flatnonzero((runs.kind == RING) & (runs.count > 0))
    if rings.size:
        wrong[rings] |= _is_open(layout, rings)
    flags = np.zeros(len(layout), dtype=bool)
    flags[runs.row[wrong]] = True
    return flags


def _is_open(layout: Layout, runs: np.ndarray) -> np.ndarray:
    x, y = layout.xy
    last = (np.cumsum(layout.runs.count) - 1)[runs]
    first = last - layout.runs.count[runs] + 1
    opened: np.ndarray = (x[first] != x[last]) | (y[first] != y[last])
    return opened
