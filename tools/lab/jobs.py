"""Job types whose tasks do nothing but take their time."""

import time
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.models.stage import Parallelism, Stage, TaskDefinition
from core.registry import HandlerDefinition, define_handler
from core.schema.queue import QueueRole
from core.stage_results import StageResults
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from services.context import TaskContext

BLOB_PREFIX = "lab/"


class LabParameters(BaseModel):
    """`tasks` in each stage, each taking `milliseconds`; `run` tells jobs apart.

    With `leaves_blobs` each task makes a blob first, as tasks do that convert data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    tasks: int = Field(1, ge=0)
    milliseconds: int = Field(0, ge=0)
    leaves_blobs: bool = False


class LabTask(BaseModel):
    """One task: which it is, and how long it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int
    milliseconds: int
    leaves_blob: bool = False


class LabResult(BaseModel):
    """Which task it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int


def take_time(parameters: LabTask, context: TaskContext) -> LabResult:
    """Wait, in the manner of a handler that looks up now and then."""
    if parameters.leaves_blob:
        _leave_blob(context)
    until = time.monotonic() + parameters.milliseconds / 1000
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.05))
        context.checkpoint()
    return LabResult(index=parameters.index)


def _leave_blob(context: TaskContext) -> None:
    uri, file = f"azure://silver/{BLOB_PREFIX}{context.attempt_name}", context.workspace / "blob"
    file.write_text(context.attempt_name)
    context.artefacts.stage_blob(uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt)
    context.storage.upload_new(file, uri, content_type="text/plain")


class _LabJob(JobBaseMixin, JobBase):
    parameters_model = LabParameters

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: LabParameters, previous: StageResults
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`. A stage checks that the one before it is whole."""
        if stage > 1 and [result.index for result in previous.each(LabResult)] != list(
            range(parameters.tasks)
        ):
            raise AssertionError("a stage was opened before the one before it was complete")
        for index in range(parameters.tasks):
            task = LabTask(
                index=index, milliseconds=parameters.milliseconds, leaves_blob=parameters.leaves_blobs
            )
            yield TaskDefinition(task, key=str(index))

    @classmethod
    def finalize_job(cls, parameters: LabParameters, results: StageResults) -> dict[str, Any]:  # noqa: ARG003
        """See `JobBase`."""
        return {"indexes": sum(result.index for result in results.each(LabResult))}


class OneStage(_LabJob):
    """One stage."""

    job_type = "lab_one_stage"
    description = "tasks that take their time, in one stage"
    stages = (Stage(1, "only", "lab_take_time", Parallelism.FAN_OUT),)


class ThreeStages(_LabJob):
    """Three stages."""

    job_type = "lab_three_stages"
    description = "tasks that take their time, in three stages"
    stages = tuple(Stage(n, f"stage-{n}", "lab_take_time", Parallelism.FAN_OUT) for n in (1, 2, 3))


WORKFLOWS: dict[str, type[JobBase]] = {job.job_type: job for job in (OneStage, ThreeStages)}
HANDLERS: dict[str, HandlerDefinition] = {
    "lab_take_time": define_handler("lab_take_time", take_time, queue=QueueRole.VECTOR_TASKS)
}
