"""What the jobs of the chains leave behind: results in the shape of their models, and blobs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.task_models.raster_cog import ProcessRasterResult
from core.task_models.raster_collection import (
    ProcessRasterCollectionResult,
    ValidateRasterCollectionResult,
)
from core.task_models.raster_mosaic import MosaicResult
from core.task_models.raster_stac import StacItemsResult
from core.task_models.raster_terrain import TerrainProductsResult
from core.task_models.raster_tile_cache import GenerateTileCacheResult
from core.task_models.raster_validation import ValidateRasterResult
from core.task_models.stac import StacResult
from core.task_models.vector_export import ExportVectorResult
from core.task_models.vector_tables import IngestVectorResult

BBOX = [1.0, 2.0, 1.0, 2.0]
PIXEL_BYTES = 100
FILE_COUNT, REFUSED_COUNT = 3, 1
MOSAICS: list[dict[str, Any]] = [
    {"file_count": 2, "classification": "rgb"},
    {"file_count": 1, "classification": "dem"},
]
RENDERING = {"bidx": [1], "colormap_name": "viridis"}
_BAND = {"min": 0.0, "max": 1.0, "mean": 0.5, "stddev": 0.1, "valid_percent": 100.0}


@dataclass
class Left:
    """A job's result, the blobs and tables that its tasks staged, and contents that somebody will read."""

    result: dict[str, Any]
    blobs: list[str] = field(default_factory=list)
    temporary: list[str] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)


def result_of(job_type: str, parameters: Mapping[str, Any], *, job_id: str) -> dict[str, Any]:
    """The result of a job of this type with these parameters."""
    return left_by(job_type, parameters, job_id=job_id).result


def left_by(job_type: str, parameters: Mapping[str, Any], *, job_id: str) -> Left:
    """All that a job of this type with these parameters leaves behind."""
    if job_type == "ingest_vector":
        return _ingested(parameters, job_id=job_id)
    return _MADE_BY[job_type](parameters)


def _ingested(parameters: Mapping[str, Any], *, job_id: str) -> Left:
    """A table for each layer that was asked for: `rejects` has a rejected feature, `huge` both companions."""
    names = parameters["reading"]["layers"] or ["extent"]
    tables = [_table(name, staged=f"t_{job_id[:12]}_{number}") for number, name in enumerate(names)]
    rejected = sum(table["rejected_count"] for table in tables)
    uri = f"{parameters['target_prefix']}/rejects.gpkg" if rejected else None
    result = IngestVectorResult.model_validate(
        {
            "tables": tables,
            "feature_count": len(tables),
            "rejected_count": rejected,
            "null_geometry_count": 0,
            "bbox": BBOX,
            "source": {
                "uri": parameters["source_uri"],
                "size_bytes": 29,
                "etag": parameters["source_etag"],
                "format": "geopackage",
                "driver": "GPKG",
            },
            "rejects_uri": uri,
            "findings": [_finding("CRS_ASSUMED")],
            "warnings": ["one name was shortened"],
        }
    )
    made = [table[name] for table in tables for name in ("table", "generalised", "overview") if table[name]]
    return Left(
        result.model_dump(mode="json"),
        blobs=[uri] if uri else [],
        temporary=[f"{parameters['target_prefix']}/plan.json"],
        tables=made,
    )


def _table(layer: str, *, staged: str) -> dict[str, Any]:
    rejected = int(layer == "rejects")
    return {
        "table": staged,
        "layer": layer,
        "srid": 4326,
        "source_crs": "EPSG:4326",
        "geometry_type": "Point",
        "read_count": 1 + rejected,
        "feature_count": 1,
        "rejected_count": rejected,
        "null_geometry_count": 0,
        "bbox": BBOX,
        "footprint": {"type": "Point", "coordinates": BBOX[:2]},
        "columns": [{"name": "name", "sql_type": "text", "source_name": "Name"}],
        "ids": "position",
        "digest": "0" * 16,
        "generalised": f"{staged}_g" if layer == "huge" else None,
        "overview": f"{staged}_o" if layer == "huge" else None,
        "overview_zoom": 5 if layer == "huge" else None,
        "steps": [{"step": "invalid_geometry", "policy": "rejected", "count": rejected}],
        "reasons": {"INVALID_GEOMETRY": 1} if rejected else {},
        "findings": [_finding("SHORT_NAME")],
    }


def _exported(parameters: Mapping[str, Any]) -> Left:
    exports = [
        {
            "format": name,
            "blob_uri": f"{parameters['target_prefix']}/exports/data.{name}",
            "size_bytes": 10,
            "sha256": "3" * 64,
            "media_type": "application/octet-stream",
            "feature_count": 1,
        }
        for name in parameters["formats"]
    ]
    result = ExportVectorResult.model_validate({"exports": exports})
    return Left(result.model_dump(mode="json"), blobs=[export["blob_uri"] for export in exports])


