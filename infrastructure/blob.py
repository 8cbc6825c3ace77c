"""Azure Blob Storage as a `core.ports.BlobStore`; Azurite is the same service for this code."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobProperties,
    ContentSettings,
    StorageStreamDownloader,
)

from core.errors import (
    AppError,
    Conflict,
    ContractViolation,
    InvalidRequest,
    NotFound,
    PermanentTaskError,
    TransientError,
)
from core.ports import BlobInfo, BlobUpload
from infrastructure.blob_uri import BlobUri
from infrastructure.storage_account import StorageAccount

_UPLOAD_ID = "upload_id"


class AzureBlobStore:
    """Blobs of the allowed containers of one storage account; see `core.ports.BlobStore`.

    Safe for use by several threads. Nothing is opened before the first call.

    Args:
        account: the account, and how to get into it.
        readable: the containers that may be read.
        writable: those of them that may be written as well.
    """

    def __init__(
        self,
        account: StorageAccount,
        *,
        readable: frozenset[str] = frozenset({"bronze", "silver"}),
        writable: frozenset[str] = frozenset({"silver"}),
    ) -> None:
        self._account = account
        self._readable = readable | writable
        self._writable = writable

    def info(self, uri: str) -> BlobInfo:
        """See `BlobStore`."""
        blob, client = self._open(uri)
        with _translated(blob):
            return _info(blob, client.get_blob_properties())

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        """See `BlobStore`. A container that is none of ours is told at once."""
        self._check_readable(container)
        client = self._account.service().get_container_client(container)
        return _listed(container, client.list_blobs(name_starts_with=prefix or None))

    def download(self, uri: str, target: Path, *, etag: str | None = None) -> BlobInfo:
        """See `BlobStore`. The SDK asks for each further chunk of the same version."""
        blob, client = self._open(uri)
        condition: dict[str, Any] = {}
        if etag:
            condition = {"etag": _quoted(etag), "match_condition": MatchConditions.IfNotModified}
        with _translated(blob), target.open("wb") as file:
            stream = client.download_blob(max_concurrency=4, **condition)
            stream.readinto(file)
            return _info(blob, stream.properties)

    def upload_new(self, source: Path, uri: str, *, content_type: str) -> BlobInfo:
        """See `BlobStore`. Each request carries an MD5, which the service compares."""
        blob, client = self._open(uri, for_writing=True)
        upload_id = uuid.uuid4().hex
        with _translated(blob), _created_once(blob, client, upload_id):
            _upload(client, source, content_type=content_type, upload_id=upload_id)
        with _translated(blob):
            return _info(blob, client.get_blob_properties())

    def begin_upload(self, uri: str, *, content_type: str) -> BlobUpload:
        """See `BlobStore`."""
        blob, client = self._open(uri, for_writing=True)
        return _BlockUpload(blob, client, content_type)

    def delete(self, uri: str) -> bool:
        """See `BlobStore`."""
        blob, client = self._open(uri, for_writing=True)
        try:
            with _translated(blob):
                client.delete_blob(delete_snapshots="include")
        except NotFound:
            return False
        return True

    def open_range(self, uri: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See `BlobStore`. A missing blob is told at once, not at the first chunk."""
        blob, client = self._open(uri)
        # Asked first: Azurite answers such a range with nothing where Azure answers 416, and the SDK leaves
        # the connection of an empty answer open.
        if start and start >= self.info(uri).size_bytes:
            raise _behind_the_end(blob)
        with _translated(blob):
            stream = client.download_blob(offset=start, length=length)
        return _chunks(blob, stream)

    def gdal_path(self, uri: str) -> str:
        """See `BlobStore`."""
        blob, _ = self._open(uri)
        return f"/vsiaz/{blob.container}/{blob.path}"

    def gdal_options(self) -> Mapping[str, str]:
        """See `BlobStore`."""
        return self._account.gdal_options()

    def _open(self, uri: str, *, for_writing: bool = False) -> tuple[BlobUri, BlobClient]:
        blob = BlobUri.parse(uri)
        self._check_readable(blob.container)
        if for_writing and blob.container not in self._writable:
            raise ContractViolation(f"the container {blob.container!r} is read-only for us")
        return blob, self._account.service().get_blob_client(blob.container, blob.path)

    def _check_readable(self, container: str) -> None:
        if container not in self._readable:
            raise InvalidRequest(
                f"The container {container!r} is not one of {', '.join(sorted(self._readable))}.",
                code="SOURCE_FORBIDDEN",
                remedy="Put the file into one of the containers named.",
            )


