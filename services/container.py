"""The handlers of `container_list`: names first, then a look at each blob.

They travel with the vector tasks: like those they wait for another server, need little memory and may run
many at a time. The queue for all other tasks is heard by standalone apps alone, so that the job type would
be refused wherever front door and workers are apps of their own.
"""

from itertools import islice
from pathlib import PurePosixPath

from core.errors import InvalidRequest, NotFound
from core.schema.queue import QueueRole
from core.task_models.container import (
    BlobDescription,
    ContainerListParameters,
    InspectBlobsParameters,
    InspectedBlobs,
    ListedBlobs,
    UnreadableBlob,
)
from services.context import TaskContext
from services.registry import register_task

_MAGIC_BYTES = 16
# First bytes: TIFF 6.0 and BigTIFF, SQLite (and so GeoPackage), PKZIP, PNG, JPEG, gzip, Parquet, PDF.
_FORMATS = (
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "bigtiff"),
    (b"MM\x00+", "bigtiff"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"PK\x03\x04", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "parquet"),
    (b"%PDF-", "pdf"),
)


@register_task("list_container", queue=QueueRole.VECTOR_TASKS)
def list_container(parameters: ContainerListParameters, context: TaskContext) -> ListedBlobs:
    """The names of the blobs asked for."""
    prefix = f"azure://{parameters.container}/"
    listed = (
        blob.uri.removeprefix(prefix)
        for blob in context.storage.list_blobs(parameters.container, parameters.prefix)
    )
    wanted = list(islice((name for name in listed if name.endswith(parameters.suffix)), parameters.limit + 1))
    return ListedBlobs(names=tuple(wanted[: parameters.limit]), is_truncated=len(wanted) > parameters.limit)


@register_task("inspect_blobs", queue=QueueRole.VECTOR_TASKS)
def inspect_blobs(parameters: InspectBlobsParameters, context: TaskContext) -> InspectedBlobs:
    """Size, ETag, content type and first bytes of each blob."""
    blobs, unreadable = list[BlobDescription](), list[UnreadableBlob]()
    for number, name in enumerate(parameters.names):
        context.checkpoint(number / len(parameters.names))
        try:
            blobs.append(_describe(parameters.container, name, context))
        except (InvalidRequest, NotFound) as exc:
            unreadable.append(UnreadableBlob(name=name, code=exc.code))
    return InspectedBlobs(blobs=tuple(blobs), unreadable=tuple(unreadable))


def _describe(container: str, name: str, context: TaskContext) -> BlobDescription:
    uri = f"azure://{container}/{name}"
    info = context.storage.info(uri)
    first = b""
    if info.size_bytes:
        first = b"".join(context.storage.open_range(uri, start=0, length=_MAGIC_BYTES))
    return BlobDescription(
        name=name,
        extension=PurePosixPath(name).suffix.lower(),
        size_bytes=info.size_bytes,
        etag=info.etag,
        content_type=info.content_type,
        format=_format(first),
    )


def _format(first: bytes) -> str:
    """By the first bytes; JSON has none of its own, but begins with a bracket."""
    known = next((name for magic, name in _FORMATS if first.startswith(magic)), None)
    if known is not None:
        return known
    if not first:
        return "empty"
    return "json" if first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "unknown"
