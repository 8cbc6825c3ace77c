"""The janitor's statements in PostgreSQL (`core.ports.Sweeper`)."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from core.errors import AppError
from core.models.results import ErrorClass, ErrorDetail
from core.models.task import ClaimedTask, TaskStatus
from core.schema.queue import SCHEMA_VERSION
from infrastructure.database import Database
from infrastructure.processes import is_gone
from infrastructure.queries import load

LOG = logging.getLogger(__name__)
_SQL = load("janitor")


class Sweeper:
    """Each duty is one transaction over at most `limit` cases; the next run takes the rest."""

    def __init__(
        self,
        database: Database,
        *,
        task_silence: timedelta,
        job_silence: timedelta,
        advance: Callable[[str, int], None],
        remove_artefact: Callable[[str, str], None],
        keep_failed: timedelta,
        limit: int = 1000,
    ) -> None:
        self._database = database
        self._task_silence = task_silence
        self._job_silence = job_silence
        self._advance = advance
        self._remove_artefact = remove_artefact
        self._keep_failed = keep_failed
        self._limit = limit

    def dead_workers(self) -> int:
        """See `core.ports.Sweeper`.

        Messages that such a process had in hand come back when the broker's locks end, which takes minutes:
        the tasks that wait are hinted at anew, and jobs that stand still are advanced.
        """
        with self._database.connection() as connection:
            names = [row["name"] for row in connection.execute(_SQL["known_processes"])]
            if not (gone := [name for name in names if is_gone(name)]):
                return 0
            connection.execute(_SQL["end_leases_of"], {"gone": gone})
        self._put_back("silent_tasks", silence=timedelta(0))
        self._advance_silent(timedelta(0))
        with self._database.connection() as connection:
            connection.execute(_SQL["forget_listeners"], {"gone": gone})
        return len(gone)

    def expired_leases(self) -> int:
        """See `core.ports.Sweeper`."""
        return self._put_back("expired_leases")

    def silent_tasks(self) -> int:
        """See `core.ports.Sweeper`."""
        return self._put_back("silent_tasks", silence=self._task_silence)

    def silent_jobs(self) -> int:
        """See `core.ports.Sweeper`."""
        return self._advance_silent(self._job_silence)

    def _advance_silent(self, silence: timedelta) -> int:
        with self._database.connection() as connection:
            values = {"limit": self._limit, "silence": silence, "schema_version": SCHEMA_VERSION}
            silent = connection.execute(_SQL["silent_jobs"], values).fetchall()
        for job in silent:
            try:
                self._advance(job["job_id"], job["stage"])
            except AppError:
                LOG.warning(
                    "job not advanced",
                    extra={"action": "advance_failed", "job_id": job["job_id"]},
                    exc_info=True,
                )
        return len(silent)

    def lights_left_on(self) -> int:
        """See `core.ports.Sweeper`."""
        return self._put_back(
            "lights_left_on", silence=self._job_silence, jobs_queue=self._database.jobs_queue
        )

    def worn_out_tasks(self) -> int:
        """See `core.ports.Sweeper`."""
        with self._database.unit_of_work() as work:
            rows = work.connection.execute(_SQL["worn_out_tasks"], {"limit": self._limit}).fetchall()
            for row in rows:
                work.tasks.finish(_claim_of(row), TaskStatus.FAILED, error=_worker_lost(row))
        return len(rows)

    def abandoned_artefacts(self) -> int:
        """See `core.ports.Sweeper`. One that cannot be removed now is tried again by the next run."""
        removed = 0
        with self._database.unit_of_work() as work:
            for artefact in work.artefacts.abandoned(keep_failed=self._keep_failed, limit=self._limit):
                try:
                    self._remove_artefact(artefact["kind"], artefact["location"])
                except AppError:
                    LOG.warning(
                        "artefact not removed",
                        extra={"action": "discard_failed", "location": artefact["location"]},
                        exc_info=True,
                    )
                else:
                    work.artefacts.discard(artefact["artefact_id"])
                    removed += 1
        return removed

    def _put_back(self, statement: str, **values: Any) -> int:
        with self._database.unit_of_work() as work:
            rows = work.connection.execute(_SQL[statement], {"limit": self._limit, **values})
            promised = [row["id"] for row in rows if row["id"] is not None]
            work.outbox.promised.extend(promised)
        return len(promised)


def _claim_of(row: Mapping[str, Any]) -> ClaimedTask:
    return ClaimedTask(
        task_id=row["task_id"],
        job_id=row["job_id"],
        job_type="",
        stage=row["stage"],
        task_type="",
        parameters={},
        target_queue="",
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
    )


def _worker_lost(row: Mapping[str, Any]) -> ErrorDetail:
    return ErrorDetail(
        code="WORKER_LOST",
        message=f"The worker was lost in each of {row['attempt']} attempts.",
        remedy="The task may need more memory or time than a worker has; look at the workers' logs.",
        error_class=ErrorClass.TRANSIENT,
        job_id=row["job_id"],
        stage=row["stage"],
        task_id=row["task_id"],
    )
