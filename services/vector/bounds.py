"""Bounds in degrees, as GeoJSON and STAC write them."""

from collections.abc import Iterable

BoundingBox = tuple[float, float, float, float]
_TOLERANCE = 1e-6


def is_on_globe(bbox: BoundingBox) -> bool:
    """Whether west, south, east, north can be bounds of places; longitudes may run from 0 to 360."""
    west, south, east, north = bbox
    longitudes = -360 - _TOLERANCE <= west <= east <= 360 + _TOLERANCE
    return longitudes and -90 - _TOLERANCE <= south <= north <= 90 + _TOLERANCE


def normalised(bbox: BoundingBox) -> BoundingBox:
    """The same bounds with longitudes from -180 to 180; west > east where they cross the antimeridian.

    Rounding errors at the rim (180.00000000000006) are cut off. Source: RFC 7946, section 5.2.
    """
    west, south, east, north = bbox
    south, north = max(south, -90.0), min(north, 90.0)
    if west >= -180 - _TOLERANCE and east <= 180 + _TOLERANCE:
        return max(west, -180.0), south, min(east, 180.0), north
    if east - west >= 360:
        return -180.0, south, 180.0, north
    return _turned(west), south, _turned(east), north


def _turned(longitude: float) -> float:
    return (longitude + 180.0) % 360.0 - 180.0


def together(boxes: Iterable[BoundingBox | None]) -> BoundingBox | None:
    """The narrowest bounds around normalised ones; None around none."""
    found = [box for box in boxes if box is not None]
    if not found:
        return None
    west, east = _narrowest([(box[0], box[2]) for box in found])
    return west, min(box[1] for box in found), east, max(box[3] for box in found)


def _narrowest(spans: list[tuple[float, float]]) -> tuple[float, float]:
    """The shortest way round the globe, eastwards, that passes all spans."""
    length, west, east = min(_way_from(start, spans) for start in sorted({west for west, _ in spans}))
    return (west, east) if length < 360.0 else (-180.0, 180.0)


def _way_from(start: float, spans: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Its length, where it begins, and where it ends."""
    length, east = max((_eastwards(start, west) + _eastwards(west, east), east) for west, east in spans)
    return length, start, east


def _eastwards(start: float, end: float) -> float:
    """How many degrees it is from one longitude to the other; a whole turn from -180 to 180."""
    return end - start if end >= start else end - start + 360.0
