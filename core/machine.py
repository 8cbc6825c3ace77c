"""CoreMachine: reads a message, and has it done. The conductor, not the orchestra.

It knows nothing of clients, datasets or rasters: job types and handlers are injected, state is the
StateManager's business, and whoever wants to know when a job ends gives `on_job_terminal`.
"""

import logging
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, assert_never

from pydantic import BaseModel, ValidationError

from core.errors import AppError, ContractViolation, TaskCancelled
from core.leases import HeldLease, LeaseKeeper
from core.models.results import ErrorDetail
from core.models.task import ClaimedTask, TaskStatus
from core.ports import TaskStore
from core.registry import HandlerDefinition
from core.schema.queue import (
    JobSubmitMessage,
    JobTerminalMessage,
    StageCompleteMessage,
    parse_jobs_message,
    parse_task_message,
)
from core.state_manager import StateManager

LOG = logging.getLogger(__name__)


class ContextFactory(Protocol):
    """Makes what a handler gets besides its parameters, and tidies up after it."""

    def __call__(self, claimed: ClaimedTask, lease: HeldLease) -> AbstractContextManager[Any]: ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pause before another attempt: doubling from `base`, at most `cap`, half of it left to chance."""

    base: timedelta
    cap: timedelta

    def __call__(self, attempt: int) -> timedelta:
        """The pause after the attempt of this number (1-based)."""
        full: timedelta = min(self.base * 2 ** (attempt - 1), self.cap)
        return full * random.uniform(0.5, 1.0)  # noqa: S311  jitter, no secret


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """Who executes tasks here: the app's name, and a name for this process."""

    app_name: str
    worker: str
    lease: timedelta


class CoreMachine:
    """Runs jobs: job -> stages one after the other -> tasks side by side."""

    def __init__(
        self,
        *,
        state: StateManager,
        tasks: TaskStore,
        leases: LeaseKeeper,
        handlers: Mapping[str, HandlerDefinition],
        context_factory: ContextFactory,
        identity: WorkerIdentity,
        backoff: Backoff,
        on_job_terminal: Callable[[str], None],
    ) -> None:
        self._state = state
        self._tasks = tasks
        self._leases = leases
        self._handlers = handlers
        self._context_factory = context_factory
        self._identity = identity
        self._backoff = backoff
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

    def process_task_message(self, body: bytes) -> None:
        """Claim the task of a message and run it. Does nothing when there is nothing to claim.

        Raises:
            MalformedMessage: the body is no message of ours; it belongs in the dead-letter queue.
            Unavailable: the database does not answer; the message must come again.
        """
        message = parse_task_message(body)
        claimed = self._tasks.claim(
            message.task_id,
            worker=self._identity.worker,
            app_name=self._identity.app_name,
            lease=self._identity.lease,
        )
        if claimed is None:
            LOG.debug("nothing to claim", extra={"action": "claim_skipped", "task_id": message.task_id})
            return
        with self._leases.hold(claimed) as lease:
            self._execute(claimed, lease)

    def _execute(self, claimed: ClaimedTask, lease: HeldLease) -> None:
        where = {"job_id": claimed.job_id, "task_id": claimed.task_id, "attempt": claimed.attempt}
        try:
            result = self._run_handler(claimed, lease)
        except Exception as exc:  # noqa: BLE001  the one place where a handler's fault becomes a state
            self._record_failure(claimed, exc, lease)
            return
        if self._tasks.finish(claimed, TaskStatus.COMPLETED, result=result.model_dump(mode="json")):
            LOG.info("task completed", extra={"action": "task_completed", **where})
        else:
            LOG.warning("result of a lost lease dropped", extra={"action": "fenced_out", **where})

    def _run_handler(self, claimed: ClaimedTask, lease: HeldLease) -> BaseModel:
        handler = self._handlers.get(claimed.task_type)
        if handler is None:
            raise ContractViolation(f"no handler for tasks of type {claimed.task_type!r} is registered here")
        try:
            parameters = handler.parameters_model.model_validate(claimed.parameters)
        except ValidationError as exc:
            raise ContractViolation(f"the parameters of {claimed.task_type} do not fit its model") from exc
        with self._context_factory(claimed, lease) as context:
            result = handler.function(parameters, context)
        if not isinstance(result, handler.result_model):
            raise ContractViolation(f"{claimed.task_type} returned no {handler.result_model.__name__}")
        return result

    def _record_failure(self, claimed: ClaimedTask, exc: Exception, lease: HeldLease) -> None:
        where = {"job_id": claimed.job_id, "task_id": claimed.task_id, "attempt": claimed.attempt}
        if lease.lost.is_set():
            LOG.warning("task stopped: lease lost", extra={"action": "lease_lost", **where})
            return
        error = ErrorDetail.of(exc, job_id=claimed.job_id, stage=claimed.stage, task_id=claimed.task_id)
        LOG.warning(
            "task failed",
            extra={"action": "task_failed", "code": error.code, **where},
            exc_info=None if isinstance(exc, AppError) and exc.__cause__ is None else exc,
        )
        if isinstance(exc, TaskCancelled):
            self._tasks.finish(claimed, TaskStatus.CANCELLED, error=error)
        elif error.error_class.is_retryable and claimed.attempt < claimed.max_attempts:
            pause = self._backoff(claimed.attempt)
            self._tasks.finish(claimed, TaskStatus.PENDING_RETRY, error=error, retry_after=pause)
        else:
            self._tasks.finish(claimed, TaskStatus.FAILED, error=error)
