"""Looking at a source before a request is taken: is it there, and is it not too big?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.errors import InvalidRequest, NotFound, TransientError, Unavailable
from core.ports import BlobStore
from geo_platform.collection_source import CollectionSource


@dataclass(frozen=True, slots=True)
class AdmittedSource:
    """A source that was looked at. Of a collection only the place is known: a job lists it."""

    uri: str
    etag: str | None = None
    size_bytes: int | None = None

    @property
    def metadata(self) -> dict[str, str | int]:
        """What is stored with the request."""
        known = {"etag": self.etag, "size_bytes": self.size_bytes}
        return {name: value for name, value in known.items() if value is not None}


def admit_collection(storage: BlobStore, source: CollectionSource, *, max_bytes: int) -> AdmittedSource:
    """The first blob that there is, or nothing: the rest is a job's work.

    Raises:
        AppError: as `admit`, of the first blob.
    """
    if source.paths:
        admit(storage, source.paths[0], max_bytes=max_bytes)
    elif source.listing:
        container, prefix = source.listing
        admit_any(storage, container=container, prefix=prefix)
    return AdmittedSource(source.name)


def admit(storage: BlobStore, uri: str, *, max_bytes: int) -> AdmittedSource:
    """The blob that is there now; its ETag pins the work to this very content.

    Raises:
        NotFound: (SOURCE_NOT_FOUND) there is no such blob.
        InvalidRequest: (SOURCE_TOO_LARGE) it is larger than `max_bytes`; (SOURCE_INVALID) it is empty.
        Unavailable: (STORAGE_TIMEOUT) the store does not answer.
    """
    with _answering():
        blob = storage.info(uri)
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
    return AdmittedSource(blob.uri, blob.etag, blob.size_bytes)


def admit_any(storage: BlobStore, *, container: str, prefix: str) -> None:
    """Look whether anything at all begins with `prefix`: the listing itself is a job's work.

    Raises:
        NotFound: (SOURCE_NOT_FOUND) there is nothing.
        InvalidRequest: (SOURCE_FORBIDDEN) the container is none of ours.
        Unavailable: (STORAGE_TIMEOUT) the store does not answer.
    """
    with _answering():
        if next(iter(storage.list_blobs(container, prefix)), None) is None:
            raise NotFound(
                f"There are no blobs at {container}/{prefix}.",
                code="SOURCE_NOT_FOUND",
                remedy="Check the folder or pattern, and that the uploads have finished.",
            )


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except TransientError as exc:
        raise Unavailable(
            "The storage does not answer.", code="STORAGE_TIMEOUT", remedy="Try again in some seconds."
        ) from exc
