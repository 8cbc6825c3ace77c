"""Reports and statuses of requests, as the Platform answers them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from geo_platform.models import ReportAnswer, StatusAnswer
from tests.unit.stac import summaries

BASE = "https://geo.example.org"
REQUEST_ID = "0123456789abcdef0123456789abcdef"
REPORT = f"{BASE}/api/platform/requests/{REQUEST_ID}/report"
DOWNLOAD = f"{BASE}/api/platform/data/{REQUEST_ID}/download"
BEGAN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SOURCE = {
    "uri": "azure://bronze/cadastre/parcels.gpkg",
    "size_bytes": 123_456_789,
    "etag": '"0x8DC"',
    "format": "geopackage",
    "driver": "GPKG",
}
FOOTPRINT = {
    "type": "Polygon",
    "coordinates": [
        [
            [13.09, 52.40],
            [13.30, 52.34],
            [13.60, 52.36],
            [13.76, 52.44],
            [13.66, 52.55],
            [13.48, 52.67],
            [13.30, 52.65],
            [13.16, 52.58],
            [13.09, 52.40],
        ]
    ],
}

COLUMNS = (
    {"name": "flurst_nr", "sql_type": "text", "source_name": "Flurstück-Nr."},
    {"name": "area_m2", "sql_type": "double precision", "source_name": "area_m2"},
    {"name": "addr_city", "sql_type": "text", "source_name": "addr:city"},
    {"name": "valid_from", "sql_type": "timestamp with time zone", "source_name": "VALID_FROM"},
)
PROFILES = (
    {"name": "flurst_nr", "nulls": 0, "distinct": 199_988, "minimum": "0001/2", "maximum": "9999"},
    {
        "name": "area_m2",
        "nulls": 12,
        "minimum": 0.25,
        "maximum": 118_204.5,
        "distinct": 180_000,
        "histogram": (9_000, 6_500, 4_100, 2_500, 1_400, 800, 350, 120, 20, 3),
    },
    {
        "name": "addr_city",
        "nulls": 50_123,
        "distinct": 4,
        "minimum": "Berlin",
        "maximum": "Teltow",
        "most_common": (("Berlin", 21_500), ("Potsdam", 1_200), ("Teltow", 311), ("Bernau", 20)),
    },
)
STEPS = (
    {"step": "invalid_geometry", "policy": "repaired", "count": 431},
    {"step": "orientation", "policy": "turned", "count": 188_204},
    {"step": "curves", "policy": "linearised", "count": 12, "unit": "geometries"},
    {"step": "null_geometry", "policy": "kept", "count": 3},
)
REPAIRS = (
    {"row": 1_017, "fid": 1_018, "area_before": 0.00081, "area_after": 0.00079},
    {"row": 90_210, "fid": 90_211, "area_before": 0.0000042, "area_after": 0.0000042},
    {"row": 5, "fid": 6, "area_before": 0, "area_after": 0.0001},
)


def table(**changes: Any) -> dict[str, Any]:
    """A table of features, without its place."""
    given = {
        "layer": "Flurstücke",
        "srid": 4326,
        "source_crs": "EPSG:25833",
        "operation": "Inverse of UTM zone 33N + ETRS89 to WGS 84 (1)",
        "accuracy": 1.0,
        "geometry_type": "MultiPolygon",
        "read_count": 200_000,
        "feature_count": 199_988,
        "rejected_count": 12,
        "null_geometry_count": 3,
        "bbox": [13.09, 52.34, 13.76, 52.67],
        "footprint": FOOTPRINT,
        "columns": COLUMNS,
        "ids": "format",
        "digest": "9f86d081884c7d65",
        "vertex_count": 2_412_004,
        "largest_vertex_count": 8_812,
        "size_bytes": 41_000_000,
        "steps": STEPS,
        "reasons": {"BROKEN_GEOMETRY": 7, "COORDINATES_OUT_OF_RANGE": 4, "VALUE_OUT_OF_RANGE": 1},
        "repairs": REPAIRS,
        "area_change": 0.00013,
        "profiles": PROFILES,
    }
    return given | changes


def processed(*tables: dict[str, Any]) -> dict[str, Any]:
    """What the loading of these tables says."""
    made = tables or (table(),)
    return {
        "tables": list(made),
        "feature_count": sum(each["feature_count"] for each in made),
        "rejected_count": sum(each["rejected_count"] for each in made),
        "bbox": made[0]["bbox"],
    }


def finding(code: str = "CRS_ASSUMED", severity: str = "warning", **changes: Any) -> dict[str, Any]:
    """One thing worth saying."""
    given = {
        "step": "ingest_vector",
        "code": code,
        "severity": severity,
        "message": "No CRS is given; the coordinates look like degrees, and were taken as EPSG:4326.",
        "remedy": "Submit with source_crs if they are in another CRS.",
        "context": {},
    }
    return given | changes


def step(job_type: str, seconds: float | None = 1.5, **changes: Any) -> dict[str, Any]:
    """A job of the chain."""
    ended = None if seconds is None else BEGAN + timedelta(seconds=seconds)
    given = {
        "job_type": job_type,
        "status": "completed",
        "skipped": None,
        "started_at": BEGAN,
        "finished_at": ended,
        "seconds": seconds,
    }
    return given | changes


def report(**changes: Any) -> ReportAnswer:
    """Of a vector dataset that is published; or with changes."""
    given = {
        "request_id": REQUEST_ID,
        "platform_request_id": REQUEST_ID,
        "dataset_key": "ab" * 32,
        "status": "completed",
        "data_type": "vector",
        "published_as": "table",
        "processing_config": {"target_crs": "EPSG:4326", "index": ["addr:city"]},
        "source": SOURCE,
        "findings": (
            finding(),
            finding("COLUMN_RENAMED", "info", remedy="", message="1 column was renamed."),
        ),
        "warnings": (),
        "validation": None,
        "processing": processed(),
        "derived": {},
        "missing": {"count": 0, "parts": ()},
        "steps": (step("ingest_vector", 92.4), step("stac_catalog_vectors", 0.21)),
        "error": None,
        "links": ({"rel": "self", "href": REPORT},),
    }
    return ReportAnswer.model_validate(given | changes)


def raster_report(**changes: Any) -> ReportAnswer:
    """Of a raster that is published."""
    made = summaries.cog(dtype="float32", nodata=-9999.0)
    processing = {
        name: value
        for name, value in made.model_dump(mode="json").items()
        if name not in ("blob_uri", "source")
    }
    given = {
        "data_type": "raster",
        "published_as": "cog",
        "processing": processing,
        "findings": (),
        "steps": (step("validate_raster"), step("process_raster", 4000)),
    }
    return report(**(given | changes))


def status(**changes: Any) -> StatusAnswer:
    """Of the same request."""
    given = {
        "request_id": REQUEST_ID,
        "platform_request_id": REQUEST_ID,
        "dataset_key": "ab" * 32,
        "client_request_id": None,
        "identifiers": {"dataset_id": "cadastre", "resource_id": "parcels", "version_id": "v1"},
        "collection_id": "cadastre_parcels_v1_ab12",
        "data_type": "vector",
        "status": "completed",
        "ogc_status": "successful",
        "progress_percent": 100,
        "progress": {
            "current_step": None,
            "steps_completed": 2,
            "total_steps": 2,
            "percent_complete": 100,
        },
        "message": None,
        "estimated_completion": None,
        "endpoints": {
            "features": f"{BASE}/api/ogc/features/collections/c",
            "vector_tiles": f"{BASE}/api/ogc/features/collections/c/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}",
            "map": f"{BASE}/?dataset=c",
            "download": DOWNLOAD,
            "download_gpkg": f"{DOWNLOAD}?f=gpkg",
            "rejects": f"{DOWNLOAD}?f=rejects",
            "report": f"{REPORT}?f=html",
        },
        "api_endpoints": None,
        "stac_metadata": None,
        "data_characteristics": None,
        "warnings": (),
        "completed_with_errors": False,
        "error": None,
        "revision": 3,
        "versions": (),
        "created_at": BEGAN,
        "started_at": BEGAN,
        "completed_at": BEGAN + timedelta(minutes=2),
        "links": (),
    }
    return StatusAnswer.model_validate(given | changes)
