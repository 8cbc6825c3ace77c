"""From a blob to a raster file that has been looked at: downloaded, or read by ranges where it lies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rasterio.transform import Affine

from core.errors import PermanentTaskError
from core.ports import BlobInfo
from core.task_models.raster import RasterSource
from core.task_models.raster_validation import ReadingOptions
from services import archive
from services.context import TaskContext
from services.raster.admission import DEFAULT_LIMITS, check_size
from services.raster.archive import unpack
from services.raster.environment import remote_options
from services.raster.formats import HDF5, HEAD_BYTES, ZIP, RasterFormat, format_of
from services.raster.hdf5 import check_hdf5
from services.raster.structure import check_structure


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A downloaded source, under a name of ours in a private directory: GDAL sees no client's string.

    `crs_wkt` and `transform` come from the `.prj` and the world file that lay beside it in an archive.
    """

    path: Path
    info: BlobInfo
    format: RasterFormat
    crs_wkt: str | None = None
    transform: Affine | None = None

    @property
    def gdal_name(self) -> str:
        """What GDAL opens."""
        return str(self.path)

    @property
    def options(self) -> Mapping[str, str]:
        """GDAL's configuration on top of the hardened one."""
        return {}

    @property
    def size_bytes(self) -> int:
        """Of the raster itself, as it was unpacked."""
        return self.path.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        """Bytes of the raster; fewer at its end."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)

    def recheck(self) -> None:
        """A local file does not change."""


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A source that is read where it lies. `options` hold secrets: never log them.

    GDAL may open this one blob and no other, and each request carries the ETag (RFC 9110, section 13.1.1).
    """

    gdal_name: str
    info: BlobInfo
    format: RasterFormat
    options: Mapping[str, str] = field(repr=False)
    read: Callable[[int, int], bytes] = field(repr=False, compare=False)
    recheck: Callable[[], None] = field(repr=False, compare=False)
    crs_wkt: None = None
    transform: None = None

    @property
    def size_bytes(self) -> int:
        """Of the blob."""
        return self.info.size_bytes


Source = LocalSource | RemoteSource


def fetch_source(context: TaskContext, *, uri: str, etag: str | None, reading: ReadingOptions) -> LocalSource:
    """Download the blob; without an `etag`, the version that is there at the start is held on to.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: SOURCE_CHANGED, SOURCE_TOO_LARGE, CONTENT_MISMATCH, UNSUPPORTED_FORMAT,
            ARCHIVE_UNSAFE.
        TransientError: STORAGE_TIMEOUT.
    """
    info = pinned_info(context, uri=uri, etag=etag)
    check_size(info.size_bytes, limit_bytes=DEFAULT_LIMITS.max_download_bytes)
    path = context.workspace / "source.blob"
    info = context.storage.download(uri, path, etag=info.etag)
    found = format_of(_head(path), name=info.uri, extra_formats=reading.extra_formats)
    if found is ZIP:
        return _unpacked(path, info, reading)
    if found.is_picture:
        raise PermanentTaskError(
            f"The source holds {found.name}, which does not say where it lies.",
            code="UNSUPPORTED_FORMAT",
            remedy="Zip it with its world file and its .prj, or convert it to GeoTIFF.",
        )
    return _checked(LocalSource(path, info, found))


def choose_source(
    context: TaskContext, *, uri: str, etag: str | None, reading: ReadingOptions
) -> "LocalSource | RemoteSource":
    """Read by ranges where the format allows it, downloaded where it does not.

    Raises:
        As `fetch_source` and `remote_source`.
    """
    info = pinned_info(context, uri=uri, etag=etag)
    if _remote_format(context, info, reading).by_ranges:
        return remote_source(context, uri=info.uri, etag=info.etag, reading=reading)
    return fetch_source(context, uri=info.uri, etag=info.etag, reading=reading)


def remote_source(
    context: TaskContext, *, uri: str, etag: str | None, reading: ReadingOptions
) -> RemoteSource:
    """A blob that is read by ranges, in the version of the `etag`, or in that which is there now.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: SOURCE_CHANGED, SOURCE_TOO_LARGE, CONTENT_MISMATCH; UNSUPPORTED_FORMAT also for
            a format that can only be read as a whole.
        TransientError: STORAGE_TIMEOUT.
    """
    info = pinned_info(context, uri=uri, etag=etag)
    check_size(info.size_bytes, limit_bytes=DEFAULT_LIMITS.max_file_bytes)
    found = _remote_format(context, info, reading)
    if not found.by_ranges:
        raise PermanentTaskError(
            f"The source holds {found.name}, which cannot be read in parts.",
            code="UNSUPPORTED_FORMAT",
            remedy="Convert it to GeoTIFF, for example with gdal_translate, and submit that.",
        )
    name = context.storage.gdal_path(info.uri)
    return RemoteSource(
        name,
        info,
        found,
        options=remote_options(name, context.storage.gdal_options(), etag=info.etag),
        read=partial(_read_blob, context, info.uri),
        recheck=partial(_recheck, context, info),
    )


def pinned_info(context: TaskContext, *, uri: str, etag: str | None) -> BlobInfo:
    """What the store says of the blob, which is the one with this ETag.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: SOURCE_CHANGED.
        TransientError: STORAGE_TIMEOUT.
    """
    info = context.storage.info(uri)
    if etag is not None and etag.strip('"') != info.etag.strip('"'):
        raise PermanentTaskError(
            "The blob was replaced after it was submitted.",
            code="SOURCE_CHANGED",
            remedy="Submit it again; leave it untouched until it is published.",
            context={"uri": info.uri},
        )
    return info


def source_of(source: Source) -> RasterSource:
    """Where the pixels came from, as results tell it."""
    info = source.info
    return RasterSource(uri=info.uri, size_bytes=info.size_bytes, etag=info.etag, driver=source.format.driver)


def _remote_format(context: TaskContext, info: BlobInfo, reading: ReadingOptions) -> RasterFormat:
    check_size(info.size_bytes, limit_bytes=DEFAULT_LIMITS.max_file_bytes)
    head = _read_blob(context, info.uri, 0, HEAD_BYTES)
    return format_of(head, name=info.uri, extra_formats=reading.extra_formats)


def _unpacked(path: Path, info: BlobInfo, reading: ReadingOptions) -> LocalSource:
    target = path.with_name("source.unpacked")
    unpacked = unpack(path, target, wanted=reading.subdataset, limit_bytes=DEFAULT_LIMITS.max_download_bytes)
    path.unlink()
    found = format_of(_head(target), name=unpacked.name, extra_formats=reading.extra_formats)
    if found is ZIP:
        raise archive.unsafe("An entry of the archive is an archive itself.")
    return _checked(LocalSource(target, info, found, crs_wkt=unpacked.crs_wkt, transform=unpacked.transform))


def _checked(source: LocalSource) -> LocalSource:
    if source.format is HDF5:
        check_hdf5(source.path)
    check_structure(source.format, source.read, size_bytes=source.size_bytes)
    return source


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _read_blob(context: TaskContext, uri: str, start: int, length: int) -> bytes:
    return b"".join(context.storage.open_range(uri, start=start, length=length))


def _recheck(context: TaskContext, info: BlobInfo) -> None:
    pinned_info(context, uri=info.uri, etag=info.etag)
