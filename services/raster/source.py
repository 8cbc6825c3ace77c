"""From a blob to a local file that has been looked at."""

from dataclasses import dataclass
from pathlib import Path

from core.ports import BlobInfo
from services.context import TaskContext
from services.raster.admission import check_content, check_size


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A downloaded source, under a name of ours in a private directory: GDAL sees no client's string."""

    path: Path
    info: BlobInfo


def fetch_source(context: TaskContext, *, uri: str, etag: str | None) -> LocalSource:
    """Download the blob; without an `etag`, the version that is there at the start is held on to.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: SOURCE_CHANGED, SOURCE_TOO_LARGE, CONTENT_MISMATCH, UNSUPPORTED_FORMAT.
        TransientError: STORAGE_TIMEOUT.
    """
    info = context.storage.info(uri)
    check_size(info.size_bytes)
    path = context.workspace / "source.tif"
    info = context.storage.download(uri, path, etag=etag or info.etag)
    check_content(path, uri=info.uri)
    return LocalSource(path, info)
