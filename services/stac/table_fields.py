"""A table of features in the words of the projection and table extensions, and in our own."""

from collections.abc import Iterator, Sequence

from core.task_models.vector_catalogue import LayerHrefs
from core.task_models.vector_tables import VectorTable
from services.stac.elements import Json

PRIMARY_GEOMETRY = "geom"


def table_fields(table: VectorTable) -> Json:
    """CRS, columns and number of rows: for the properties of an item, or for an asset."""
    return projection_fields(table.srid) | {
        "table:row_count": table.feature_count,
        "table:primary_geometry": PRIMARY_GEOMETRY,
        "table:columns": list(_columns(table)),
    }


def projection_fields(srid: int) -> Json:
    """The CRS in both spellings."""
    return {"proj:epsg": srid, "proj:code": f"EPSG:{srid}"}


def tables_fields(tables: Sequence[VectorTable], layers: Sequence[LayerHrefs]) -> Json:
    """What several tables are called, and the sum of their rows; their columns stand at their assets.

    The README of the extension keeps `table:tables` for collections, its schema (1.2.0) has it in items too.
    """
    return {
        "table:row_count": sum(table.feature_count for table in tables),
        "table:primary_geometry": PRIMARY_GEOMETRY,
        "table:tables": [
            {"name": layer.collection_id, "description": layer_title(table)}
            for table, layer in zip(tables, layers, strict=True)
        ],
    }


def layer_fields(table: VectorTable, layer: LayerHrefs) -> Json:
    """One entry of `vector:layers`."""
    fields: Json = {
        "name": table.layer,
        "collection_id": layer.collection_id,
        "feature_count": table.feature_count,
        "rejected_count": table.rejected_count,
        "null_geometry_count": table.null_geometry_count,
        "geometry_type": table.geometry_type,
        "source_crs": table.source_crs,
    }
    if table.family:
        fields["family"] = table.family
    if table.bbox is not None:
        fields["bbox"] = list(table.bbox)
    return fields


def layer_title(table: VectorTable) -> str:
    """What people call the table."""
    return f"{table.layer} ({table.family.replace('_', ' ')})" if table.family else table.layer


def _columns(table: VectorTable) -> Iterator[dict[str, str]]:
    """Names and types as SQL knows them; the source's own name is the description where it differs."""
    for column in table.columns:
        described = {"name": column.name, "type": column.sql_type}
        yield (
            described
            if column.source_name == column.name
            else described | {"description": column.source_name}
        )
    yield {"name": PRIMARY_GEOMETRY, "type": table.geometry_type}
