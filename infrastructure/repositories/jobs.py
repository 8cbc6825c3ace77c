"""Jobs and stages in PostgreSQL (`core.ports.JobStore`)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from core.models.job import JobRecord, NewJob
from core.models.results import ErrorDetail
from core.models.stage import Stage, StageRecord, StoredResult
from core.models.task import NewTask
from core.ports import StageFailure
from infrastructure.queries import load

_SQL = load("jobs")


def json_dumps(value: Any) -> str:
    """Strict JSON: NaN and infinity are refused here rather than by the server, with a clear error."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


class JobRepository:
    """See `core.ports.JobStore`: each method is one or a few statements in the caller's transaction."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def create(self, job: NewJob) -> bool:
        """See `core.ports.JobStore`."""
        values = job.model_dump()
        values.update(parameters=Jsonb(job.parameters), metadata=Jsonb(job.metadata))
        return self._changed("create", values)

    def get(self, job_id: str) -> JobRecord | None:
        """See `core.ports.JobStore`."""
        row = self._connection.execute(_SQL["get"], {"job_id": job_id}).fetchone()
        return JobRecord.model_validate(row) if row else None

    def recent(self, *, limit: int, offset: int = 0) -> Sequence[JobRecord]:
        """The jobs, newest first."""
        rows = self._connection.execute(_SQL["recent"], {"limit": limit, "offset": offset})
        return [JobRecord.model_validate(row) for row in rows]

    def lock_for_advance(self, job_id: str, *, completed_stage: int) -> JobRecord | None:
        """See `core.ports.JobStore`."""
        where = {"job_id": job_id, "completed_stage": completed_stage}
        row = self._connection.execute(_SQL["lock_for_advance"], where).fetchone()
        return JobRecord.model_validate(row) if row else None

    def open_stage(self, job: JobRecord, stage: Stage, tasks: Sequence[NewTask]) -> None:
        """See `core.ports.JobStore`."""
        moved = self._changed(
            "move_to_stage",
            {"job_id": job.job_id, "completed_stage": stage.number - 1, "next_stage": stage.number},
        )
        if not moved:
            raise LookupError(f"job {job.job_id} left stage {stage.number - 1} under our lock")
        where = {"job_id": job.job_id, "stage": stage.number}
        self._connection.execute(
            _SQL["create_stage"],
            {
                "job_id": job.job_id,
                "number": stage.number,
                "name": stage.name,
                "task_type": stage.task_type,
                "task_count": len(tasks),
            },
        )
        if tasks:
            rows = [task.model_dump(mode="json") for task in tasks]
            self._connection.execute(_SQL["create_tasks"], where | {"tasks": Jsonb(rows)})

    def stage_failure(self, job_id: str, stage: int) -> StageFailure | None:
        """See `core.ports.JobStore`."""
        row = self._connection.execute(_SQL["stage_failure"], {"job_id": job_id, "stage": stage}).fetchone()
        return StageFailure(ErrorDetail.model_validate(row["error"]), row["failed_count"]) if row else None

    def stage_results(self, job_id: str, stage: int) -> Sequence[StoredResult]:
        """See `core.ports.JobStore`."""
        rows = self._connection.execute(_SQL["stage_results"], {"job_id": job_id, "stage": stage})
        return [StoredResult.model_validate(row) for row in rows]

    def stages(self, job_id: str) -> Sequence[StageRecord]:
        """See `core.ports.JobStore`."""
        rows = self._connection.execute(_SQL["stages"], {"job_id": job_id})
        return [StageRecord.model_validate(row) for row in rows]

    def complete(self, job_id: str, result: Mapping[str, Any]) -> bool:
        """See `core.ports.JobStore`."""
        return self._changed("complete", {"job_id": job_id, "result": Jsonb(dict(result))})

    def fail(self, job_id: str, error: ErrorDetail) -> bool:
        """See `core.ports.JobStore`; the open tasks of the job are cancelled with it."""
        if not self._changed("fail", {"job_id": job_id, "error": Jsonb(error.model_dump(mode="json"))}):
            return False
        self._connection.execute(_SQL["cancel_open_tasks"], {"job_id": job_id})
        return True

    def count_finalize_attempt(self, job_id: str) -> int:
        """See `core.ports.JobStore`."""
        row = self._connection.execute(_SQL["count_finalize_attempt"], {"job_id": job_id}).fetchone()
        return int(row["finalize_attempts"]) if row else 0

    def _changed(self, statement: str, values: Mapping[str, Any]) -> bool:
        return self._connection.execute(_SQL[statement], values).fetchone() is not None
