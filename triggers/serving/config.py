"""What serving needs from the rest of the application."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.ports import BlobInfo
from core.task_models.vector_export import ExportFormat
from geo_platform.exports import Export
from infrastructure.repositories.published import PublishedSummary


class BlobReader(Protocol):
    """The reading half of `core.ports.BlobStore`."""

    def info(self, uri: str) -> BlobInfo: ...

    def open_range(self, uri: str, *, start: int = 0, length: int | None = None) -> Iterator[bytes]: ...

    def gdal_path(self, uri: str) -> str: ...

    def gdal_options(self) -> Mapping[str, str]: ...


class UrlSigner(Protocol):
    """Makes URLs for clients that fetch from the blob store themselves."""

    def read_url(self, uri: str, *, seconds: int, filename: str) -> str:
        """A URL that reads the blob for a while without a key, and saves it as `filename`."""


class RequestState(Protocol):
    """How a request stands, of which only this is needed here."""

    @property
    def request_id(self) -> str: ...

    @property
    def status(self) -> str: ...


class Exports(Protocol):
    """Files of published tables (`geo_platform.exports.ExportDesk.ask`)."""

    def __call__(
        self, request_id: str, kind: ExportFormat, *, collection_id: str = "", again: bool = False
    ) -> Export:
        """The file, or how far its job is; the job is begun if there is none."""


class PublishedCatalogue(Protocol):
    """The published datasets, for the page."""

    def latest(self, limit: int) -> Sequence[PublishedSummary]:
        """The most recently published ones, newest first."""

    def find(self, collection_id: str) -> PublishedSummary | None:
        """One of them."""


@dataclass(frozen=True, slots=True)
class ServingConfig:
    """`reader_url` is the database as role geo_reader; `public_base_url` begins every URL in an answer.

    `find_request` resolves any id that clients know a request by, and raises NotFound (REQUEST_NOT_FOUND).
    `max_body_bytes` bounds what one answer holds in memory: Azure Functions sends no chunked bodies.
    `export_wait_seconds` is how long a download waits for a file that is being made.
    """

    reader_url: str = field(repr=False)
    public_base_url: str
    blobs: BlobReader
    signer: UrlSigner
    catalogue: PublishedCatalogue
    find_request: Callable[[str], RequestState]
    exports: Exports
    pool_max: int = 6
    statement_seconds: float = 30.0
    max_body_bytes: int = 64 * 2**20
    signed_url_seconds: int = 900
    export_wait_seconds: float = 20.0
