"""Features as they come out of the platform: page by page, and in files of the formats of exports."""

import csv
import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import shapely

from core.task_models.vector_export import ExportFormat
from tests.acceptance.hub import Hub
from tests.acceptance.vector_corpus.comparing import Found
from tests.integration.exports.reading_back import rows_of

_PAGE = 1000
_NAN_FOR_NULL = {ExportFormat.GEOPACKAGE, ExportFormat.FLATGEOBUF, ExportFormat.SHAPEFILE}


def items(hub: Hub, url: str) -> dict[int, Found]:
    """All features of a collection."""
    found: dict[int, Found] = {}
    following: str | None = f"{url}?limit={_PAGE}"
    while following:
        page = hub.get(following).json()
        found |= {feature["id"]: _from_geojson(feature) for feature in page["features"]}
        following = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    return found


def _from_geojson(feature: dict[str, Any]) -> Found:
    geometry, values = feature["geometry"], feature["properties"]
    assert values.pop("fid", feature["id"]) == feature["id"]
    return Found(None if geometry is None else shapely.from_geojson(json.dumps(geometry)), values)


def exported(kind: ExportFormat, path: Path) -> dict[int, Found]:
    """All features of a file with one table."""
    names = _names(path) if kind is ExportFormat.SHAPEFILE else {}
    return {
        fid: Found(shape, {names.get(name, name): _value(kind, value) for name, value in values.items()})
        for fid, (shape, values) in rows_of(kind.value, path).items()
    }


def _names(archive: Path) -> dict[str, str]:
    """The columns of the table by the names of the fields, as the archive itself tells them."""
    with zipfile.ZipFile(archive) as files:
        (fields,) = (name for name in files.namelist() if name.endswith("_fields.csv"))
        text = files.read(fields).decode("utf-8-sig")
    return {row["field"]: row["column"] for row in csv.DictReader(io.StringIO(text))}


def _value(kind: ExportFormat, value: Any) -> Any:
    """Null, where the reader says it with another word."""
    if value == "" and kind is ExportFormat.CSV:
        return None  # and so is an empty text: Python's reader does not tell quoted from unquoted
    return None if isinstance(value, float) and math.isnan(value) and kind in _NAN_FOR_NULL else value
