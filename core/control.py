"""JobControl: stopping jobs, and running them again."""

import logging
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from core.crashpoints import crashpoint
from core.dispatcher import Dispatcher
from core.errors import Conflict, InvalidRequest, NotFound
from core.models.job import JobRecord
from core.models.results import ErrorDetail
from core.models.stage import Stage
from core.orchestration_manager import OrchestrationManager
from core.ports import Transactions, UnitOfWork
from core.schema.queue import JobSubmitMessage, JobTerminalMessage, StageCompleteMessage

LOG = logging.getLogger(__name__)


class RetryScope(StrEnum):
    """What runs again: the failed tasks of the stage that failed, that whole stage, or the whole job."""

    FAILED_TASKS = "failed_tasks"
    STAGE = "stage"
    ALL = "all"


class JobControl:
    """Each method is one transaction; running tasks learn of a cancellation with their next heartbeat.

    `on_restart(tx, job)` lets whoever a job serves join the transaction in which it is started again.
    """

    def __init__(
        self,
        transactions: Transactions,
        orchestration: OrchestrationManager,
        *,
        dispatcher: Dispatcher,
        max_attempts: int,
        on_restart: Callable[[Any, JobRecord], None],
    ) -> None:
        self._transactions = transactions
        self._orchestration = orchestration
        self._dispatcher = dispatcher
        self._max_attempts = max_attempts
        self._on_restart = on_restart

    def cancel(self, job_id: str, *, reason: str = "") -> None:
        """End the job as cancelled, with all its open tasks. What they made is swept.

        Raises:
            NotFound: (JOB_NOT_FOUND) there is no such job.
            Conflict: (ALREADY_TERMINAL) it has ended before.
        """
        error = ErrorDetail(
            code="CANCELLED",
            message="The job was cancelled" + (f": {reason}" if reason else "."),
            remedy="Retry it, or submit it again.",
            job_id=job_id,
        )
        with self._transactions() as tx:
            job = _existing(tx, job_id)
            if not tx.jobs.cancel(job_id, error):
                raise Conflict(
                    f"The job has ended before ({job.status}).",
                    code="ALREADY_TERMINAL",
                    remedy="Nothing is left to cancel.",
                )
            tx.outbox.notify(JobTerminalMessage(job_id=job_id))
        crashpoint("cancel_after_commit")
        LOG.info("job cancelled", extra={"action": "job_cancelled", "job_id": job_id})

    def retry(
        self,
        job_id: str,
        *,
        scope: RetryScope = RetryScope.FAILED_TASKS,
        from_stage: int | str | None = None,
    ) -> int:
        """Run an ended job again; the number of tasks that are tried anew (0: it starts over).

        `from_stage`, the number or the name of a stage, goes back to it: it is done anew as a whole, whatever
        the scope, and those after it are planned anew.

        Raises:
            NotFound: (JOB_NOT_FOUND) there is no such job.
            InvalidRequest: the job has no such stage.
            Conflict: (NOT_RETRYABLE) it is completed or still runs, or has not come as far as `from_stage`;
                (RESULTS_DISCARDED) what its completed tasks had made is gone; or what `on_restart` says.
        """
        with self._transactions() as tx:
            job = _lock_retryable(tx, job_id)
            # A job that failed before its first stage, or between two, starts from the beginning.
            stage = 0 if scope is RetryScope.ALL else job.stage
            if from_stage is not None:
                stage = _stage_reached(job, self._orchestration.workflow(job).stages, from_stage)
            is_whole = scope is RetryScope.STAGE or from_stage is not None
            self._on_restart(tx, job)
            _require_results(tx, job_id, before_stage=stage if is_whole else stage + 1)
            tasks = tx.jobs.restart(job_id, stage=stage, all_tasks=is_whole, attempts=self._max_attempts)
            _keep_holes(tx, job, before_stage=stage)
            if stage == 0:
                tx.outbox.notify(JobSubmitMessage(job_id=job_id))
            elif tasks == 0:
                # The stage was whole, or empty: what failed came after it (the next plan, or finalizing).
                tx.jobs.close_stage(job_id, stage)
                tx.outbox.notify(StageCompleteMessage(job_id=job_id, stage=stage))
        crashpoint("retry_after_commit_before_wake")
        self._wake(job, stage)
        LOG.info("job retried", extra={"action": "job_retried", "job_id": job_id, "task_count": tasks})
        return tasks

    def retry_task(self, job_id: str, task_id: str) -> None:
        """Run one failed task of a failed job again, and the siblings that its failure cancelled.

        Siblings that failed as well stay failed, and count against the stage's policy.

        Raises:
            NotFound: (JOB_NOT_FOUND) there is no such job.
            Conflict: (NOT_RETRYABLE) the job or the task is in no state to be retried; or as `retry`.
        """
        with self._transactions() as tx:
            job = _lock_retryable(tx, job_id)
            self._on_restart(tx, job)
            _require_results(tx, job_id, before_stage=job.stage + 1)
            if not tx.jobs.restart_task(job_id, task_id, stage=job.stage, attempts=self._max_attempts):
                raise Conflict(
                    f"Task {task_id} is not a failed or cancelled task of stage {job.stage}.",
                    code="NOT_RETRYABLE",
                    remedy="Retry the job, or a task that GET /api/jobs/{id}/tasks shows as failed.",
                )
            _keep_holes(tx, job, before_stage=job.stage)
        crashpoint("retry_task_after_commit_before_wake")
        self._wake(job, job.stage)

    def _wake(self, job: JobRecord, stage: int) -> None:
        if stage:
            workflow = self._orchestration.workflow(job)
            self._dispatcher.wake(self._orchestration.queue_of(workflow.stages[stage - 1]))


