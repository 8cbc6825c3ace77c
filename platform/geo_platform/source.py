"""The source of a request by its name: where it lies, and of which format it says to be."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote

from pydantic_core import PydanticCustomError

from core.errors import InvalidRequest
from geo_platform.states import DataType
from infrastructure.blob_uri import BlobUri

_WINDOWED = (".tif", ".tiff", ".jp2", ".j2k")  # can be read in parts where they lie
EXTENSIONS: Mapping[DataType, tuple[str, ...]] = MappingProxyType(
    {
        DataType.VECTOR: (".gpkg", ".geojson", ".json", ".zip"),
        DataType.RASTER: (*_WINDOWED, ".zip"),
        DataType.LARGE_RASTER: _WINDOWED,
        DataType.RASTER_COLLECTION: (*_WINDOWED, ".zip"),
    }
)
EXTRA_EXTENSIONS = (".nc", ".h5", ".hdf5")
_WITH_EXTRAS = frozenset({DataType.RASTER, DataType.RASTER_COLLECTION})


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


def extensions_of(data_type: DataType, *, extra_formats: bool = False) -> tuple[str, ...]:
    """What the names of its sources may end in; `extra_formats` are those behind RASTER_EXTRA_FORMATS."""
    extra = EXTRA_EXTENSIONS if extra_formats and data_type in _WITH_EXTRAS else ()
    return (*EXTENSIONS[data_type], *extra)


def check_format(uri: str, data_type: DataType, *, extra_formats: bool = False) -> str | None:
    """What is wrong with the extension of a source for this type, or None."""
    allowed = extensions_of(data_type, extra_formats=extra_formats)
    if uri.lower().endswith(allowed):
        return None
    fitting = [
        other for other in DataType if uri.lower().endswith(extensions_of(other, extra_formats=extra_formats))
    ]
    hint = f"; request_type {fitting[0].value!r} takes this one" if fitting else ""
    if not hint and uri.lower().endswith(EXTRA_EXTENSIONS) and data_type in _WITH_EXTRAS:
        hint = "; netCDF and HDF are not enabled here"
    return f"a {data_type.value} source ends in {', '.join(allowed)}{hint}"


def is_windowed(uri: str) -> bool:
    """Whether a raster of this name can be read in parts where it lies."""
    return uri.lower().endswith(_WINDOWED)
