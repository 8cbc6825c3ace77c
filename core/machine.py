"""CoreMachine: reads a message, and has it done. The conductor, not the orchestra.

It knows nothing of clients, datasets or rasters: job types and handlers are injected, state is the
StateManager's business, and whoever wants to know when a job ends gives `on_job_terminal`.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from core.crashpoints import crashpoint
from core.dispatcher import Dispatcher
from core.errors import AppError, ContractViolation
from core.execution import TaskExecutor
from core.leases import HeldLease, LeaseKeeper
from core.models.results import ErrorDetail
from core.models.task import ClaimedTask, TaskStatus, WorkerIdentity
from core.ports import TaskStore
from core.schema.queue import (
    JobSubmitMessage,
    JobTerminalMessage,
    StageCompleteMessage,
    parse_jobs_message,
    parse_task_message,
)
from core.state_manager import StateManager
from core.task_log import TaskLogStore, collect, keep

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause before another attempt: doubling from `base`, at most `cap`, half of it left to chance."""

    base: timedelta
    cap: timedelta

    def __call__(self, attempt: int) -> timedelta:
        """The pause after the attempt of this number (1-based)."""
        full: timedelta = min(self.base * 2 ** (attempt - 1), self.cap)
        return full * random.uniform(0.5, 1.0)  # noqa: S311  jitter, no secret


class CoreMachine:
    """Runs jobs: job -> stages one after the other -> tasks side by side."""

    def __init__(
        self,
        *,
        state: StateManager,
        tasks: TaskStore,
        leases: LeaseKeeper,
        dispatcher: Dispatcher,
        executor: TaskExecutor,
        task_logs: TaskLogStore,
        identity: WorkerIdentity,
        backoff: Backoff,
        follow_on: timedelta,
        on_job_terminal: Callable[[str], None],
    ) -> None:
        """`follow_on`: how long the worker of a message goes on with tasks that wait behind it."""
        self._state = state
        self._tasks = tasks
        self._leases = leases
        self._dispatcher = dispatcher
        self._executor = executor
        self._task_logs = task_logs
        self._identity = identity
        self._backoff = backoff
        self._follow_on_seconds = follow_on.total_seconds()
        self._on_job_terminal = on_job_terminal

    def process_job_message(self, body: bytes) -> None:
        """Handle a message of the jobs queue. Safe to repeat; stale messages do nothing.

        Raises:
            MalformedMessage: the body is no message of ours; it belongs in the dead-letter queue.
            Unavailable: the database does not answer; the message must come again.
        """
        message = parse_jobs_message(body)
        match message:
            case JobSubmitMessage():
                self._state.advance_stage(message.job_id, 0)
            case StageCompleteMessage():
                self._state.advance_stage(message.job_id, message.stage)
            case JobTerminalMessage():
                self._on_job_terminal(message.job_id)
            case _:
                assert_never(message)
        crashpoint("job_message_before_completion")

    def process_task_message(self, body: bytes) -> None:
        """Claim the task of a message and run it, and for a while those that wait behind it (ADR 20).

        Does nothing when there is nothing to claim.

        Raises:
            MalformedMessage: the body is no message of ours; it belongs in the dead-letter queue.
            Unavailable: the database does not answer; the message must come again.
        """
        message = parse_task_message(body)
        crashpoint("task_before_claim")
        claimed = self._tasks.claim(message.task_id, self._identity)
        if claimed is None:
            LOG.debug("nothing to claim", extra={"action": "claim_skipped", "task_id": message.task_id})
            return
        until = time.monotonic() + self._follow_on_seconds
        following: ClaimedTask | None = claimed
        while following is not None:
            following = self._run(following, until=until)
        crashpoint("task_after_finish_before_completion")
        self._dispatcher.wake(claimed.target_queue)

    def _run(self, claimed: ClaimedTask, *, until: float) -> ClaimedTask | None:
        """Run a task; the next one, which is claimed already, if one waits and `until` has not come."""
        crashpoint("task_after_claim")
        with self._leases.hold(claimed) as lease, collect(claimed) as log:
            following = self._execute(claimed, lease, until=until)
        keep(self._task_logs, claimed, log)
        return following

    def _execute(self, claimed: ClaimedTask, lease: HeldLease, *, until: float) -> ClaimedTask | None:
        where = {"job_id": claimed.job_id, "task_id": claimed.task_id, "attempt": claimed.attempt}
        try:
            stored = self._executor.execute(claimed, lease)
        except Exception as exc:  # noqa: BLE001  the one place where a handler's fault becomes a state
            self._record_failure(claimed, exc, lease)
            return None
        crashpoint("task_after_handler_before_finish")
        take_for = self._identity if time.monotonic() < until else None
        try:
            completed = self._tasks.complete(claimed, stored, take_for=take_for)
        except ContractViolation as exc:
            self._record_failure(claimed, exc, lease)
            return None
        if completed.applied:
            LOG.info("task completed", extra={"action": "task_completed", **where})
        else:
            LOG.warning("result of a lost lease dropped", extra={"action": "fenced_out", **where})
        return completed.taken

    def _record_failure(self, claimed: ClaimedTask, exc: Exception, lease: HeldLease) -> None:
        where = {"job_id": claimed.job_id, "task_id": claimed.task_id, "attempt": claimed.attempt}
        if lease.lost.is_set():
            LOG.warning("task stopped: lease lost", extra={"action": "lease_lost", **where})
            return
        crashpoint("task_after_failure_before_finish")
        error = ErrorDetail.of(exc, job_id=claimed.job_id, stage=claimed.stage, task_id=claimed.task_id)
        LOG.warning(
            "task failed",
            extra={"action": "task_failed", "code": error.code, **where},
            exc_info=None if isinstance(exc, AppError) and exc.__cause__ is None else exc,
        )
        # A handler that stops by itself while the task is still its own has failed: were it taken for
        # cancelled, its stage would go on without it. A cancelled job's tasks are fenced out in any case.
        if error.error_class.is_retryable and claimed.attempt < claimed.max_attempts:
            pause = self._backoff(claimed.attempt)
            self._tasks.finish(claimed, TaskStatus.PENDING_RETRY, error=error, retry_after=pause)
        else:
            self._tasks.finish(claimed, TaskStatus.FAILED, error=error)
