"""Stages: the steps of a job, one after the other; the tasks of a stage run side by side."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Parallelism(StrEnum):
    """How many tasks the plan of a stage may hold."""

    SINGLE = "single"
    FAN_OUT = "fan_out"


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How many tasks of a stage may fail before the stage does; None: any number."""

    allowed_failures: int | None = 0

    @classmethod
    def allow(cls, number: int) -> "FailurePolicy":
        """Go on with up to `number` holes."""
        return cls(number)


FAIL_FAST = FailurePolicy(0)
"""The first failure cancels the tasks that have not started and fails the job."""
BEST_EFFORT = FailurePolicy(None)
"""Whatever fails becomes a hole; the job goes on with the rest."""


class StageStatus(StrEnum):
    """`open` while a task may still change, `closed` when the last one has turned out the lights."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Stage:
    """The declaration of one stage of a job type. `number` is 1-based."""

    number: int
    name: str
    task_type: str
    parallelism: Parallelism = Parallelism.SINGLE
    failures: FailurePolicy = FAIL_FAST


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """One task that a job type plans: its parameters, and a key that people recognise."""

    parameters: BaseModel
    key: str = ""


class StageRecord(BaseModel):
    """One row of `app.stages`, with the counts of its tasks by status."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: str
    number: int
    name: str
    task_type: str
    status: StageStatus
    task_count: int
    allowed_failures: int | None = 0
    opened_at: datetime
    closed_at: datetime | None = None
    counts: dict[str, int]


class StoredResult(BaseModel):
    """The stored result of one task, as the next stage reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    task_index: int
    result: dict[str, Any]
