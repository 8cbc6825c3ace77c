"""`platform.requests`, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("requests")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request to be stored; `source_path` is the normalised URI, `original_request` what was sent."""

    request_id: str
    dataset_key: str
    revision: int
    client_id: str
    client_request_id: str | None
    dataset_id: str
    resource_id: str
    version_id: str
    request_type: str
    source_path: str
    processing_config: Mapping[str, Any]
    original_request: Mapping[str, Any]
    fingerprint: str
    job_chain: Sequence[Mapping[str, Any]]
    processing_metadata: Mapping[str, Any]
    status_message: str


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One row of `platform.requests`, with the names of its dataset.

    `status` is `processing` as soon as the first job is, whether or not the row says so already.
    """

    request_id: str
    dataset_key: str
    revision: int
    client_id: str
    client_request_id: str | None
    dataset_id: str
    resource_id: str
    version_id: str
    request_type: str
    source_path: str
    processing_config: dict[str, Any]
    fingerprint: str
    status: str
    progress_percent: int
    status_message: str | None
    job_chain: list[dict[str, Any]]
    current_job_index: int
    endpoints: dict[str, Any] | None
    stac_metadata: dict[str, Any] | None
    data_characteristics: dict[str, Any] | None
    warnings: list[str]
    error: dict[str, Any] | None
    processing_metadata: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    collection_id: str
    namespace: str

    @property
    def identifiers(self) -> dict[str, str]:
        """The client's own names of the dataset."""
        return {
            "dataset_id": self.dataset_id,
            "resource_id": self.resource_id,
            "version_id": self.version_id,
        }


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the latest completed requests of a type took, in seconds; None without any."""

    sample_count: int
    p50: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Publication:
    """What a completed request tells its client."""

    endpoints: Mapping[str, str]
    stac_metadata: Mapping[str, Any]
    data_characteristics: Mapping[str, Any]
    warnings: Sequence[str]
    status_message: str


class RequestRepository:
    """Requests and their compare-and-set changes. A change answers False when it came too late."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, request: NewRequest) -> bool:
        """Store a new request; False when its revision exists already."""
        parameters = {name: _adapt(getattr(request, name)) for name in NewRequest.__slots__}
        return self._one("insert", parameters) is not None

    def get(self, request_id: str) -> RequestRecord | None:
        """The request with this id."""
        row = self._one("by_id", {"request_id": request_id})
        return RequestRecord(**row) if row else None

    def id_of_dataset(self, dataset_key: str) -> str | None:
        """The request that the dataset's present revision came from."""
        row = self._one("id_of_dataset", {"dataset_key": dataset_key})
        return row["request_id"] if row else None

    def lock(self, request_id: str) -> RequestRecord | None:
        """The request, locked until the transaction ends.

        The lock is a statement of its own, so that the row read is the one of after the wait.
        """
        self._one("lock", {"request_id": request_id})
        return self.get(request_id)

    def advance(
        self,
        request_id: str,
        *,
        completed_step: int,
        next_step: int,
        job_chain: Sequence[Mapping[str, Any]],
        started_at: datetime | None,
        message: str,
    ) -> bool:
        """Move on from `completed_step` to `next_step` of the chain as it is now."""
        parameters = {
            "request_id": request_id,
            "completed_step": completed_step,
            "next_step": next_step,
            "job_chain": Jsonb(list(job_chain)),
            "started_at": started_at,
            "status_message": message,
        }
        return self._one("advance", parameters) is not None

    def complete(
        self,
        request_id: str,
        publication: Publication,
        *,
        completed_step: int,
        started_at: datetime | None,
    ) -> bool:
        """End a request well."""
        values = {name: _adapt(getattr(publication, name)) for name in Publication.__slots__}
        values |= {"request_id": request_id, "completed_step": completed_step, "started_at": started_at}
        return self._one("complete", values) is not None

    def fail(
        self, request_id: str, error: Mapping[str, Any], *, message: str, started_at: datetime | None
    ) -> bool:
        """End a request badly."""
        parameters = {
            "request_id": request_id,
            "error": Jsonb(error),
            "status_message": message,
            "started_at": started_at,
        }
        return self._one("fail", parameters) is not None

    def original(self, request_id: str) -> dict[str, Any]:
        """The body as the client has sent it; empty when there is no such request."""
        row = self._one("original", {"request_id": request_id})
        return row["original_request"] if row else {}

    def reopen(self, request_id: str, *, message: str) -> bool:
        """Take a request that has failed back into work."""
        return self._one("reopen", {"request_id": request_id, "status_message": message}) is not None

    def _one(self, name: str, parameters: Row) -> dict[str, Any] | None:
        return self._connection.execute(_SQL[name], parameters).fetchone()


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests are listed; None is all. `since` <= created < `until`; `text` is part of a name."""

    status: str | None = None
    client_id: str | None = None
    request_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


class RequestListing:
    """Questions about many requests."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, *, after: tuple[datetime, str] | None, wanted: RequestFilter, limit: int) -> Sequence[Row]:
        """Requests, newest first, from behind `after` (creation time and id of the last one seen)."""
        created_at, request_id = after or (None, None)
        parameters = {
            "after_created_at": created_at,
            "after_request_id": request_id,
            **{name: getattr(wanted, name) for name in RequestFilter.__slots__},
            "limit": limit,
        }
        return self._connection.execute(_SQL["page"], parameters).fetchall()

    def revisions(self, dataset_key: str) -> Sequence[Row]:
        """The revisions of a dataset, newest first."""
        return self._connection.execute(_SQL["revisions"], {"dataset_key": dataset_key}).fetchall()

    def durations(self, request_type: str) -> Durations:
        """How long requests of this type took."""
        row = self._connection.execute(_SQL["durations"], {"request_type": request_type}).fetchone()
        return Durations(**row) if row else Durations(0, None, None)


def _adapt(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, Mapping | list | tuple) else value
