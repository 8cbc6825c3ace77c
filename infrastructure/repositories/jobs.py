"""Jobs and stages in PostgreSQL (`core.ports.JobStore`)."""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from core.models.job import Hole, JobRecord, NewJob
from core.models.results import ErrorDetail
from core.models.stage import Stage, StagePlan, StoredResult
from core.models.task import NewTask
from core.ports import StageFailure
from core.schema.queue import SCHEMA_VERSION
from infrastructure.queries import load

_SQL = load("jobs")
_MAX_HOLES = 1000
_COPY_ROWS = 5000


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
        values.update(
            parameters=Jsonb(job.parameters), metadata=Jsonb(job.metadata), schema_version=SCHEMA_VERSION
        )
        return self._changed("create", values)

    def get(self, job_id: str) -> JobRecord | None:
        """See `core.ports.JobStore`."""
        row = self._connection.execute(_SQL["get"], {"job_id": job_id}).fetchone()
        return JobRecord.model_validate(row) if row else None

    def lock_for_advance(self, job_id: str, *, completed_stage: int) -> JobRecord | None:
        """See `core.ports.JobStore`."""
        where = {
            "job_id": job_id,
            "completed_stage": completed_stage,
            "schema_version": SCHEMA_VERSION,
        }
        row = self._connection.execute(_SQL["lock_for_advance"], where).fetchone()
        return JobRecord.model_validate(row) if row else None

    def open_stage(self, job: JobRecord, stage: Stage, plan: StagePlan) -> int:
        """See `core.ports.JobStore`."""
        moved = self._changed(
            "move_to_stage",
            {
                "job_id": job.job_id,
                "completed_stage": stage.number - 1,
                "next_stage": stage.number,
                "schema_version": SCHEMA_VERSION,
            },
        )
        if not moved:
            raise LookupError(f"job {job.job_id} left stage {stage.number - 1} under our lock")
        where = {"job_id": job.job_id, "number": stage.number}
        named = {**where, "name": stage.name, "task_type": stage.task_type}
        self._connection.execute(_SQL["create_stage"], named)
        task_count = self._copy_tasks(job, stage.number, plan.tasks)
        allowed = plan.failures.allowed_of(task_count)
        counted = {**where, "task_count": task_count, "allowed_failures": allowed}
        self._connection.execute(_SQL["count_tasks_of_stage"], counted)
        return task_count

    def _copy_tasks(self, job: JobRecord, stage: int, tasks: Iterable[NewTask]) -> int:
        """In chunks: the plan may read earlier results over this connection between two of them."""
        number, remaining = 0, iter(tasks)
        while chunk := list(itertools.islice(remaining, _COPY_ROWS)):
            with self._connection.cursor() as cursor, cursor.copy(_SQL["copy_tasks"]) as copy:
                for task in chunk:
                    copy.write_row(_task_row(job, stage, task))
            number += len(chunk)
        return number

    def stage_failure(self, job_id: str, stage: int) -> StageFailure | None:
        """See `core.ports.JobStore`. At most the first thousand holes are named."""
        where = {"job_id": job_id, "stage": stage, "limit": _MAX_HOLES}
        rows = self._connection.execute(_SQL["stage_failures"], where).fetchall()
        if not rows:
            return None
        errors = [ErrorDetail.model_validate(row["error"]) for row in rows]
        holes = tuple(
            Hole(stage=stage, task_index=row["task_index"], task_key=row["task_key"], code=error.code)
            for row, error in zip(rows, errors, strict=True)
        )
        return StageFailure(errors[0], rows[0]["failed_count"], rows[0]["allowed_failures"], holes)

    def add_holes(self, job_id: str, holes: Sequence[Hole]) -> None:
        """See `core.ports.JobStore`."""
        values = Jsonb([hole.model_dump() for hole in holes])
        self._connection.execute(_SQL["add_holes"], {"job_id": job_id, "holes": values})

    def count_results(self, job_id: str, stage: int) -> int:
        """See `core.ports.JobStore`."""
        row = self._connection.execute(_SQL["count_results"], {"job_id": job_id, "stage": stage}).fetchone()
        return int(row["number"]) if row else 0

    def page_of_results(self, job_id: str, stage: int, *, after: int, limit: int) -> Sequence[StoredResult]:
        """See `core.ports.JobStore`."""
        where = {"job_id": job_id, "stage": stage, "after": after, "limit": limit}
        rows = self._connection.execute(_SQL["page_of_results"], where)
        return [StoredResult.model_validate(row) for row in rows]

    def complete(self, job_id: str, result: Mapping[str, Any]) -> bool:
        """See `core.ports.JobStore`."""
        return self._changed("complete", {"job_id": job_id, "result": Jsonb(dict(result))})

    def fail(self, job_id: str, error: ErrorDetail) -> bool:
        """See `core.ports.JobStore`; the open tasks of the job are cancelled with it."""
        if not self._changed("fail", {"job_id": job_id, "error": Jsonb(error.model_dump(mode="json"))}):
            return False
        self._connection.execute(_SQL["cancel_open_tasks"], {"job_id": job_id})
        return True

    def cancel(self, job_id: str, error: ErrorDetail) -> bool:
        """See `core.ports.JobStore`."""
        if not self._changed("cancel", {"job_id": job_id, "error": Jsonb(error.model_dump(mode="json"))}):
            return False
        self._connection.execute(_SQL["cancel_open_tasks"], {"job_id": job_id})
        return True

    def lock(self, job_id: str) -> None:
        """See `core.ports.JobStore`."""
        self._connection.execute(_SQL["lock"], {"job_id": job_id})

    def has_lost_results(self, job_id: str, *, before_stage: int) -> bool:
        """See `core.ports.JobStore`."""
        return self._changed("has_lost_results", {"job_id": job_id, "before_stage": before_stage})

    def close_stage(self, job_id: str, stage: int) -> None:
        """See `core.ports.JobStore`."""
        self._connection.execute(_SQL["close_stage"], {"job_id": job_id, "stage": stage})

    def restart_task(self, job_id: str, task_id: str, *, stage: int, attempts: int) -> bool:
        """See `core.ports.JobStore`."""
        values = {"job_id": job_id, "task_id": task_id, "stage": stage, "attempts": attempts}
        if not self._changed("restart_task", values):
            return False
        self._connection.execute(_SQL["restart"], {"job_id": job_id, "stage": stage})
        self._connection.execute(_SQL["open_stage_again"], {"job_id": job_id, "stage": stage})
        return True

    def restart(self, job_id: str, *, stage: int, all_tasks: bool, attempts: int) -> int:
        """See `core.ports.JobStore`."""
        self._connection.execute(_SQL["restart"], {"job_id": job_id, "stage": stage})
        if stage == 0:
            self._connection.execute(_SQL["forget_stages"], {"job_id": job_id, "stage": 0})
            return 0
        values = {"job_id": job_id, "stage": stage, "all_tasks": all_tasks, "attempts": attempts}
        row = self._connection.execute(_SQL["reopen_stage"], values).fetchone()
        return int(row["tasks"]) if row else 0

    def count_finalize_attempt(self, job_id: str) -> int:
        """See `core.ports.JobStore`."""
        row = self._connection.execute(_SQL["count_finalize_attempt"], {"job_id": job_id}).fetchone()
        return int(row["finalize_attempts"]) if row else 0

    def _changed(self, statement: str, values: Mapping[str, Any]) -> bool:
        return self._connection.execute(_SQL[statement], values).fetchone() is not None


def _task_row(job: JobRecord, stage: int, task: NewTask) -> tuple[Any, ...]:
    """In the order of the columns of `copy_tasks`."""
    return (
        task.task_id,
        job.job_id,
        stage,
        task.task_index,
        task.task_key,
        task.task_type,
        task.target_queue,
        task.parameters,
        task.max_attempts,
        job.tenant,
        job.priority,
        SCHEMA_VERSION,
    )
