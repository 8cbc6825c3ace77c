"""Where the features of a CSV file lie: its columns with coordinates or well-known text, and their CRS.

A client may name the columns. Otherwise usual names decide, and the values must agree with them. Degrees are
assumed to be WGS 84, and it is said; of other coordinates nothing is assumed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from core.errors import PermanentTaskError
from core.task_models.vector import VectorReading

# East first; by falling certainty. Compared without case, spaces and signs.
_DEGREE_NAMES = (
    ("longitude", "latitude"),
    ("lon", "lat"),
    ("lng", "lat"),
    ("long", "lat"),
    ("decimallongitude", "decimallatitude"),
    ("londd", "latdd"),
    ("gpslongitude", "gpslatitude"),
)
_PLANE_NAMES = (
    ("x", "y"),
    ("xcoord", "ycoord"),
    ("coordx", "coordy"),
    ("pointx", "pointy"),
    ("xcoordinate", "ycoordinate"),
)
_PROJECTED_NAMES = (
    ("easting", "northing"),
    ("eastings", "northings"),
    ("east", "north"),
    ("rechtswert", "hochwert"),
    ("ostwert", "nordwert"),
)
_PAIRS = (*_DEGREE_NAMES, *_PLANE_NAMES, *_PROJECTED_NAMES)
_WKT_NAMES = frozenset(
    {"wkt", "geom", "geometry", "thegeom", "geomwkt", "wktgeom", "geometrywkt", "wktgeometry", "shape"}
)
_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"
_WKT = (
    r"(?i)^\s*(?:SRID=[0-9]{1,6};\s*)?(?:POINT|LINESTRING|POLYGON|MULTI(?:POINT|LINESTRING|POLYGON|CURVE|SURFACE)"
    r"|GEOMETRYCOLLECTION|CIRCULARSTRING|COMPOUNDCURVE|CURVEPOLYGON)\s*(?:Z|M|ZM)?\s*(?:\(|EMPTY)"
)
_SRID = r"(?i)^\s*SRID=(?P<srid>[0-9]{1,6});\s*"
_NESTED_WORDS, MAX_DEPTH = 32, 32


@dataclass(frozen=True, slots=True)
class Places:
    """Which columns (by position) hold the places: `x` and `y`, or `wkt`."""

    x: int | None = None
    y: int | None = None
    wkt: int | None = None
    is_projected: bool = False

    def geometries(self, columns: Sequence[pa.Array], *, decimal_comma: bool) -> tuple[pa.Array, np.ndarray]:
        """ISO WKB of the rows of a batch, null without a place, and the rows whose place cannot be read."""
        if self.wkt is not None:
            return _from_wkt(columns[self.wkt])
        assert self.x is not None
        assert self.y is not None
        return _from_numbers(columns[self.x], columns[self.y], decimal_comma=decimal_comma)


def places_of(names: Sequence[str], sample: Sequence[pa.Array], *, reading: VectorReading) -> Places:
    """The columns with the places; `sample` holds first rows, as texts, and decides where names do not.

    Raises:
        PermanentTaskError: COORDINATE_COLUMNS: a column that was named is not there, or none is found.
    """
    if reading.wkt_column is not None:
        return Places(wkt=_position(names, reading.wkt_column))
    if reading.x_column is not None or reading.y_column is not None:
        return _named_pair(names, reading)
    plain = [re.sub(r"[\W_]", "", name.casefold()) for name in names]
    wkt = [position for position, texts in enumerate(sample) if _is_wkt(texts)]
    by_name = [position for position in wkt if plain[position] in _WKT_NAMES]
    if by_name:
        return Places(wkt=by_name[0])
    for pair in _PAIRS:
        if pair[0] in plain and pair[1] in plain:
            x, y = plain.index(pair[0]), plain.index(pair[1])
            return Places(x=x, y=y, is_projected=pair in _PROJECTED_NAMES)
    if len(wkt) == 1:
        return Places(wkt=wkt[0])
    raise _not_found("The columns with the coordinates cannot be told.", names)


def _named_pair(names: Sequence[str], reading: VectorReading) -> Places:
    if reading.x_column is None or reading.y_column is None:
        raise _not_found("One of x_column and y_column is named without the other.", names)
    return Places(x=_position(names, reading.x_column), y=_position(names, reading.y_column))


def _position(names: Sequence[str], wanted: str) -> int:
    exact = [position for position, name in enumerate(names) if name == wanted]
    folded = [position for position, name in enumerate(names) if name.casefold() == wanted.casefold()]
    found = exact or folded
    if len(found) != 1:
        raise _not_found(f"There is no one column {wanted!r}.", names)
    return found[0]


def _is_wkt(texts: pa.Array) -> bool:
    values = texts.drop_null()
    return len(values) > 0 and bool(pc.all(pc.match_substring_regex(values, _WKT)).as_py())


def _not_found(message: str, names: Sequence[str]) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="COORDINATE_COLUMNS",
        remedy="Name them in processing_config: x_column and y_column, or wkt_column.",
        context={"columns": list(names[:100])},
    )


# -- coordinates in two columns ---------------------------------------------------------------------


def _from_numbers(x: pa.Array, y: pa.Array, *, decimal_comma: bool) -> tuple[pa.Array, np.ndarray]:
    east, bad_x = _numbers(x, decimal_comma=decimal_comma)
    north, bad_y = _numbers(y, decimal_comma=decimal_comma)
    missing_x, missing_y = np.isnan(east) & ~bad_x, np.isnan(north) & ~bad_y
    bad = bad_x | bad_y | (missing_x != missing_y)
    return point_wkb(east, north, is_null=missing_x | missing_y | bad), np.flatnonzero(bad)


def _numbers(texts: pa.Array, *, decimal_comma: bool) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, NaN where there is none; and which texts are none although they are there."""
    trimmed = pc.utf8_trim_whitespace(texts)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    if decimal_comma:
        trimmed = pc.replace_substring(trimmed, ",", ".")
    is_number = pc.match_substring_regex(trimmed, _NUMBER)
    bad = pc.fill_null(pc.invert(is_number), fill_value=False).to_numpy(zero_copy_only=False)
    kept = pc.if_else(pc.fill_null(is_number, fill_value=False), trimmed, pa.scalar(None, pa.string()))
    unsigned = pc.replace_substring_regex(kept, r"^\+", "")
    values = pc.fill_null(unsigned.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    return values, bad


def point_wkb(x: np.ndarray, y: np.ndarray, *, is_null: np.ndarray) -> pa.Array:
    """Points as little-endian ISO WKB."""
    is_there = ~is_null
    wkb = np.empty(np.count_nonzero(is_there), dtype=_POINT)
    wkb["order"], wkb["type"], wkb["x"], wkb["y"] = 1, 1, x[is_there], y[is_there]
    offsets = np.zeros(len(x) + 1, dtype=np.int32)
    np.cumsum(is_there * np.int32(_POINT.itemsize), out=offsets[1:])
    validity = pa.array(is_there).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), len(x), [validity, pa.py_buffer(offsets), pa.py_buffer(wkb)])


