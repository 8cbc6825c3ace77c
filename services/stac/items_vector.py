"""The task `create_vector_stac`: a published table of features as a STAC item."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from core.schema.queue import QueueRole
from core.task_models.stac import StacResult, VectorHrefs
from core.task_models.vector import IngestVectorResult, StacVectorParameters
from services.context import TaskContext
from services.registry import register_task
from services.stac.collections import collection_document
from services.stac.items import ItemContent, box_geometry, item_document

GEOJSON_MEDIA_TYPE = "application/geo+json"
VECTOR_TILE_MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
_EXTENSIONS = (
    # 1.2.0 is the one version that knows `proj:code` and still allows `proj:epsg`.
    "https://stac-extensions.github.io/projection/v1.2.0/schema.json",
    "https://stac-extensions.github.io/table/v1.2.0/schema.json",
    "https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json",
)
_PRIMARY_GEOMETRY = "geom"


@register_task("create_vector_stac", queue=QueueRole.VECTOR_TASKS)
def create_vector_stac(
    parameters: StacVectorParameters,
    context: TaskContext,  # noqa: ARG001 - all that is needed came with the parameters
) -> StacResult:
    """Describe the table from what the load measured; the database is not asked again."""
    return StacResult(
        collection=collection_document(
            parameters, description="Vector datasets, one item for each published table of features."
        ),
        item=vector_item(parameters, now=datetime.now(UTC)),
    )


def vector_item(parameters: StacVectorParameters, *, now: datetime) -> dict[str, Any]:
    """The item as JSON (STAC 1.0.0 with the extensions projection, table, web-map-links)."""
    content = ItemContent(
        geometry=box_geometry(parameters.summary.bbox),
        bbox=parameters.summary.bbox,
        assets=_assets(parameters.hrefs),
        links=tuple(_links(parameters.hrefs)),
        extensions=_EXTENSIONS,
        properties=_properties(parameters.summary),
    )
    return item_document(parameters, content, now=now)


def _properties(table: IngestVectorResult) -> dict[str, Any]:
    return {
        "proj:epsg": table.srid,
        "proj:code": f"EPSG:{table.srid}",
        "table:row_count": table.feature_count,
        "table:primary_geometry": _PRIMARY_GEOMETRY,
        "table:columns": list(_columns(table)),
        "vector:feature_count": table.feature_count,
        "vector:geometry_type": table.geometry_type,
        "vector:source_crs": table.source_crs,
    }


def _columns(table: IngestVectorResult) -> Iterator[dict[str, str]]:
    """Names and types as SQL knows them; the source's own name is the description where it differs."""
    for column in table.columns:
        described = {"name": column.name, "type": column.sql_type}
        yield (
            described
            if column.source_name == column.name
            else described | {"description": column.source_name}
        )
    yield {"name": _PRIMARY_GEOMETRY, "type": table.geometry_type}


def _assets(hrefs: VectorHrefs) -> Mapping[str, Mapping[str, Any]]:
    return {
        "data": _asset(str(hrefs.download), GEOJSON_MEDIA_TYPE, "GeoJSON", "data"),
        "features": _asset(str(hrefs.items), GEOJSON_MEDIA_TYPE, "OGC API Features", "data"),
        "tiles": _asset(str(hrefs.tilejson), "application/json", "TileJSON of the vector tiles", "tiles"),
    }


def _asset(href: str, media_type: str, title: str, role: str) -> dict[str, Any]:
    return {"href": href, "type": media_type, "title": title, "roles": [role]}


def _links(hrefs: VectorHrefs) -> Iterator[dict[str, Any]]:
    yield {"rel": "xyz", "href": hrefs.vector_tiles, "type": VECTOR_TILE_MEDIA_TYPE, "title": "Vector tiles"}
    yield {"rel": "tilejson", "href": str(hrefs.tilejson), "type": "application/json", "title": "TileJSON"}
    yield {
        "rel": "describedby",
        "href": str(hrefs.features),
        "type": "application/json",
        "title": "OGC API Features collection",
    }
    yield {"rel": "alternate", "href": str(hrefs.map), "type": "text/html", "title": "Map"}
