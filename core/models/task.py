"""Tasks: the units that workers execute."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType

from pydantic import BaseModel, ConfigDict

from core.models.results import ErrorDetail

TaskId = NewType("TaskId", str)


class TaskStatus(StrEnum):
    """The states of a task; `sql/schema/010_engine.sql` holds the same list as a CHECK."""

    PENDING_QUEUE = "pending_queue"
    QUEUED = "queued"
    PROCESSING = "processing"
    PENDING_RETRY = "pending_retry"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """True when the task counts as done for its stage."""
        return self in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED)


TASK_TRANSITIONS: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.PENDING_QUEUE: frozenset({TaskStatus.QUEUED, TaskStatus.PROCESSING, TaskStatus.CANCELLED}),
    TaskStatus.QUEUED: frozenset({TaskStatus.PROCESSING, TaskStatus.FAILED, TaskStatus.CANCELLED}),
    TaskStatus.PROCESSING: frozenset(
        {
            TaskStatus.PROCESSING,  # a new attempt takes over an expired lease
            TaskStatus.COMPLETED,
            TaskStatus.FAILED,
            TaskStatus.CANCELLED,
            TaskStatus.PENDING_RETRY,
        }
    ),
    TaskStatus.PENDING_RETRY: frozenset({TaskStatus.PROCESSING, TaskStatus.FAILED, TaskStatus.CANCELLED}),
    TaskStatus.COMPLETED: frozenset(),
    TaskStatus.FAILED: frozenset({TaskStatus.PENDING_QUEUE}),  # only by an explicit retry
    TaskStatus.CANCELLED: frozenset({TaskStatus.PENDING_QUEUE}),
}


class TaskRecord(BaseModel):
    """One row of `app.tasks`. `attempt` counts the claims so far; `task_index` is 0-based."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: TaskId
    job_id: str
    stage: int
    task_index: int
    task_key: str
    task_type: str
    target_queue: str
    tenant: str = ""
    priority: int = 0
    parameters: dict[str, Any]
    status: TaskStatus
    attempt: int
    max_attempts: int
    run_after: datetime
    lease_until: datetime | None = None
    worker: str | None = None
    executed_by_app: str | None = None
    execution_started_at: datetime | None = None
    progress: float = 0.0
    result: dict[str, Any] | None = None
    error: ErrorDetail | None = None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be created. `parameters` is JSON text: a stage may have a hundred thousand tasks."""

    task_id: TaskId
    task_index: int
    task_key: str
    task_type: str
    target_queue: str
    parameters: str
    max_attempts: int


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """Who executes tasks: the app's name, a name for this process, and how long its silence is borne."""

    app_name: str
    worker: str
    lease: timedelta


class ClaimedTask(BaseModel):
    """A task that this worker now holds under a lease, fenced by `attempt`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: TaskId
    job_id: str
    job_type: str
    stage: int
    task_type: str
    parameters: dict[str, Any]
    target_queue: str
    attempt: int
    max_attempts: int
    platform_request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a completion: whether it counts, and the task that its worker holds next, if any."""

    applied: bool
    taken: ClaimedTask | None = None
