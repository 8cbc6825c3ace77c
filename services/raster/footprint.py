"""The outline of a raster on the globe, in pieces that no map has to bend around the back."""

from collections.abc import Iterator, Sequence
from typing import Any

import shapely
from rasterio.crs import CRS
from shapely.affinity import translate

from core.task_models.stac import BBox
from services.raster.georeference import footprint_ring

_ALMOST_ROUND = 350.0
"""Degrees: what spans more reaches around a pole, or around the globe, and its outline says little."""


def footprint_pieces(
    crs: CRS,
    transform: Sequence[float],
    *,
    width: int,
    height: int,
    bbox: BBox,
    highest_latitude: float = 90.0,
) -> Iterator[shapely.Polygon]:
    """Polygons in EPSG:4326 between -180 and 180 degrees, cut at the antimeridian (RFC 7946, 3.1.9).

    `bbox` is that of the raster. What lies beyond `highest_latitude`, north or south, is cut off.
    """
    west, south, east, north = bbox
    if west <= east and east - west > _ALMOST_ROUND:
        outline = shapely.box(west, south, east, north)
    else:
        ring = footprint_ring(crs, tuple(transform), width=width, height=height)
        outline = shapely.Polygon(_unwrapped(ring))
    for turn in (-360, 0, 360):
        world = shapely.box(turn - 180, -highest_latitude, turn + 180, highest_latitude)
        inside = translate(outline.intersection(world), xoff=-turn)
        for piece in shapely.get_parts(inside):
            if piece.geom_type == "Polygon" and not piece.is_empty:
                yield piece


def geojson_geometry(pieces: Sequence[shapely.Polygon]) -> dict[str, Any]:
    """One geometry of all pieces (RFC 7946): exterior rings counter-clockwise."""
    rings = [[[list(xy) for xy in piece.exterior.normalize().coords[::-1]]] for piece in pieces]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _unwrapped(ring: list[list[float]]) -> list[tuple[float, float]]:
    """Longitudes that go on beyond 180 where the outline does, in place of jumping to the other side."""
    turns, last, unwrapped = 0, ring[0][0], []
    for longitude, latitude in ring:
        if abs(longitude - last) > 180:
            turns += -1 if longitude > last else 1
        last = longitude
        unwrapped.append((longitude + 360 * turns, latitude))
    return unwrapped
