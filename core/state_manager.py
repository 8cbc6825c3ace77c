"""StateManager: every change of state of a job, each in one transaction, each safe to repeat.

A message is only a hint: each method reads the database anew, changes it by compare-and-set, and does
nothing when somebody else was faster.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from core.crashpoints import crashpoint
from core.dispatcher import Dispatcher
from core.errors import AppError, TransientError, Unavailable
from core.models.job import JobRecord
from core.models.results import ErrorDetail
from core.models.stage import Stage, StoredResult
from core.orchestration_manager import OrchestrationManager
from core.ports import Transactions, UnitOfWork
from core.result_size import ResultSizer
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
        dispatcher: Dispatcher,
        sizer: ResultSizer,
        finalize_attempts: int,
        backoff: Callable[[int], timedelta],
    ) -> None:
        self._transactions = transactions
        self._orchestration = orchestration
        self._dispatcher = dispatcher
        self._sizer = sizer
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
            opened = self._advance(tx, job, completed_stage)
            crashpoint("stage_planned_before_commit")
        crashpoint("stage_advanced_before_wake")
        if opened is not None:
            self._dispatcher.wake(self._orchestration.queue_of(opened))

    def _advance(self, tx: UnitOfWork, job: JobRecord, completed_stage: int) -> Stage | None:
        failure = tx.jobs.stage_failure(job.job_id, completed_stage) if completed_stage else None
        if failure is not None and failure.fails_the_job:
            self._fail(tx, job, failure.error)
            return None
        # Known already when finalizing has failed before and is tried again.
        if failure is not None and all(hole.stage != completed_stage for hole in job.holes):
            tx.jobs.add_holes(job.job_id, failure.holes)
        return self._open_next(tx, job, completed_stage)

    def _open_next(self, tx: UnitOfWork, job: JobRecord, completed_stage: int) -> Stage | None:
        """Open stages until one has a task, and return it; stages without tasks are over at once."""
        stages = self._orchestration.workflow(job).stages
        for stage in stages[completed_stage:]:
            task_count = self._open(tx, job, stage)
            if task_count is None:
                return None
            if task_count:
                return stage
        self._finalize(tx, job)
        return None

    def _open(self, tx: UnitOfWork, job: JobRecord, stage: Stage) -> int | None:
        """Open one stage; the number of its tasks, or None when its plan failed, and the job with it."""
        try:
            with tx.savepoint():
                planned = self._orchestration.plan_stage(job, stage, self._results(tx, job, stage.number - 1))
                task_count = tx.jobs.open_stage(job, stage, planned)
        except (TransientError, Unavailable):
            raise  # earlier results could not be read now: the message comes again
        except AppError as exc:
            LOG.exception("stage cannot be planned", extra={"action": "plan_failed", "job_id": job.job_id})
            self._fail(tx, job, ErrorDetail.of(exc, job_id=job.job_id, stage=stage.number))
            return None
        where = {"job_id": job.job_id, "stage": stage.number, "task_count": task_count}
        LOG.info("stage opened", extra={"action": "stage_opened", **where})
        return task_count

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
            crashpoint("job_finalized_before_commit")
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
            crashpoint("job_failed_before_commit")
            LOG.warning(
                "job failed", extra={"action": "job_failed", "job_id": job.job_id, "code": error.code}
            )

    def _results(self, tx: UnitOfWork, job: JobRecord, stage: int) -> StageResults:
        if stage == 0:
            return StageResults.none()

        def page(after: int, limit: int) -> Sequence[StoredResult]:
            found = tx.jobs.page_of_results(job.job_id, stage, after=after, limit=limit)
            return [each.model_copy(update={"result": self._sizer.loaded(each.result)}) for each in found]

        return StageResults(stage, number=tx.jobs.count_results(job.job_id, stage), page=page)
