"""Where the features of a dataset lie: the footprints of its tables, as one geometry."""

from collections.abc import Iterable, Iterator
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from core.task_models.vector import BoundingBox
from core.task_models.vector_tables import VectorTable
from services.stac.items import box_geometry


def united_footprint(tables: Iterable[VectorTable], *, bbox: BoundingBox) -> dict[str, Any]:
    """GeoJSON in EPSG:4326 that holds every feature: a Polygon or MultiPolygon, counterclockwise.

    Footprints are cut at the antimeridian already, and their parts on either side of it do not touch, so
    that uniting them keeps the cut (RFC 7946, section 3.1.9). Where a table with features in places has
    none, it is the bounding box.
    """
    placed = [table for table in tables if table.bbox is not None]
    shapes = [shape(table.footprint) for table in placed if table.footprint is not None]
    if len(shapes) < len(placed) or not shapes:
        return box_geometry(bbox)
    areas = list(_areas(shapely.union_all(shapes)))
    if not areas:
        return box_geometry(bbox)
    return dict(mapping(areas[0] if len(areas) == 1 else MultiPolygon(areas)))


def _areas(geometry: BaseGeometry) -> Iterator[Polygon]:
    for part in getattr(geometry, "geoms", (geometry,)):
        if isinstance(part, Polygon) and not part.is_empty:
            yield orient(part)
