"""The assets and links of a vector dataset: what is served of each table, and the files of the whole."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from core.task_models.vector_catalogue import LayerHrefs, StacVectorParameters
from core.task_models.vector_export import ExportedFile, ExportFormat
from services.stac.elements import PMTILES_MEDIA_TYPE, Json, asset, file_fields, link, optional_assets
from services.stac.table_fields import layer_title, table_fields

GEOJSON_MEDIA_TYPE = "application/geo+json"
GEOPACKAGE_MEDIA_TYPE = "application/geopackage+sqlite3"
VECTOR_TILE_MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
_TOLD_NOTES = 20

_PMTILES_TITLE = "Vector tiles of all zooms (PMTiles)"


def assets(parameters: StacVectorParameters) -> dict[str, Json]:
    """By their keys: of the whole `data`, a key for each export, `report`, `rejects`; of each table
    `features` and `tiles`, which of several tables end in the table's collection id."""
    return optional_assets(
        {
            "data": _geopackage(parameters),
            **dict(_served(parameters)),
            **dict(_exports(parameters)),
            "report": _report(parameters.report),
            "rejects": _rejects(parameters.rejects),
        }
    )


def links(parameters: StacVectorParameters) -> Iterator[Json]:
    """Tiles of each table (web map links extension), its OGC API collection, the report, the map."""
    tables = zip(parameters.summary.tables, parameters.layers, strict=True)
    several = len(parameters.layers) > 1
    for table, layer in tables:
        of = f" of {layer_title(table)}" if several else ""
        hrefs = layer.hrefs
        yield link("xyz", hrefs.vector_tiles, VECTOR_TILE_MEDIA_TYPE, f"Vector tiles{of}")
        yield link("tilejson", hrefs.tilejson, "application/json", f"TileJSON{of}")
        yield link("describedby", hrefs.features, "application/json", f"OGC API Features collection{of}")
    if any(export.format is ExportFormat.PMTILES for export in parameters.exports):
        archive = _with_format(_download(parameters), ExportFormat.PMTILES)
        yield link("pmtiles", archive, PMTILES_MEDIA_TYPE, _PMTILES_TITLE)
    if parameters.report:
        yield link(
            "describedby", _with_format(parameters.report, "json"), "application/json", "Quality report"
        )
    for href in dict.fromkeys(str(layer.hrefs.map) for layer in parameters.layers):
        yield link("alternate", href, "text/html", "Map")


def _geopackage(parameters: StacVectorParameters) -> Json:
    """The one format that holds all tables; it is made when it is first asked for, if it was not before."""
    href = _with_format(_download(parameters), ExportFormat.GEOPACKAGE)
    made = (export for export in parameters.exports if export.format is ExportFormat.GEOPACKAGE)
    described = asset(href, GEOPACKAGE_MEDIA_TYPE, ExportFormat.GEOPACKAGE.label, "data")
    return described | next(map(_file, made), {})


def _served(parameters: StacVectorParameters) -> Iterator[tuple[str, Json]]:
    tables = zip(parameters.summary.tables, parameters.layers, strict=True)
    several = len(parameters.layers) > 1
    for table, layer in tables:
        suffix = f"_{layer.collection_id}" if several else ""
        name = f"{layer_title(table)}: " if several else ""
        features = asset(layer.hrefs.items, GEOJSON_MEDIA_TYPE, f"{name}OGC API Features", "data")
        yield f"features{suffix}", features | (table_fields(table) if several else {})
        tiles = asset(
            layer.hrefs.tilejson, "application/json", f"{name}TileJSON of the vector tiles", "tiles"
        )
        yield f"tiles{suffix}", tiles


def _exports(parameters: StacVectorParameters) -> Iterator[tuple[str, Json]]:
    for export in parameters.exports:
        if export.format is ExportFormat.GEOPACKAGE:
            continue  # it is `data`
        is_tiles = export.format is ExportFormat.PMTILES
        title, role = (_PMTILES_TITLE, "tiles") if is_tiles else (export.format.label, "data")
        href = _with_format(_download(parameters), export.format)
        yield export.format.value, asset(href, export.media_type, title, role) | _file(export)


def _file(export: ExportedFile) -> Json:
    """Size, checksum, and what the format could not hold as it is."""
    fields = file_fields(size_bytes=export.size_bytes, sha256=export.sha256)
    if not export.notes:
        return fields
    shown = export.notes[:_TOLD_NOTES]
    told = [f"{note.column}: {note.message}" if note.column else note.message for note in shown]
    more = len(export.notes) - len(told)
    lines = [*told, f"and {more} more, which the report has"] if more else told
    text = "\n".join(f"- {line}" for line in lines)
    return fields | {"description": f"Differences that the format forces:\n\n{text}"}


def _report(href: str | None) -> Json | None:
    if href is None:
        return None
    return asset(_with_format(href, "html"), "text/html", "Quality report", "metadata")


def _rejects(href: str | None) -> Json | None:
    if href is None:
        return None
    title = "Rejected features, with the reason of each (GeoPackage)"
    return asset(href, GEOPACKAGE_MEDIA_TYPE, title, "rejects")


def _download(parameters: StacVectorParameters) -> str:
    """Of the whole: the URL of the first table without what picks it out."""
    first: LayerHrefs = parameters.layers[0]
    return urlunsplit(urlsplit(str(first.hrefs.download))._replace(query=""))


def _with_format(href: str, form: str) -> str:
    """The URL with the parameter `f`, in place of the one that it may have."""
    parts = urlsplit(href)
    others = [(name, value) for name, value in parse_qsl(parts.query) if name != "f"]
    return urlunsplit(parts._replace(query=urlencode([*others, ("f", form)])))
