"""Summaries of vectors as older code wrote them, which knew of one table for each dataset, read as of today.

Requests that were published or were on their way when the code was replaced have them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_FORMATS = MappingProxyType({"GPKG": "geopackage", "GeoJSON": "geojson", "ESRI Shapefile": "shapefile"})


def as_of_today(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same as `IngestVectorResult` has it; nothing is known of rejected features, so there are none."""
    if "tables" in summary:
        return summary
    source = summary["source"]
    counts = {name: summary[name] for name in ("feature_count", "null_geometry_count")}
    return {
        **counts,
        "tables": [{**_table(summary), **counts}],
        "rejected_count": 0,
        "bbox": summary["bbox"],
        "source": {
            **{name: source[name] for name in ("uri", "size_bytes", "etag", "driver")},
            "format": _FORMATS.get(source["driver"], "geopackage"),
        },
        "rejects_uri": None,
        "findings": [],
        "warnings": summary["warnings"],
    }


def _table(summary: Mapping[str, Any]) -> dict[str, Any]:
    told = ("table", "srid", "source_crs", "geometry_type", "bbox", "columns")
    return {
        **{name: summary[name] for name in told},
        "layer": summary["source"]["layer"],
        "family": None,
        "read_count": summary["feature_count"],
        "rejected_count": 0,
        "footprint": _outline(summary["bbox"]),
        "ids": "position",
        "digest": "",
        "generalised": None,
    }


def _outline(bbox: list[float] | None) -> dict[str, Any] | None:
    """Older code wrote west <= east, whatever the data."""
    if bbox is None:
        return None
    west, south, east, north = bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
