"""Whether a feature that came back is the one that the database holds."""

import base64
import datetime as dt
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import shapely

from tests.acceptance.vector_corpus.published import Row

_LAST_DECIMAL = 1e-15  # of well-known text, as GEOS writes it
_DEGREES_TOLERANCE = 2e-9  # of GeoJSON with nine decimals, a tenth of a millimetre


@dataclass(frozen=True, slots=True)
class Found:
    """A feature as a client got it: a geometry of shapely, None, and plain values."""

    geometry: shapely.Geometry | None
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not the same; `column` is None for the geometry, `fid` for the feature as a whole."""

    fid: int
    column: str | None
    expected: object
    found: object


def differences(
    rows: dict[int, Row],
    found: dict[int, Found],
    *,
    in_degrees: bool,
    has_measures: bool,
    blank_is_null: bool = False,
    empty_is_null: bool = False,
    outlines: bool = False,
) -> Iterator[Difference]:
    """All differences between the rows of a table and the features that came back.

    `in_degrees`: in EPSG:4326; `has_measures`: with M; `blank_is_null`, `empty_is_null`: so came
    empty texts, and empty geometries; `outlines`: rings may be turned, and a single part is no multi.
    """
    for fid in sorted(rows.keys() ^ found.keys()):
        yield Difference(fid, "fid", fid in rows, fid in found)
    for fid in sorted(rows.keys() & found.keys()):
        row, other = rows[fid], found[fid]
        wanted = shapely.from_wkb(row.degrees if in_degrees else row.geometry)
        if wanted is not None and not has_measures:
            wanted = _without_measures(wanted)
        is_blank = empty_is_null and other.geometry is None and wanted is not None and wanted.is_empty
        tolerance = _DEGREES_TOLERANCE if in_degrees else _LAST_DECIMAL
        is_turned = in_degrees and wanted is not None and not wanted.is_valid  # has no right direction
        same = _same_outline if is_turned or outlines else same_shape
        if not is_blank and not same(wanted, other.geometry, tolerance=tolerance):
            yield Difference(fid, None, wanted, other.geometry)
        for name in sorted(row.values.keys() ^ other.values.keys()):
            yield Difference(fid, name, name in row.values, name in other.values)
        for name in sorted(row.values.keys() & other.values.keys()):
            expected = None if blank_is_null and row.values[name] == "" else row.values[name]
            if not same_value(expected, other.values[name]):
                yield Difference(fid, name, expected, other.values[name])


def _without_measures(shape: shapely.Geometry) -> shapely.Geometry:
    """As GeoJSON has it. `shapely.force_3d` would put zeros in the place of heights that have measures."""
    if not shape.has_m:
        return shape
    if not shape.has_z:
        return shapely.force_2d(shape)
    return shapely.from_wkb(shapely.to_wkb(shape, output_dimension=3))


def same_shape(one: shapely.Geometry | None, other: shapely.Geometry | None, *, tolerance: float) -> bool:
    """Equal type, structure and coordinates, heights and measures included, up to `tolerance` each."""
    if one is None or other is None:
        return one is other
    if one.geom_type != other.geom_type or (one.has_z, one.has_m) != (other.has_z, other.has_m):
        return False
    a, b = (shapely.get_coordinates(each, include_z=True, include_m=True) for each in (one, other))
    if shapely.get_num_geometries(one) != shapely.get_num_geometries(other):
        return False
    return _close(a, b, tolerance=tolerance)


def _close(one: np.ndarray, other: np.ndarray, *, tolerance: float) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.allclose(one, other, rtol=1e-15, atol=tolerance, equal_nan=True))


def _same_outline(one: shapely.Geometry | None, other: shapely.Geometry | None, *, tolerance: float) -> bool:
    """Equal edges, or points, whatever their order.

    GeoJSON turns rings by an area that invalid ones do not have; Shapefiles know neither single nor multi.
    """
    if one is None or other is None:
        return one is other
    if one.geom_type.removeprefix("Multi") != other.geom_type.removeprefix("Multi"):
        return False
    return (one.has_z, one.has_m) == (other.has_z, other.has_m) and _close(
        _edges(one), _edges(other), tolerance=tolerance
    )


def _edges(shape: shapely.Geometry) -> np.ndarray:
    """All edges, each from its lesser end, or all points, in order; heights and measures included."""
    places = [
        shapely.get_coordinates(line, include_z=shape.has_z, include_m=shape.has_m).tolist()
        for part in shapely.get_parts(shape)
        for line in _lines(part)
    ]
    if shape.geom_type.endswith("Point"):
        return np.array(sorted(place for line in places for place in line))
    return np.array(sorted(sorted(edge) for line in places for edge in itertools.pairwise(line)))


def _lines(part: shapely.Geometry) -> list[shapely.Geometry]:
    return list(shapely.get_rings(part)) if part.geom_type == "Polygon" else [part]


def same_value(expected: Any, found: Any) -> bool:
    """Whether `found` says the same; texts that can only mean one thing count as what they say."""
    if expected is None or found is None:
        return expected is found
    match expected:
        case bool():
            return found in (expected, str(expected).lower())
        case int():
            return str(found) == str(expected) or found == expected
        case float():
            return _same_number(expected, found)
        case Decimal():
            return Decimal(str(found)) == expected
        case dt.datetime():
            return _moment(found) == (expected if expected.tzinfo else expected.replace(tzinfo=dt.UTC))
        case dt.date() | dt.time():
            return str(found) == expected.isoformat()
        case bytes():
            return found in (expected, base64.b64encode(expected).decode(), f"\\x{expected.hex()}")
        case dict() | list():
            return bool(_parsed(found) == expected)
    return found in (expected, json.dumps(expected, ensure_ascii=False))  # a text may be a JSON value


def _same_number(expected: float, found: Any) -> bool:
    number = float(found)
    if math.isnan(expected):
        return math.isnan(number)
    # A column of four bytes comes as the shortest decimal number that means it.
    return number == expected or bool(np.float32(number) == np.float32(expected) == expected)


def _moment(found: Any) -> dt.datetime:
    moment = found if isinstance(found, dt.datetime) else dt.datetime.fromisoformat(str(found))
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _parsed(found: Any) -> Any:
    return json.loads(found) if isinstance(found, str) else found
