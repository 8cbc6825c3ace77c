"""Boxes in degrees, brought to the CRS of a table.

A box may cross the antimeridian (west > east; RFC 7946, section 5.2). A projection has no place for most of
the world: what is asked for is cut to where the data lie before it is projected.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

from cql2 import Expr
from pyproj import Transformer

BoundingBox = tuple[float, float, float, float]
_WGS84 = 4326
_MARGIN = 0.01  # of the data's extent: their box in degrees was computed from another CRS
_LEAST_MARGIN = 0.001  # degrees
_DENSE = 64  # points on each side of a box, for straight sides become curves
_NEVER = {"op": "=", "args": [1, 0]}

_transformer = lru_cache(maxsize=64)(Transformer.from_crs)


def parts_of(box: Sequence[float]) -> list[BoundingBox]:
    """The box, or its two halves where it crosses the antimeridian."""
    west, south, east, north = box
    if west <= east:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def projected(box: BoundingBox, *, srid: int, data: BoundingBox | None) -> list[BoundingBox] | None:
    """Boxes in the CRS `srid` that hold all of `data` (degrees) within `box` (degrees); [] if there is none.

    None: nothing is known. Where projections have no place for a box, they may still give numbers.
    """
    if srid == _WGS84:
        return [box]
    if data is None:
        return None
    found = []
    for part in _cut(box, data):
        bounds = _transformer(_WGS84, srid, always_xy=True).transform_bounds(*part, densify_pts=_DENSE)
        if not all(map(isfinite, bounds)) or bounds[0] > bounds[2]:
            return None
        found.append(bounds)
    return found


def bbox_filter(bbox: Sequence[float], *, column: str, srid: int, data: BoundingBox | None) -> Expr:
    """What intersects a box of OGC API Features (CRS84, with or without heights), as CQL2."""
    conditions = [
        condition
        for part in parts_of(_flat(bbox))
        for condition in _conditions(part, column=column, srid=srid, data=data)
    ]
    if not conditions:
        return Expr(_NEVER)
    return Expr({"op": "or", "args": conditions} if len(conditions) > 1 else conditions[0])


def area_of(bbox: Sequence[float]) -> dict[str, Any]:
    """A box (CRS84, with or without heights) as a geometry of GeoJSON, in degrees."""
    polygons = [_polygon(part)["coordinates"] for part in parts_of(_flat(bbox))]
    return {"type": "MultiPolygon", "coordinates": polygons}


def _flat(bbox: Sequence[float]) -> Sequence[float]:
    return (*bbox[:2], *bbox[3:5]) if len(bbox) == 6 else bbox


def _conditions(
    box: BoundingBox, *, column: str, srid: int, data: BoundingBox | None
) -> list[dict[str, Any]]:
    place: dict[str, Any] = {"property": column}
    boxes = projected(box, srid=srid, data=data)
    if boxes is None:
        degrees = {"op": "st_transform", "args": [place, _WGS84]}
        return [{"op": "s_intersects", "args": [degrees, _polygon(box)]}]
    if srid == _WGS84:
        return [{"op": "s_intersects", "args": [place, _polygon(each)]} for each in boxes]
    tagged = [{"op": "st_setsrid", "args": [_polygon(each), srid]} for each in boxes]
    return [{"op": "s_intersects", "args": [place, each]} for each in tagged]


def _polygon(box: BoundingBox) -> dict[str, Any]:
    west, south, east, north = box
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


def _cut(box: BoundingBox, data: BoundingBox) -> list[BoundingBox]:
    found = []
    for part in parts_of(data):
        margin_x = max((part[2] - part[0]) * _MARGIN, _LEAST_MARGIN)
        margin_y = max((part[3] - part[1]) * _MARGIN, _LEAST_MARGIN)
        west, south = max(box[0], part[0] - margin_x), max(box[1], part[1] - margin_y, -90)
        east, north = min(box[2], part[2] + margin_x), min(box[3], part[3] + margin_y, 90)
        if west <= east and south <= north:
            found.append((west, south, east, north))
    return found
