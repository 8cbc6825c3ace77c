"""A job type whose first task stumbles in its first attempt: over something passing, or for good."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.errors import PermanentTaskError, TransientError
from core.models.stage import Parallelism, Stage, TaskDefinition
from core.registry import HandlerDefinition, define_handler
from core.schema.queue import QueueRole
from core.stage_results import StageResults
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from services.context import TaskContext

TASKS = 2


class Stumble(StrEnum):
    """What the first attempt meets. A retry after PERMANENT succeeds."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"


class StumblingParameters(BaseModel):
    """`run` tells jobs apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    stumble: Stumble


class StumblingTask(BaseModel):
    """One task; None: it does not stumble."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    stumble: Stumble | None


class StumblingResult(BaseModel):
    """Which task it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int


def stumble(parameters: StumblingTask, context: TaskContext) -> StumblingResult:
    """Stumble in the first attempt, or not at all."""
    if context.attempt == 1 and parameters.stumble is Stumble.TRANSIENT:
        raise TransientError("the laboratory tripped it up", code="LAB_STUMBLE")
    if context.attempt == 1 and parameters.stumble is Stumble.PERMANENT:
        raise PermanentTaskError("the laboratory tripped it up", code="LAB_STUMBLE")
    return StumblingResult(index=parameters.index)


class StumblingJob(JobBaseMixin, JobBase):
    """Two stages of `TASKS` tasks; the first task of the first stage stumbles."""

    job_type = "lab_stumbling"
    description = "tasks of which one stumbles, in two stages"
    parameters_model = StumblingParameters
    stages = tuple(Stage(n, f"stage-{n}", "lab_stumble", Parallelism.FAN_OUT) for n in (1, 2))

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,
        parameters: StumblingParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        for index in range(TASKS):
            stumbles = parameters.stumble if (stage, index) == (1, 0) else None
            yield TaskDefinition(StumblingTask(index=index, stumble=stumbles), key=str(index))

    @classmethod
    def finalize_job(cls, parameters: StumblingParameters, results: StageResults) -> dict[str, Any]:  # noqa: ARG003
        """See `JobBase`."""
        return {"tasks": len(results)}


WORKFLOWS: dict[str, type[JobBase]] = {StumblingJob.job_type: StumblingJob}
HANDLERS: dict[str, HandlerDefinition] = {
    "lab_stumble": define_handler("lab_stumble", stumble, queue=QueueRole.VECTOR_TASKS)
}
