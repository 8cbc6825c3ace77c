"""Tasks in PostgreSQL (`core.ports.TaskStore`)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from core.models.results import ErrorDetail
from core.models.task import ClaimedTask, TaskRecord, TaskStatus, WorkerIdentity
from core.schema.queue import SCHEMA_VERSION
from infrastructure.queries import load
from infrastructure.repositories.outbox import OutboxRepository

_SQL = load("tasks")


class TaskRepository:
    """See `core.ports.TaskStore`: each method is one statement in the caller's transaction."""

    def __init__(
        self, connection: psycopg.Connection[dict[str, Any]], *, outbox: OutboxRepository, jobs_queue: str
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._jobs_queue = jobs_queue

    def claim(self, task_id: str, worker: WorkerIdentity) -> ClaimedTask | None:
        """See `core.ports.TaskStore`."""
        row = self._connection.execute(_SQL["claim"], {"task_id": task_id, **_taker(worker)}).fetchone()
        return ClaimedTask.model_validate(row) if row else None

    def claim_all(self, task_ids: Sequence[str], worker: WorkerIdentity) -> dict[str, ClaimedTask]:
        """Claim several tasks; those that were got, by id. Rows that are locked are left alone."""
        rows = self._connection.execute(_SQL["claim_all"], {"task_ids": list(task_ids), **_taker(worker)})
        return {row["task_id"]: ClaimedTask.model_validate(row) for row in rows}

    def complete_all(
        self, completions: Sequence[tuple[ClaimedTask, Mapping[str, Any]]]
    ) -> set[tuple[str, int]]:
        """Complete attempts of one stage; those that were applied, by task and attempt. Rows that are locked
        are left alone."""
        rows = self._connection.execute(_SQL["complete_all"], self._completions(completions))
        return self._applied(rows)

    def complete_and_take(
        self, completions: Sequence[tuple[ClaimedTask, Mapping[str, Any]]], worker: WorkerIdentity
    ) -> tuple[set[tuple[str, int]], list[ClaimedTask]]:
        """`complete_all`, and the tasks taken in their places: as many at most as were applied."""
        values = {**self._completions(completions), **_taker(worker)}
        rows = self._connection.execute(_SQL["complete_and_take"], values).fetchall()
        taken = [ClaimedTask.model_validate(row["taken"]) for row in rows if row["taken"] is not None]
        return self._applied(row for row in rows if row["taken"] is None), taken

    def _completions(self, completions: Sequence[tuple[ClaimedTask, Mapping[str, Any]]]) -> dict[str, object]:
        return {
            "task_ids": [claimed.task_id for claimed, _ in completions],
            "attempts": [claimed.attempt for claimed, _ in completions],
            "results": [Jsonb(dict(result)) for _, result in completions],
            "jobs_queue": self._jobs_queue,
        }

    def _applied(self, rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, int]]:
        applied = set()
        for row in rows:
            if row["applied"]:
                applied.add((row["task_id"], row["attempt"]))
                self._outbox.promised.extend(row["outbox_ids"])
        return applied

    def finish(
        self,
        claimed: ClaimedTask,
        status: TaskStatus,
        *,
        result: Mapping[str, Any] | None = None,
        error: ErrorDetail | None = None,
        retry_after: timedelta | None = None,
    ) -> bool:
        """See `core.ports.TaskStore`."""
        values = {
            "task_id": claimed.task_id,
            "attempt": claimed.attempt,
            "status": status.value,
            "result": None if result is None else Jsonb(dict(result)),
            "error": None if error is None else Jsonb(error.model_dump(mode="json")),
            "retry_after": retry_after,
            "jobs_queue": self._jobs_queue,
        }
        row = self._connection.execute(_SQL["finish"], values).fetchone()
        if row is None or not row["applied"]:
            return False
        self._outbox.promised.extend(row["outbox_ids"])
        return True

    def renew(self, leases: Sequence[tuple[str, int, float]], *, lease: timedelta) -> set[str]:
        """See `core.ports.TaskStore`."""
        task_ids, attempts, progress = (list(column) for column in zip(*leases, strict=True))
        values = {"task_ids": task_ids, "attempts": attempts, "progress": progress, "lease": lease}
        return {row["task_id"] for row in self._connection.execute(_SQL["renew"], values)}

    def list(self, job_id: str, *, stage: int | None, limit: int, offset: int) -> Sequence[TaskRecord]:
        """See `core.ports.TaskStore`."""
        values = {"job_id": job_id, "stage": stage, "limit": limit, "offset": offset}
        return [TaskRecord.model_validate(row) for row in self._connection.execute(_SQL["list"], values)]


def _taker(worker: WorkerIdentity) -> dict[str, object]:
    return {
        "worker": worker.worker,
        "app_name": worker.app_name,
        "lease": worker.lease,
        "schema_version": SCHEMA_VERSION,
    }
