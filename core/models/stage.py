"""Stages: the steps of a job, one after the other; the tasks of a stage run side by side.

A stage may go on without some of its tasks, if its `FailurePolicy` allows it. Each of them is then a hole
(`core.models.job.Hole`: stage, index, key and error code). Whoever comes later sees the holes so:

* `create_tasks_for_stage(stage, parameters, previous)`: `previous` has the results of the completed tasks,
  and `previous.holes()` the holes of all stages before; nothing stands for a hole among the results.
* `finalize_job(parameters, results)`: `results.holes()` are the holes of the last stage; a job whose result
  must name those of earlier stages takes them along in the parameters of its last task.
* the Platform: `JobRecord.holes`, of all stages; a published dataset with holes says so in its status.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.models.job import Hole
from core.models.task import NewTask


class Parallelism(StrEnum):
    """How many tasks the plan of a stage may hold."""

    SINGLE = "single"
    FAN_OUT = "fan_out"


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How many tasks of a stage may fail before the stage does; None: any number.

    `allowed_fraction` is of the stage's tasks, 0 to 1, and allows the more of the two.
    """

    allowed_failures: int | None = 0
    allowed_fraction: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.allowed_fraction <= 1:
            raise ValueError(f"a fraction lies between 0 and 1: {self.allowed_fraction}")

    @classmethod
    def allow(cls, number: int) -> "FailurePolicy":
        """Go on with up to `number` holes."""
        return cls(number)

    @classmethod
    def fraction(cls, share: float) -> "FailurePolicy":
        """Go on with holes up to this share (0 to 1) of the stage's tasks, rounded down."""
        return cls(0, share)

    def allowed_of(self, task_count: int) -> int | None:
        """How many of so many tasks may fail; None: any number. 0.29 of 100 is 29, as people count."""
        if self.allowed_failures is None:
            return None
        return max(self.allowed_failures, int(Decimal(str(self.allowed_fraction)) * task_count))


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
    """The declaration of one stage of a job type. `number` is 1-based.

    `noun` is what people call one task of it ("tile"), `activity` what it does ("Creating tile COGs"; the
    stage's name where it is empty): "Creating tile COGs: tile 131 of 204".
    """

    number: int
    name: str
    task_type: str
    parallelism: Parallelism = Parallelism.SINGLE
    failures: FailurePolicy = FAIL_FAST
    noun: str = "task"
    activity: str = ""


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """One task that a job type plans: its parameters, and a key that people recognise."""

    parameters: BaseModel
    key: str = ""


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The tasks of a stage about to be opened, made while they are iterated, and the policy that holds."""

    tasks: Iterator[NewTask]
    failures: FailurePolicy


class StoredResult(BaseModel):
    """The stored result of one task, as the next stage reads it; a failed one has left a hole instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_id: str
    task_index: int
    result: dict[str, Any] = Field(default_factory=dict)
    hole: Hole | None = None
