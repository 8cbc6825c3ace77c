"""The task `create_vector_stac`: the published tables of a vector dataset as a STAC item."""

from datetime import UTC, datetime

from core.errors import PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.stac import StacResult
from core.task_models.vector_catalogue import StacVectorParameters
from services.context import TaskContext
from services.registry import register_task
from services.stac.collections import collection_document
from services.stac.elements import FILE, PROJECTION, TABLE, WEB_MAP_LINKS, Json
from services.stac.items import ItemContent, item_document
from services.stac.table_fields import layer_fields, projection_fields, table_fields, tables_fields
from services.stac.vector_assets import assets, links
from services.stac.vector_footprint import united_footprint

_EXTENSIONS = (PROJECTION, TABLE, FILE, WEB_MAP_LINKS)


@register_task("create_vector_stac", queue=QueueRole.VECTOR_TASKS, aliases=("handler_stac_vector_item",))
def create_vector_stac(
    parameters: StacVectorParameters,
    context: TaskContext,  # noqa: ARG001 - all that is needed came with the parameters
) -> StacResult:
    """Describe the tables from what the load measured; the database is not asked again.

    Raises:
        PermanentTaskError: ALL_GEOMETRY_NULL; STAC allows items without a place, the catalogue (pgSTAC)
            does not store them.
    """
    if parameters.summary.bbox is None:
        raise PermanentTaskError(
            "No feature that is left has a place, so that there is nothing to find it by in the catalogue.",
            code="ALL_GEOMETRY_NULL",
            remedy="Submit features with geometries; the report says why others were rejected.",
        )
    return StacResult(
        collection=collection_document(
            parameters, description="Vector datasets, one item for each published dataset of features."
        ),
        item=vector_item(parameters, now=datetime.now(UTC)),
    )


def vector_item(parameters: StacVectorParameters, *, now: datetime) -> Json:
    """The item as JSON: STAC 1.0.0 and the extensions projection, table, file, web-map-links."""
    bbox = parameters.summary.bbox
    content = ItemContent(
        geometry=None if bbox is None else united_footprint(parameters.summary.tables, bbox=bbox),
        bbox=bbox,
        assets=assets(parameters),
        links=tuple(links(parameters)),
        extensions=_EXTENSIONS,
        properties=_tables(parameters) | _facts(parameters),
    )
    return item_document(parameters, content, now=now)


def _tables(parameters: StacVectorParameters) -> Json:
    tables = parameters.summary.tables
    if len(tables) == 1:
        return table_fields(tables[0])
    srids = {table.srid for table in tables}
    shared = projection_fields(srids.pop()) if len(srids) == 1 else {}
    return shared | tables_fields(tables, parameters.layers)


def _facts(parameters: StacVectorParameters) -> Json:
    """What no extension has a name for. `vector:source_crs` is there if all tables came from the same."""
    summary = parameters.summary
    crs = {table.source_crs for table in summary.tables}
    return {
        "vector:feature_count": summary.feature_count,
        "vector:rejected_count": summary.rejected_count,
        "vector:null_geometry_count": summary.null_geometry_count,
        "vector:geometry_types": sorted({table.geometry_type for table in summary.tables}),
        "vector:format": summary.source.format.value,
        **({"vector:source_crs": crs.pop()} if len(crs) == 1 else {}),
        "vector:layers": [
            layer_fields(table, layer) for table, layer in zip(summary.tables, parameters.layers, strict=True)
        ],
    }
