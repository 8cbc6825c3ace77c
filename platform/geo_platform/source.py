"""The source of a request by its name: where it lies, and of which format it says to be."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from urllib.parse import unquote

from pydantic_core import PydanticCustomError

from core.errors import InvalidRequest
from geo_platform.states import DataType
from infrastructure.blob_uri import BlobUri

_WINDOWED = (".tif", ".tiff", ".jp2", ".j2k")  # can be read in parts where they lie
EXTENSIONS: Mapping[DataType, tuple[str, ...]] = MappingProxyType(
    {
        DataType.VECTOR: (
            *(".gpkg", ".geojson", ".json", ".geojsonl", ".geojsons", ".ndjson", ".jsonl", ".topojson"),
            *(".fgb", ".parquet", ".geoparquet", ".kml", ".kmz", ".csv", ".tsv", ".gdb.zip", ".zip"),
        ),
        DataType.RASTER: (*_WINDOWED, ".zip"),
        DataType.LARGE_RASTER: _WINDOWED,
        DataType.RASTER_COLLECTION: (*_WINDOWED, ".zip"),
    }
)
_RASTER_EXTRAS = (".nc", ".h5", ".hdf5")
EXTRA_EXTENSIONS: Mapping[DataType, tuple[str, ...]] = MappingProxyType(
    {
        DataType.VECTOR: (".gml", ".dxf"),
        DataType.RASTER: _RASTER_EXTRAS,
        DataType.RASTER_COLLECTION: _RASTER_EXTRAS,
    }
)

_TO_BE_ZIPPED = {
    **dict.fromkeys((".shp", ".shx", ".dbf"), "zip the .shp together with its .shx, .dbf and .prj"),
    ".gdb": "zip the folder",
}


def normalise_source(path: str) -> str:
    """`azure://container/path` for `container/path`, percent-decoded once.

    Raises:
        PydanticCustomError: (source_invalid) the path could mean another place than it says.
    """
    try:
        return str(BlobUri.parse(unquote(path, errors="strict")))
    except UnicodeDecodeError as exc:
        raise PydanticCustomError("source_invalid", "the percent-encoding is not UTF-8") from exc
    except InvalidRequest as exc:
        raise PydanticCustomError("source_invalid", "{why}", {"why": exc.message}) from exc


def check_place(uri: str, container: str) -> str | None:
    """What is wrong with the container of a normalised source (a blob, folder or pattern), or None."""
    if uri.startswith(f"azure://{container}/"):
        return None
    return f"a source lies in the container {container!r}: {container}/<path>"


def extensions_of(data_type: DataType, *, extras: Collection[DataType] = ()) -> tuple[str, ...]:
    """What the names of its sources may end in.

    `extras` are the types of which the formats behind a setting are allowed (RASTER_EXTRA_FORMATS,
    VECTOR_EXTRA_FORMATS).
    """
    extra = EXTRA_EXTENSIONS.get(data_type, ()) if data_type in extras else ()
    return (*EXTENSIONS[data_type], *extra)


def check_format(uri: str, data_type: DataType, *, extras: Collection[DataType] = ()) -> str | None:
    """What is wrong with the extension of a source for this type, or None."""
    allowed = extensions_of(data_type, extras=extras)
    name = uri.lower()
    if name.endswith(allowed):
        return None
    hint = _format_hint(uri, data_type, extras=extras)
    return f"a {data_type.value} source ends in {', '.join(allowed)}{f'; {hint}' if hint else ''}"


def _format_hint(uri: str, data_type: DataType, *, extras: Collection[DataType]) -> str:
    """What to do with a source of this name; empty when nobody knows."""
    if fitting := types_of(uri, extras=extras):
        return f"request_type {fitting[0].value!r} takes this one"
    name = uri.lower()
    if name.endswith(EXTRA_EXTENSIONS.get(data_type, ())):
        return f"{'GML and DXF' if data_type is DataType.VECTOR else 'netCDF and HDF'} are not enabled here"
    return next((advice for ending, advice in _TO_BE_ZIPPED.items() if name.endswith(ending)), "")


def types_of(uri: str, *, extras: Collection[DataType] = ()) -> list[DataType]:
    """The types of data that take a source of this name; a `.zip` may be a vector or a raster."""
    return [each for each in DataType if uri.lower().endswith(extensions_of(each, extras=extras))]


def is_windowed(uri: str) -> bool:
    """Whether a raster of this name can be read in parts where it lies."""
    return uri.lower().endswith(_WINDOWED)
