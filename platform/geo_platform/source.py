"""The source of a request: a blob where sources lie, of a format we take, and not too big."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote

from pydantic_core import PydanticCustomError

from core.errors import InvalidRequest, TransientError, Unavailable
from core.ports import BlobInfo, BlobStore
from geo_platform.states import DataType
from infrastructure.blob_uri import BlobUri

EXTENSIONS: Mapping[DataType, tuple[str, ...]] = MappingProxyType(
    {
        DataType.VECTOR: (".gpkg", ".geojson", ".json", ".zip"),
        DataType.RASTER: (".tif", ".tiff"),
    }
)


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
    """What is wrong with the container of a source, or None."""
    if BlobUri.parse(uri).container == container:
        return None
    return f"a source lies in the container {container!r}: {container}/<path>"


def check_format(uri: str, data_type: DataType) -> str | None:
    """What is wrong with the extension of a source for this type, or None."""
    if uri.lower().endswith(EXTENSIONS[data_type]):
        return None
    allowed = ", ".join(EXTENSIONS[data_type])
    fitting = [other for other, extensions in EXTENSIONS.items() if uri.lower().endswith(extensions)]
    hint = f"; request_type {fitting[0].value!r} takes this one" if fitting else ""
    return f"a {data_type.value} source ends in {allowed}{hint}"


def admit(storage: BlobStore, uri: str, *, max_bytes: int) -> BlobInfo:
    """The blob that is there now; its ETag pins the work to this very content.

    Raises:
        NotFound: (SOURCE_NOT_FOUND) there is no such blob.
        InvalidRequest: (SOURCE_TOO_LARGE) it is larger than `max_bytes`; (SOURCE_INVALID) it is empty.
        Unavailable: (STORAGE_TIMEOUT) the store does not answer.
    """
    try:
        blob = storage.info(uri)
    except TransientError as exc:
        raise Unavailable(
            "The storage does not answer.", code="STORAGE_TIMEOUT", remedy="Try again in some seconds."
        ) from exc
    context = {"source": uri, "size_bytes": blob.size_bytes, "max_bytes": max_bytes}
    if blob.size_bytes > max_bytes:
        raise InvalidRequest(
            f"The source has {blob.size_bytes} bytes; at most {max_bytes} are taken.",
            code="SOURCE_TOO_LARGE",
            remedy="Split the source, or compress it.",
            context=context,
        )
    if blob.size_bytes == 0:
        raise InvalidRequest(
            "The source is an empty file.", code="SOURCE_INVALID", remedy="Upload it again.", context=context
        )
    return blob
