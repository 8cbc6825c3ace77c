"""`platform.request_jobs`: which job serves which step of a request's chain, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("request_jobs")


@dataclass(frozen=True, slots=True)
class StepJob:
    """The job that serves one step of a request's chain (`step` counts from 0)."""

    step: int
    job_id: str
    job_type: str
    status: str
    stage: int
    total_stages: int
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class CurrentJob:
    """The job that a request waits for."""

    job_id: str
    job_type: str


@dataclass(frozen=True, slots=True)
class OpenStage:
    """The stage a job stands at; `finished_share` counts tasks, running ones by what they report.

    A failed task is a finished one; what waits to be tried again is not.
    """

    number: int
    name: str
    task_type: str
    status: str
    task_count: int
    finished_count: int
    failed_count: int
    running_count: int
    retrying_count: int
    finished_share: float


@dataclass(frozen=True, slots=True)
class Features:
    """How many features a job has to load, and how many it has dealt with."""

    total: int
    done: int


class RequestJobRepository:
    """The link between the Platform and CoreMachine, inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def link(self, request_id: str, *, step: int, job_id: str) -> None:
        """Say which job serves a step of the chain; in the transaction that makes the job."""
        self._connection.execute(_SQL["link"], {"request_id": request_id, "step": step, "job_id": job_id})

    def of_request(self, request_id: str) -> Sequence[StepJob]:
        """The jobs made so far, by step."""
        rows = self._connection.execute(_SQL["of_request"], {"request_id": request_id})
        return [StepJob(**row) for row in rows]

    def at_step(self, request_id: str, step: int) -> CurrentJob | None:
        """The job of one step; None when it was not made."""
        row = self._one("at_step", {"request_id": request_id, "step": step})
        return CurrentJob(**row) if row else None

    def request_of(self, job_id: str) -> str | None:
        """The id of the request that the job serves."""
        row = self._one("request_of", {"job_id": job_id})
        return row["request_id"] if row else None

    def items_uri(self, job_id: str) -> str | None:
        """Where a job that described a mosaic has left its STAC items, while its request waits for them."""
        row = self._one("items_uri", {"job_id": job_id})
        return row["items_uri"] if row else None

    def open_stage(self, job_id: str) -> OpenStage | None:
        """The stage that the job stands at; None before its first."""
        row = self._one("open_stage", {"job_id": job_id})
        return OpenStage(**row) if row else None

    def features(self, job_id: str) -> Features | None:
        """Of a job that loads features, at the stage that does; None while nothing is known of them."""
        row = self._one("features", {"job_id": job_id})
        return Features(**row) if row and row["total"] is not None else None

    def raise_progress(self, request_id: str, percent: int) -> None:
        """Lift the high-water mark of the request's progress."""
        self._connection.execute(_SQL["raise_progress"], {"request_id": request_id, "percent": percent})

    def count_finalize_attempt(self, request_id: str) -> int | None:
        """Add one to the failed attempts at going on, and return their number; None when it has ended."""
        row = self._one("count_finalize_attempt", {"request_id": request_id})
        return row["attempts"] if row else None

    def has_lost_results(self, request_id: str) -> bool:
        """Whether something that a completed job of the request made has been swept; if not, it stays for as
        long as the transaction lasts."""
        self._connection.execute(_SQL["lock_jobs"], {"request_id": request_id})
        row = self._one("has_lost_results", {"request_id": request_id})
        return bool(row and row["has_lost"])

    def pending_requests_whose_job_ended(self, older_than: timedelta, *, limit: int = 100) -> Sequence[str]:
        """The ids of jobs that ended at least `older_than` ago and whose request has not gone on."""
        parameters = {"older_than": older_than, "limit": limit}
        rows = self._connection.execute(_SQL["pending_requests_whose_job_ended"], parameters)
        return [row["job_id"] for row in rows]

    def _one(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        return self._connection.execute(_SQL[name], parameters).fetchone()
