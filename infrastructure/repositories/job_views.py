"""Jobs, stages and tasks as they are shown: read, and never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import NotFound
from infrastructure.database import Connection, Database
from infrastructure.queries import load

_SQL = load("job_views")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What jobs to list; None is any."""

    status: str | None = None
    job_type: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """What tasks of a job to list; None is any."""

    stage: int | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class EventPosition:
    """Where in a job's life: increasing, and the same whenever it is asked."""

    microseconds: int = 0
    kind: int = 0
    number: int = 0


class JobViews:
    """Each call is a transaction of its own; those about one job raise `NotFound` when there is none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def jobs(self, wanted: JobFilter, *, after: tuple[datetime, str] | None, limit: int) -> Sequence[Row]:
        """Jobs, newest first, from behind `after` (creation time and id of the last one seen)."""
        created_at, job_id = after or (None, "")
        values = {
            "status": wanted.status,
            "job_type": wanted.job_type,
            "tenant": wanted.tenant,
            "after_created_at": created_at,
            "after_job_id": job_id,
            "limit": limit,
        }
        with self._database.connection() as connection:
            return connection.execute(_SQL["jobs"], values).fetchall()

    def job(self, job_id: str) -> tuple[Row, Sequence[Row]]:
        """A job, and its stages with the counts of their tasks by status."""
        with self._database.connection() as connection:
            # In this order: what happens in between makes the job look younger than its stages, never older.
            row = connection.execute(_SQL["job"], {"job_id": job_id}).fetchone()
            if row is None:
                raise unknown_job(job_id)
            return row, connection.execute(_SQL["stages"], {"job_id": job_id}).fetchall()

    def tasks(self, job_id: str, wanted: TaskFilter, *, after: tuple[int, int], limit: int) -> Sequence[Row]:
        """Tasks of a job from behind `after` (stage and index of the last one seen; 0, 0 at first)."""
        stage, index = after
        values = {
            "job_id": job_id,
            "stage": wanted.stage,
            "status": wanted.status,
            "after_stage": stage,
            "after_index": index,
            "limit": limit,
        }
        with self._database.connection() as connection:
            _has_ended(connection, job_id)
            return connection.execute(_SQL["tasks"], values).fetchall()

    def task(self, job_id: str, task_id: str) -> Row:
        """A task of a job; `NotFound` (TASK_NOT_FOUND) when the job has no such task."""
        with self._database.connection() as connection:
            _has_ended(connection, job_id)
            values = {"job_id": job_id, "task_id": task_id}
            if (row := connection.execute(_SQL["task"], values).fetchone()) is None:
                raise unknown_task(task_id)
        return row

    def events(self, job_id: str, *, after: EventPosition, limit: int) -> tuple[Sequence[Row], bool]:
        """What has happened since `after`, and whether the job had ended before that was read."""
        values = {
            "job_id": job_id,
            "microseconds": after.microseconds,
            "kind": after.kind,
            "number": after.number,
            "limit": limit,
        }
        with self._database.connection() as connection:
            # In this order: "ended" says that the list after it is whole.
            has_ended = _has_ended(connection, job_id)
            return connection.execute(_SQL["events"], values).fetchall(), has_ended


def _has_ended(connection: Connection, job_id: str) -> bool:
    row = connection.execute(_SQL["has_ended"], {"job_id": job_id}).fetchone()
    if row is None:
        raise unknown_job(job_id)
    return bool(row["has_ended"])


def unknown_job(job_id: str) -> NotFound:
    """The answer to a question about a job that does not exist."""
    return NotFound(
        f"There is no job {job_id!r}.",
        code="JOB_NOT_FOUND",
        remedy="Use the job_id of the answer to a submission.",
    )


def unknown_task(task_id: str) -> NotFound:
    """The answer to a question about a task that does not exist."""
    return NotFound(
        f"The job has no task {task_id!r}.",
        code="TASK_NOT_FOUND",
        remedy="GET /api/jobs/{job_id}/tasks lists the tasks.",
    )