def _existing(tx: UnitOfWork, job_id: str) -> JobRecord:
    if (job := tx.jobs.get(job_id)) is None:
        raise NotFound(
            f"There is no job {job_id!r}.",
            code="JOB_NOT_FOUND",
            remedy="Use the job_id of the answer to a submission.",
        )
    return job


def scope_of(scope: RetryScope | None, *, from_stage: int | str | None) -> RetryScope:
    """The scope that is meant: by default what has failed, of a stage to go back to the whole.

    Raises:
        InvalidRequest: (CONFLICTING_FIELDS) the two exclude each other.
    """
    if from_stage is None:
        return scope or RetryScope.FAILED_TASKS
    if scope not in (None, RetryScope.STAGE):
        raise InvalidRequest(
            f"from_stage: a stage to go back to is done anew as a whole, which scope {scope} is not.",
            code="CONFLICTING_FIELDS",
            remedy="Leave out scope, or from_stage.",
            field_errors=({"loc": "from_stage", "msg": f"excludes scope {scope}"},),
        )
    return RetryScope.STAGE


def _stage_reached(job: JobRecord, stages: Sequence[Stage], named: int | str) -> int:
    """The number of the stage of this number or name; 0 instead of the first when that was never begun."""
    number = next((stage.number for stage in stages if str(named) in (stage.name, str(stage.number))), None)
    if number is None:
        known = ", ".join(f"{stage.number} {stage.name}" for stage in stages)
        raise InvalidRequest(
            f"from_stage: {job.job_type} has no stage {str(named)[:80]!r}.",
            remedy="Use the number or the name of one of its stages.",
            field_errors=(
                {"loc": "from_stage", "msg": "there is no such stage", "hint": f"Stages: {known}."},
            ),
        )
    if number > max(job.stage, 1):
        raise Conflict(
            f"The job has not come as far as stage {number}; it ended in stage {job.stage}.",
            code="NOT_RETRYABLE",
            remedy="Leave from_stage out: it goes on where it stopped.",
        )
    return min(number, job.stage)


def _require_results(tx: UnitOfWork, job_id: str, *, before_stage: int) -> None:
    if tx.jobs.has_lost_results(job_id, before_stage=before_stage):
        raise Conflict(
            "What completed tasks of the job had made has been removed since the job ended.",
            code="RESULTS_DISCARDED",
            remedy='Retry the whole job: {"scope": "all"}.',
        )


def _keep_holes(tx: UnitOfWork, job: JobRecord, *, before_stage: int) -> None:
    """The stages that stay closed keep their holes; the others' are found anew when they close."""
    kept = [hole for hole in job.holes if hole.stage < before_stage]
    if kept:
        tx.jobs.add_holes(job.job_id, kept)


def _lock_retryable(tx: UnitOfWork, job_id: str) -> JobRecord:
    tx.jobs.lock(job_id)
    job = _existing(tx, job_id)
    if job.status not in ("failed", "cancelled"):
        raise Conflict(
            f"The job is {job.status}; only failed or cancelled jobs are retried.",
            code="NOT_RETRYABLE",
            remedy="Wait for its end, or submit it with other parameters.",
        )
    return job