class _BlockUpload:
    """See `BlobUpload`."""

    def __init__(self, blob: BlobUri, client: BlobClient, content_type: str) -> None:
        self._blob = blob
        self._client = client
        self._content_type = content_type
        self._id = uuid.uuid4().hex

    def put(self, number: int, content: bytes) -> None:
        """See `BlobUpload`."""
        with _translated(self._blob):
            self._client.stage_block(self._name(number), content, length=len(content), validate_content=True)

    def commit(self, count: int, *, md5: bytes) -> BlobInfo:
        """See `BlobUpload`."""
        with _translated(self._blob), _created_once(self._blob, self._client, self._id):
            self._client.commit_block_list(
                [BlobBlock(self._name(number)) for number in range(count)],
                content_settings=ContentSettings(content_type=self._content_type, content_md5=bytearray(md5)),
                metadata={_UPLOAD_ID: self._id},
                match_condition=MatchConditions.IfMissing,
            )
        with _translated(self._blob):
            return _info(self._blob, self._client.get_blob_properties())

    def _name(self, number: int) -> str:
        """Names of one length, and of this upload alone: another one may be under way for the same blob."""
        return f"{self._id}{number:06d}"


@contextmanager
def _created_once(blob: BlobUri, client: BlobClient, upload_id: str) -> Iterator[None]:
    """A lost answer to our own upload is no conflict: its id tells it apart."""
    try:
        yield
    except ResourceExistsError as exc:
        if (client.get_blob_properties().metadata or {}).get(_UPLOAD_ID) != upload_id:
            raise Conflict(
                "A blob of this name exists already; names are used once.",
                code="BLOB_EXISTS",
                context={"uri": str(blob)},
            ) from exc


def _upload(client: BlobClient, source: Path, *, content_type: str, upload_id: str) -> None:
    with source.open("rb") as file:
        client.upload_blob(
            file,
            length=source.stat().st_size,
            overwrite=False,  # If-None-Match: *
            max_concurrency=4,
            validate_content=True,
            content_settings=ContentSettings(content_type=content_type),
            metadata={_UPLOAD_ID: upload_id},
        )


def _chunks(blob: BlobUri, stream: StorageStreamDownloader[bytes]) -> Iterator[bytes]:
    with _translated(blob):
        yield from stream.chunks()


def _listed(container: str, pages: Iterable[BlobProperties]) -> Iterator[BlobInfo]:
    with _translated(BlobUri(container, "")):
        for properties in pages:
            yield _info(BlobUri(container, properties.name), properties)


def _quoted(etag: str) -> str:
    """An entity tag as HTTP wants it (RFC 9110, section 8.8.3); some tools show it without the quotes."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def _info(blob: BlobUri, properties: BlobProperties) -> BlobInfo:
    return BlobInfo(
        uri=str(blob),
        size_bytes=properties.size,
        # Quoted as in HTTP, also where a listing leaves the quotes out.
        etag=_quoted(properties.etag),
        last_modified=properties.last_modified,
        content_type=properties.content_settings.content_type or "application/octet-stream",
        md5=bytes(md5) if (md5 := properties.content_settings.content_md5) else None,
    )


@contextmanager
def _translated(blob: BlobUri) -> Iterator[None]:
    """The SDK's errors as ours, the most specific first."""
    where = {"uri": str(blob)}
    try:
        yield
    except ResourceNotFoundError as exc:
        raise NotFound(
            "There is no such blob.",
            code="SOURCE_NOT_FOUND",
            remedy="Check the name, and that the upload has finished.",
            context=where,
        ) from exc
    except ResourceModifiedError as exc:
        raise PermanentTaskError(
            "The blob was replaced after it was submitted.",
            code="SOURCE_CHANGED",
            remedy="Submit it again; leave it untouched until it is published.",
            context=where,
        ) from exc
    except AzureError as exc:
        raise _service_error(exc, blob) from exc


def _service_error(exc: AzureError, blob: BlobUri) -> AppError:
    """By status; without one there was no answer at all. HEAD has no body to tell more by."""
    status, where = getattr(exc, "status_code", None), {"uri": str(blob)}
    if isinstance(exc, ClientAuthenticationError) or status in {401, 403}:
        return ContractViolation(
            "The storage account refuses us access.",
            code="CONFIG_ERROR",
            remedy="Give the app's identity the role Storage Blob Data Contributor.",
            context=where,
        )
    if status == 416:
        return _behind_the_end(blob)
    if status is None or status in {408, 429} or status >= 500:
        return TransientError("The blob storage does not answer.", code="STORAGE_TIMEOUT", context=where)
    return ContractViolation(f"the blob storage refused a request with {status}", context=where)


def _behind_the_end(blob: BlobUri) -> InvalidRequest:
    return InvalidRequest(
        "The range begins behind the end of the blob.",
        code="RANGE_NOT_SATISFIABLE",
        context={"uri": str(blob)},
    )
