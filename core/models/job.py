"""Jobs: what was asked of CoreMachine, and how far it has come."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from pydantic import BaseModel, ConfigDict, Field

from core.models.results import ErrorDetail

JobId = NewType("JobId", str)


class JobStatus(StrEnum):
    """The states of a job; `sql/schema/010_engine.sql` holds the same list as a CHECK."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """True when nothing will change the job any more."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


JOB_TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.PROCESSING, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED, JobStatus.PROCESSING}),  # only by an explicit retry
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED, JobStatus.PROCESSING}),
}


class Hole(BaseModel):
    """A failed task that its stage's policy let pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: int
    task_index: int
    task_key: str
    code: str


class JobRecord(BaseModel):
    """One row of `app.jobs`. `stage` is the stage now open (1-based; 0 before the first)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: JobId
    job_type: str
    parameters: dict[str, Any]
    status: JobStatus
    stage: int
    total_stages: int
    result: dict[str, Any] | None = None
    error: ErrorDetail | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    holes: tuple[Hole, ...] = ()
    tenant: str = ""
    priority: int = 0
    platform_request_id: str | None = None
    dataset_key: str | None = None
    finalize_attempts: int = 0
    run: int = 1
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class NewJob(BaseModel):
    """A job to be created: validated parameters and a deterministic id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: JobId
    job_type: str
    parameters: dict[str, Any]
    total_stages: int = Field(ge=1)
    metadata: dict[str, Any] = Field(default_factory=dict)
    tenant: str = ""
    priority: int = Field(0, ge=-100, le=100)
    platform_request_id: str | None = None
    dataset_key: str | None = None