# -- well-known text --------------------------------------------------------------------------------


def srids_in(texts: pa.Array) -> set[int]:
    """The numbers of the prefixes `SRID=n;` that well-known texts begin with."""
    found = pc.extract_regex(texts, _SRID).drop_null()
    return {int(srid) for srid in pc.unique(found.field("srid")).to_pylist()} if len(found) else set()


def _from_wkt(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    trimmed = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), _SRID, "")
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    values = trimmed.to_numpy(zero_copy_only=False)
    deep = _too_deep(trimmed)
    values[deep] = None
    geometries = _parsed(values)
    is_missing = shapely.is_missing(geometries)
    bad = is_missing & trimmed.is_valid().to_numpy(zero_copy_only=False)
    return pa.array(shapely.to_wkb(geometries, flavor="iso"), pa.binary()), np.flatnonzero(bad)


def _parsed(texts: np.ndarray) -> np.ndarray:
    """Geometries, None where GEOS (or shapely: curves) cannot read them."""
    try:
        geometries: np.ndarray = shapely.from_wkt(texts, on_invalid="ignore")
    except NotImplementedError:
        return np.array([_parsed_one(each) for each in texts], dtype=object)
    return geometries


def _parsed_one(text: str | None) -> shapely.Geometry | None:
    try:
        return shapely.from_wkt(text, on_invalid="ignore")
    except NotImplementedError:
        return None


def _too_deep(texts: pa.Array) -> np.ndarray:
    """Rows with collections within collections so deep that no parser should be asked."""
    words = pc.count_substring(texts, "GEOMETRYCOLLECTION", ignore_case=True)
    suspects = np.flatnonzero(pc.fill_null(words, 0).to_numpy(zero_copy_only=False) > _NESTED_WORDS)
    return np.array([row for row in suspects if _depth(texts[int(row)].as_py()) > MAX_DEPTH], dtype=np.int64)


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in re.findall(r"[()]", text):
        depth += 1 if character == "(" else -1
        deepest = max(deepest, depth)
    return deepest


# -- what the coordinates mean ----------------------------------------------------------------------


def are_degrees(bounds: tuple[float, float, float, float]) -> bool:
    """Whether coordinates between these bounds can be longitudes and latitudes."""
    west, south, east, north = bounds
    return -180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0
