"""What the Platform is given: its options, the way to the database, and the parts that it drives."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from core.control import RetryScope
from core.ports import BlobStore, UnitOfWork
from core.workflow import Workflow
from geo_platform.endpoints import Urls
from geo_platform.states import DataType
from infrastructure.pgstac import StacRepository
from infrastructure.repositories.datasets import DatasetRepository, PublicationRepository
from infrastructure.repositories.exports import ExportRepository
from infrastructure.repositories.request_jobs import RequestJobRepository
from infrastructure.repositories.requests import RequestListing, RequestRepository


class PlatformUnitOfWork(UnitOfWork, Protocol):
    """The engine's unit of work; the Platform's repositories join its transaction by the connection."""

    @property
    def connection(self) -> Any: ...


Transactions = Callable[[], AbstractContextManager[PlatformUnitOfWork]]
Clock = Callable[[], datetime]

PublishTable = Callable[[Any, str, str], None]
"""(connection, staging table, name): move `staging.<table>` to `geo.<name>`, which nothing else has."""


class RetryJob(Protocol):
    """See `core.control.JobControl.retry`."""

    def __call__(self, job_id: str, *, scope: RetryScope, from_stage: int | str | None) -> int: ...


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PlatformOptions:
    """Who the client is until keys say so, where we are seen from outside, and where data lie.

    `source_container` (bronze) is read-only for us, `published_container` (silver) is ours. A raster of more
    than `raster_large_bytes` uncompressed becomes a mosaic. `colormaps` are the names that tiles can be drawn
    with; None leaves it to the jobs to refuse others.
    """

    public_base_url: str
    client_id: str = "ddh_v1"
    namespace: str = "ddh"
    max_source_bytes: int = 50 * 1024**3
    source_container: str = "bronze"
    published_container: str = "silver"
    raster_large_bytes: int = 2 * 1024**3
    raster_extra_formats: bool = False
    vector_extra_formats: bool = False
    collection_max_files: int = 10_000
    colormaps: Callable[[], Collection[str]] | None = None

    @property
    def extras(self) -> frozenset[DataType]:
        """The types of data of which the formats behind a setting are taken as well."""
        rasters = {DataType.RASTER, DataType.LARGE_RASTER, DataType.RASTER_COLLECTION}
        return frozenset(
            (rasters if self.raster_extra_formats else set())
            | ({DataType.VECTOR} if self.vector_extra_formats else set())
        )

    @property
    def urls(self) -> Urls:
        """The builder of URLs."""
        return Urls(self.public_base_url.rstrip("/"))


@dataclass(frozen=True, slots=True)
class PlatformParts:
    """What the Platform's use-cases share.

    `storage` is asked while a client waits: it must answer or give up within seconds, without retries.
    `patient_storage` is for publishing, where nobody waits and a failure costs an attempt.
    `jobs` is the registry of job types. `retry_job` starts an ended job again; the number of tasks that run.
    """

    options: PlatformOptions
    transactions: Transactions
    storage: BlobStore
    jobs: Mapping[str, Workflow]
    publish_table: PublishTable
    require_listeners: Callable[[Iterable[str]], None]
    retry_job: RetryJob
    patient_storage: BlobStore
    clock: Clock = utc_now


@dataclass(frozen=True, slots=True)
class Stores:
    """The Platform's repositories in one transaction."""

    requests: RequestRepository
    listing: RequestListing
    chain: RequestJobRepository
    datasets: DatasetRepository
    publications: PublicationRepository
    stac: StacRepository
    exports: ExportRepository

    @classmethod
    def of(cls, tx: PlatformUnitOfWork) -> Self:
        """The repositories that take part in `tx`."""
        return cls(
            requests=RequestRepository(tx.connection),
            listing=RequestListing(tx.connection),
            chain=RequestJobRepository(tx.connection),
            datasets=DatasetRepository(tx.connection),
            publications=PublicationRepository(tx.connection),
            stac=StacRepository(tx.connection),
            exports=ExportRepository(tx.connection),
        )
