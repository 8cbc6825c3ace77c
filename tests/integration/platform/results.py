"""What the jobs of the chains leave behind, as their result models have it."""

from collections.abc import Mapping
from typing import Any

from core.task_models.raster import ProcessRasterResult

BBOX = [1.0, 2.0, 1.0, 2.0]


def result_of(job_type: str, parameters: Mapping[str, Any], *, job_id: str) -> dict[str, Any]:
    """The result of a job of this type with these parameters."""
    if job_type == "ingest_vector":
        return _ingested(parameters, table=f"t_{job_id[:12]}")
    if job_type == "validate_raster":
        return {**_raster(parameters), "warnings": ["no overviews"]}
    if job_type == "process_raster":
        return _cog(parameters)
    return _catalogued(parameters)


def _ingested(parameters: Mapping[str, Any], *, table: str) -> dict[str, Any]:
    return {
        "table": table,
        "srid": 4326,
        "source_crs": "EPSG:4326",
        "geometry_type": "Point",
        "feature_count": 1,
        "null_geometry_count": 0,
        "bbox": BBOX,
        "columns": [{"name": "name", "sql_type": "text", "source_name": "Name"}],
        "source": {
            "uri": parameters["source_uri"],
            "size_bytes": 29,
            "etag": parameters["source_etag"],
            "driver": "GPKG",
            "layer": "extent",
        },
        "warnings": ["one name was shortened"],
    }


def _raster(parameters: Mapping[str, Any]) -> dict[str, Any]:
    source = {
        "uri": parameters["source_uri"],
        "size_bytes": 8,
        "etag": parameters["source_etag"],
        "driver": "GTiff",
    }
    return {
        "source": source,
        "width": 10,
        "height": 10,
        "band_count": 1,
        "dtypes": ["uint8"],
        "nodata": None,
        "crs": "EPSG:4326",
        "bounds": [0.0, 0.0, 1.0, 1.0],
        "bbox": [0.0, 0.0, 1.0, 1.0],
        "resolution": [0.1, 0.1],
        "transform": [0.1, 0.0, 0.0, 0.0, -0.1, 1.0],
        "color_interpretation": ["gray"],
        "descriptions": [None],
    }


def _cog(parameters: Mapping[str, Any]) -> dict[str, Any]:
    statistics = {"min": 0.0, "max": 1.0, "mean": 0.5, "stddev": 0.1, "valid_percent": 100.0}
    result = {
        **_raster(parameters),
        "blob_uri": f"{parameters['target_prefix']}/cog.tif",
        "size_bytes": 100,
        "sha256": "0" * 64,
        "overviews": [],
        "statistics": [statistics],
        "compression": parameters["compression"],
        "warnings": [],
    }
    return ProcessRasterResult.model_validate(result).model_dump(mode="json")


def _catalogued(parameters: Mapping[str, Any]) -> dict[str, Any]:
    bbox = parameters["summary"]["bbox"]
    collection = {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": parameters["collection_id"],
        "title": parameters["collection_title"],
        "description": "all of them",
        "license": "various",
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[None, None]]},
        },
        "links": [],
    }
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": parameters["item_id"],
        "collection": parameters["collection_id"],
        "geometry": {"type": "Point", "coordinates": bbox[:2]},
        "bbox": bbox,
        "properties": {"datetime": "2026-01-02T03:04:05Z"},
        "links": [],
        "assets": {"data": {"href": str(parameters["hrefs"]["download"])}},
    }
    return {"collection": collection, "item": item}