def _catalogued_tables(parameters: Mapping[str, Any]) -> Left:
    href = str(parameters["layers"][0]["hrefs"]["download"])
    item = stac_item(parameters["item_id"], parameters, href=href)
    result = StacResult.model_validate({"collection": _stac_collection(parameters), "item": item})
    return Left(result.model_dump(mode="json"))


_HEADER: dict[str, Any] = {
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


def _finding(code: str) -> dict[str, Any]:
    return {"code": code, "severity": "warning", "message": f"{code} was seen"}


def _source(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uri": parameters["source_uri"],
        "size_bytes": 8,
        "etag": parameters["source_etag"],
        "driver": "GTiff",
    }


def _validated(parameters: Mapping[str, Any]) -> Left:
    result = ValidateRasterResult.model_validate(
        {
            **_HEADER,
            "source": _source(parameters),
            "classification": "continuous",
            "pixel_bytes": PIXEL_BYTES,
            "findings": [_finding("NO_OVERVIEWS")],
            "warnings": ["no overviews"],
        }
    )
    return Left(result.model_dump(mode="json"))


def _cog(parameters: Mapping[str, Any]) -> Left:
    uri = f"{parameters['target_prefix']}/cog.tif"
    result = ProcessRasterResult.model_validate(
        {
            **_HEADER,
            "blob_uri": uri,
            "size_bytes": 100,
            "sha256": "0" * 64,
            "overviews": [],
            "statistics": [_BAND],
            "classification": "continuous",
            "rendering": RENDERING,
            "compression": "DEFLATE",
            "blocksize": parameters["options"]["blocksize"],
            "resampling": None,
            "overview_resampling": "average",
            "proof": {"compared_with": "source", "algorithm": "sha256", "checksums": ["0"], "equal": True},
            "source": _source(parameters),
            "findings": [_finding("NO_OVERVIEWS"), _finding("KEPT_LOSSLESS")],
        }
    )
    return Left(result.model_dump(mode="json"), blobs=[uri])


def _mosaic(parameters: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    prefix = parameters["target_prefix"]
    values = {
        **_HEADER,
        "mosaic_uri": f"{prefix}/mosaic.json",
        "parts_uri": f"{prefix}/parts.jsonl",
        "overview_uri": f"{prefix}/overview.tif",
        "part_count": 3,
        "missing_count": 0,
        "total_bytes": 300,
        "minzoom": 3,
        "maxzoom": 9,
        "overview_resolution": 0.5,
        "statistics": [_BAND],
        "classification": "continuous",
        "rendering": RENDERING,
        "source": None,
    }
    return MosaicResult.model_validate(values | changes).model_dump(mode="json")


def _tiled(parameters: Mapping[str, Any]) -> Left:
    prefix = parameters["target_prefix"]
    result = _mosaic(parameters, source=_source(parameters), scheme_uri=f"{prefix}/scheme.geojson")
    tiles = [f"{prefix}/tile_{number}.tif" for number in range(3)]
    made = [result[name] for name in ("mosaic_uri", "parts_uri", "overview_uri", "scheme_uri")]
    return Left(result, blobs=[*tiles, *made], temporary=[f"{prefix}/plan.json"])


def _validated_collection(parameters: Mapping[str, Any]) -> Left:
    """A folder that may be split has two files of one kind, and one of another."""
    uri = f"{parameters['target_prefix']}/files.jsonl"
    refused = [
        {"name": "bad", "uri": "azure://bronze/c/bad.tif", "code": "CRS_MISSING", "message": "No CRS."}
    ]
    result = ValidateRasterCollectionResult.model_validate(
        {
            "files_uri": uri,
            "file_count": FILE_COUNT,
            "total_bytes": 24,
            "pixel_bytes": 300,
            "classification": "continuous",
            "groups": [],
            "mosaics": MOSAICS if parameters["on_mixed"] == "split" else [],
            "refused": refused[:REFUSED_COUNT],
            "refused_count": REFUSED_COUNT,
        }
    )
    return Left(result.model_dump(mode="json"), temporary=[uri])


def _made_of_collection(parameters: Mapping[str, Any]) -> Left:
    """One file has failed, of the first kind if there are several."""
    prefix = parameters["target_prefix"]
    counts = [mosaic["file_count"] for mosaic in parameters["mosaics"]] or [FILE_COUNT]
    first, *others = (
        {
            "mosaic": number,
            "parts_uri": f"{prefix}/parts{_suffix(number)}.jsonl",
            "part_count": count - (number == 0),
            "missing_count": int(number == 0),
            "missing": [{"name": "torn", "code": "RASTER_UNREADABLE"}] if number == 0 else [],
            "total_bytes": 200,
        }
        for number, count in enumerate(counts)
    )
    result = ProcessRasterCollectionResult.model_validate({**first, "others": others})
    blobs = [f"{prefix}/part_{number}.tif" for number in range(FILE_COUNT - 1)]
    lists = [str(each["parts_uri"]) for each in (first, *others)]
    return Left(result.model_dump(mode="json"), blobs=[*blobs, *lists])


def _mosaic_of_collection(parameters: Mapping[str, Any]) -> Left:
    results = []
    for number, each in enumerate((parameters, *parameters["others"])):
        prefix, end = each["target_prefix"], _suffix(number)
        uris = {"mosaic_uri": f"{prefix}/mosaic{end}.json", "overview_uri": f"{prefix}/overview{end}.tif"}
        same = {name: each[name] for name in ("parts_uri", "missing_count", "missing", "classification")}
        count = (FILE_COUNT if not parameters["others"] else MOSAICS[number]["file_count"]) - (number == 0)
        results.append(_mosaic(each, **uris, **same, part_count=count))
    blobs = [result[name] for result in results for name in ("mosaic_uri", "overview_uri")]
    return Left(_first_and_others(results), blobs=blobs)


def _suffix(number: int) -> str:
    return f"_{number}" if number else ""


def _first_and_others(results: list[dict[str, Any]]) -> dict[str, Any]:
    first, *others = results
    return first | ({"others": others} if others else {})


def _cached(parameters: Mapping[str, Any]) -> Left:
    left = [_archive(each, number) for number, each in enumerate((parameters, *parameters["others"]))]
    return Left(
        _first_and_others([each.result for each in left]), blobs=[uri for each in left for uri in each.blobs]
    )


def _archive(parameters: Mapping[str, Any], number: int) -> Left:
    uri = f"{parameters['target_prefix']}/cache{_suffix(number)}.pmtiles"
    result = GenerateTileCacheResult.model_validate(
        {
            "tile_cache_uri": uri,
            "size_bytes": 50,
            "sha256": "1" * 64,
            "minzoom": 0,
            "maxzoom": 4,
            "tile_count": 21,
            "format": "png",
            "bbox": [0.0, 0.0, 1.0, 1.0],
        }
    )
    return Left(result.model_dump(mode="json"), blobs=[uri])


def _terrain(parameters: Mapping[str, Any]) -> Left:
    products = [
        {
            "name": name,
            "blob_uri": f"{parameters['target_prefix']}/{name}.tif",
            "size_bytes": 10,
            "sha256": "2" * 64,
            "media_type": "image/tiff",
        }
        for name in parameters["products"]
    ]
    result = TerrainProductsResult.model_validate({"products": products})
    return Left(result.model_dump(mode="json"), blobs=[product["blob_uri"] for product in products])


def _catalogued(parameters: Mapping[str, Any]) -> Left:
    item = stac_item(parameters["item_id"], parameters, href=str(parameters["hrefs"]["download"]))
    result = StacResult.model_validate({"collection": _stac_collection(parameters), "item": item})
    return Left(result.model_dump(mode="json"))


def _catalogued_mosaic(parameters: Mapping[str, Any]) -> Left:
    summary = parameters["summary"]
    uri = f"{summary['mosaic_uri']}-items.jsonl"
    count = sum(each["summary"]["part_count"] for each in (parameters, *parameters["others"]))
    names = [f"part_{number}" for number in range(count)]
    lines = [json.dumps(stac_item(name, parameters, href="https://hub.example/part")) for name in names]
    result = StacItemsResult(collection=_stac_collection(parameters), items_uri=uri, item_count=len(names))
    return Left(result.model_dump(mode="json"), temporary=[uri], contents={uri: "\n".join(lines) + "\n"})


def _stac_collection(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
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


def stac_item(name: str, parameters: Mapping[str, Any], *, href: str) -> dict[str, Any]:
    """An item of the parameters' collection."""
    bbox = parameters["summary"]["bbox"]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": parameters["collection_id"],
        "geometry": {"type": "Point", "coordinates": bbox[:2]},
        "bbox": bbox,
        "properties": {"datetime": "2026-01-02T03:04:05Z"},
        "links": [],
        "assets": {"data": {"href": href}},
    }


_MADE_BY: Mapping[str, Callable[[Mapping[str, Any]], Left]] = {
    "export_vector": _exported,
    "stac_catalog_vectors": _catalogued_tables,
    "validate_raster": _validated,
    "process_raster": _cog,
    "process_large_raster": _tiled,
    "validate_raster_collection": _validated_collection,
    "process_raster_collection": _made_of_collection,
    "create_mosaic_json": _mosaic_of_collection,
    "generate_tile_cache": _cached,
    "terrain_products": _terrain,
    "stac_catalog_raster": _catalogued,
    "stac_catalog_tiles": _catalogued_mosaic,
    "stac_catalog_collection": _catalogued_mosaic,
}
