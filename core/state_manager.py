"""StateManager: every change of state of a job, each in one transaction, each safe to repeat.

A message is only a hint: each method reads the database anew, changes it by compare-and-set, and does
nothing when somebody else was faster.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from core.errors import AppError, TransientError
from core.models.job import JobRecord
from core.models.results import ErrorDetail
from core.models.stage import Stage
from core.models.task import NewTask
from core.orchestration_manager import OrchestrationManager
from core.ports import Transactions, UnitOfWork
from core.schema.queue import JobTerminalMessage, StageCompleteMessage
from core.stage_results import StageResults

LOG = logging.getLogger(__name__)


class StateManager:
    """Moves jobs from stage to stage, and ends them."""

    def __init__(
        self,
        transactions: Transactions,
        orchestration: OrchestrationManager,
        *,
        finalize_attempts: int,
        backoff: Callable[[int], timedelta],
    ) -> None:
        self._transactions = transactions
        self._orchestration = orchestration
        self._finalize_attempts = finalize_attempts
        self._backoff = backoff

    def advance_stage(self, job_id: str, completed_stage: int) -> None:
        """Open the stage after `completed_stage` (0: the first), or finish the job after its last.

        Exactly one caller succeeds for each stage, however often and in whatever order the hint comes.
        """
        with self._transactions() as tx:
            job = tx.jobs.lock_for_advance(job_id, completed_stage=completed_stage)
            if job is None:
                LOG.debug("nothing to advance", extra={"action": "advance_skipped", "job_id": job_id})
                return
            failure = tx.jobs.stage_failure(job_id, completed_stage) if completed_stage else None
            if failure is not None:
                self._fail(tx, job, failure.error)
            elif completed_stage == job.total_stages:
                self._finalize(tx, job)
            else:
                self._open_next(tx, job, completed_stage)

    def _open_next(self, tx: UnitOfWork, job: JobRecord, completed_stage: int) -> None:
        """Open stages until one has a task; stages without tasks are over at once."""
        stages = self._orchestration.workflow(job).stages
        for stage in stages[completed_stage:]:
            planned = self._plan(tx, job, stage)
            if planned is None:
                return
            tx.jobs.open_stage(job, stage, planned)
            LOG.info(
                "stage opened",
                extra={
                    "action": "stage_opened",
                    "job_id": job.job_id,
                    "stage": stage.number,
                    "task_count": len(planned),
                },
            )
            if planned:
                tx.outbox.add_tasks(job.job_id, stage.number)
                return
        self._finalize(tx, job)

    def _plan(self, tx: UnitOfWork, job: JobRecord, stage: Stage) -> Sequence[NewTask] | None:
        try:
            return self._orchestration.plan_stage(job, stage, self._results(tx, job, stage.number - 1))
        except AppError as exc:
            LOG.exception("stage cannot be planned", extra={"action": "plan_failed", "job_id": job.job_id})
            self._fail(tx, job, ErrorDetail.of(exc, job_id=job.job_id, stage=stage.number))
            return None

    def _finalize(self, tx: UnitOfWork, job: JobRecord) -> None:
        workflow = self._orchestration.workflow(job)
        try:
            parameters = workflow.parameters_model.model_validate(job.parameters)
            result = workflow.finalize_job(parameters, self._results(tx, job, job.total_stages))
        except Exception as exc:  # noqa: BLE001  job types are open to everybody: any exception ends the job
            self._finalize_failed(tx, job, exc)
            return
        if tx.jobs.complete(job.job_id, result):
            tx.outbox.notify(JobTerminalMessage(job_id=job.job_id))
            LOG.info("job completed", extra={"action": "job_completed", "job_id": job.job_id})

    def _finalize_failed(self, tx: UnitOfWork, job: JobRecord, exc: Exception) -> None:
        LOG.error(
            "finalizing failed", extra={"action": "finalize_failed", "job_id": job.job_id}, exc_info=exc
        )
        attempt = tx.jobs.count_finalize_attempt(job.job_id)
        hopeless = isinstance(exc, AppError) and not isinstance(exc, TransientError)
        if attempt < self._finalize_attempts and not hopeless:
            message = StageCompleteMessage(job_id=job.job_id, stage=job.total_stages)
            tx.outbox.notify(message, delay=self._backoff(attempt))
            return
        detail = ErrorDetail.of(exc, job_id=job.job_id)
        self._fail(
            tx,
            job,
            detail.model_copy(update={"code": "FINALIZE_FAILED", "context": {"cause": detail.code}}),
        )

    def _fail(self, tx: UnitOfWork, job: JobRecord, error: ErrorDetail) -> None:
        if tx.jobs.fail(job.job_id, error):
            tx.outbox.notify(JobTerminalMessage(job_id=job.job_id))
            LOG.warning(
                "job failed", extra={"action": "job_failed", "job_id": job.job_id, "code": error.code}
            )

    def _results(self, tx: UnitOfWork, job: JobRecord, stage: int) -> StageResults:
        return StageResults(stage, tx.jobs.stage_results(job.job_id, stage) if stage else ())
