"""Results of `ingest_vector` as they come out of the database, without any file."""

import json
from typing import Any

from core.task_models.vector_catalogue import StacVectorParameters
from core.task_models.vector_tables import IngestVectorResult, VectorTable

BASE = "https://geo.example.org"
DOWNLOAD = f"{BASE}/api/platform/data/abc/download"
REPORT = f"{BASE}/api/platform/requests/abc/report"
SHA256 = "5e" * 32
COLUMNS = (
    {"name": "name", "sql_type": "text", "source_name": "name"},
    {"name": "lange", "sql_type": "bigint", "source_name": "Länge"},
)


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """A footprint."""
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def table(layer: str = "roads", **changes: Any) -> VectorTable:
    """A table that is ready to be published."""
    bbox = changes.get("bbox", (5.0, 47.0, 15.0, 55.0))
    given: dict[str, Any] = {
        "table": f"t_{layer}",
        "layer": layer,
        "srid": 3857,
        "source_crs": "EPSG:25832",
        "geometry_type": "MultiLineString",
        "read_count": 9,
        "feature_count": 7,
        "rejected_count": 2,
        "null_geometry_count": 1,
        "bbox": bbox,
        "footprint": box(*bbox) if bbox and bbox[0] <= bbox[2] else None,
        "columns": COLUMNS,
        "ids": "position",
        "digest": "00" * 8,
    }
    return VectorTable.model_validate(given | changes)


def ingested(*tables: VectorTable, **changes: Any) -> IngestVectorResult:
    """What `process_vector_finish` leaves; by default one table of roads."""
    made = tables or (table(),)
    given: dict[str, Any] = {
        "tables": made,
        "feature_count": sum(each.feature_count for each in made),
        "rejected_count": sum(each.rejected_count for each in made),
        "null_geometry_count": sum(each.null_geometry_count for each in made),
        "bbox": made[0].bbox,
        "source": {
            "uri": "azure://bronze/r.gpkg",
            "size_bytes": 1,
            "etag": "x",
            "format": "geopackage",
            "driver": "GPKG",
        },
    }
    return IngestVectorResult.model_validate(given | changes)


def hrefs(collection_id: str) -> dict[str, str]:
    """Where a table is served."""
    features = f"{BASE}/api/ogc/features/collections/{collection_id}"
    tiles = f"{features}/tiles/WebMercatorQuad"
    return {
        "features": features,
        "items": f"{features}/items",
        "vector_tiles": f"{tiles}/{{z}}/{{x}}/{{y}}",
        "tilejson": f"{tiles}/tilejson.json",
        "download": DOWNLOAD,
        "map": f"{BASE}/?dataset=r",
    }


def export(form: str, media_type: str, **changes: Any) -> dict[str, Any]:
    """A file that was made."""
    given = {
        "format": form,
        "blob_uri": f"azure://silver/vectors/r/exports/r.{form}",
        "size_bytes": 4321,
        "sha256": SHA256,
        "media_type": media_type,
        "feature_count": 7,
    }
    return given | changes


def parameters(summary: IngestVectorResult | None = None, **changes: Any) -> StacVectorParameters:
    """Of `stac_catalog_vectors`, as they come out of the database."""
    summary = summary or ingested()
    names = [f"roads_v1_{number}" for number in range(len(summary.tables))]
    given = {
        "item_id": "roads_v1_0123abcd",
        "collection_id": "ddh_vectors",
        "collection_title": "Vector datasets",
        "identifiers": {"dataset_id": "roads", "version_id": "v1"},
        "title": "Roads",
        "summary": summary.model_dump(mode="json"),
        "layers": [{"collection_id": name, "hrefs": hrefs(name)} for name in names],
    }
    return StacVectorParameters.model_validate_json(json.dumps(given | changes))
