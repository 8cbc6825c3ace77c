"""The source of an ingestion on the local disk: fetched once, as the very blob that was submitted."""

from pathlib import Path

from core.errors import PermanentTaskError
from core.ports import BlobInfo
from core.task_models.vector import IngestVectorParameters
from services.context import TaskContext
from services.vector.admission import MAX_SOURCE_BYTES, private_path


def fetch(parameters: IngestVectorParameters, context: TaskContext) -> tuple[Path, BlobInfo]:
    """Download the source into a directory of its own.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: SOURCE_CHANGED: it is not the blob with that ETag; SOURCE_TOO_LARGE.
        TransientError: STORAGE_TIMEOUT.
    """
    blob = context.storage.info(parameters.source_uri)
    if blob.size_bytes > MAX_SOURCE_BYTES:
        raise PermanentTaskError(
            f"The source has {blob.size_bytes} bytes.",
            code="SOURCE_TOO_LARGE",
            remedy=f"Submit at most {MAX_SOURCE_BYTES} bytes; split the file.",
            context={"size_bytes": blob.size_bytes, "limit_bytes": MAX_SOURCE_BYTES},
        )
    directory = context.workspace / "source"
    directory.mkdir()
    extra = parameters.reading.extra_formats
    path = private_path(parameters.source_uri, directory, extra_formats=extra)
    etag = parameters.source_etag or blob.etag
    return path, context.storage.download(parameters.source_uri, path, etag=etag)
