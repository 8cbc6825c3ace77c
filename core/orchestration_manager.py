"""OrchestrationManager: from a job type's plan of a stage to tasks with ids and queues."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from pydantic import BaseModel

from core.errors import AppError, ContractViolation
from core.models.job import JobRecord
from core.models.stage import FailurePolicy, Parallelism, Stage, StagePlan, TaskDefinition
from core.models.task import NewTask, TaskId
from core.registry import HandlerDefinition
from core.schema.queue import QueueRole
from core.stage_results import StageResults
from core.workflow import Workflow


class OrchestrationManager:
    """Turns plans into tasks. Pure: it reads and writes nothing."""

    def __init__(
        self,
        *,
        jobs: Mapping[str, Workflow],
        handlers: Mapping[str, HandlerDefinition],
        queue_names: Mapping[QueueRole, str],
        max_attempts: int,
    ) -> None:
        self._jobs = jobs
        self._handlers = handlers
        self._queue_names = queue_names
        self._max_attempts = max_attempts

    def workflow(self, job: JobRecord) -> Workflow:
        """The job's type.

        Raises:
            ContractViolation: this version of the application does not know it.
        """
        try:
            return self._jobs[job.job_type]
        except KeyError as exc:
            raise ContractViolation(f"no job type {job.job_type!r} is registered here") from exc

    def queue_of(self, stage: Stage) -> str:
        """The queue that the tasks of a stage travel on."""
        return self._queue_names[self._handlers[stage.task_type].queue]

    def queues_of(self, job_type: str) -> frozenset[str]:
        """All queues that a job of this type needs somebody to listen to."""
        stages = self._jobs[job_type].stages
        return frozenset({self.queue_of(stage) for stage in stages} | {self._queue_names[QueueRole.JOBS]})

    def plan_stage(self, job: JobRecord, stage: Stage, previous: StageResults) -> StagePlan:
        """The tasks of a stage, in the order of the plan, and how many of them may fail.

        Raises:
            AppError: what the job type raised, now or while the tasks are iterated; anything else becomes
                ContractViolation (STAGE_PLAN_FAILED).
        """
        workflow = self.workflow(job)
        with _blaming(job, stage):
            parameters = workflow.parameters_model.model_validate(job.parameters)
            failures: FailurePolicy = workflow.failure_policy(stage.number, parameters) or stage.failures
        return StagePlan(self._planned(job, stage, parameters, previous.after(job.holes)), failures)

    def _planned(
        self, job: JobRecord, stage: Stage, parameters: BaseModel, previous: StageResults
    ) -> Iterator[NewTask]:
        with _blaming(job, stage):
            definitions = self.workflow(job).create_tasks_for_stage(stage.number, parameters, previous)
            yield from self._tasks(job, stage, definitions)

    def _tasks(
        self, job: JobRecord, stage: Stage, definitions: Iterable[TaskDefinition]
    ) -> Iterator[NewTask]:
        handler = self._handlers[stage.task_type]
        queue = self._queue_names[handler.queue]
        for index, definition in enumerate(definitions):
            if index and stage.parallelism is Parallelism.SINGLE:
                raise ContractViolation(
                    f"stage {stage.number} of {job.job_type} is single; its plan has more than one task",
                    code="STAGE_PLAN_FAILED",
                )
            yield NewTask(
                task_id=_task_id(job, stage, index),
                task_index=index,
                task_key=definition.key,
                task_type=handler.task_type,
                target_queue=queue,
                parameters=_checked(definition, handler).model_dump_json(),
                max_attempts=self._max_attempts,
            )


@contextmanager
def _blaming(job: JobRecord, stage: Stage) -> Iterator[None]:
    """Whatever a job type raises that is none of our errors is its plan's fault."""
    try:
        yield
    except AppError:
        raise
    except Exception as exc:
        raise ContractViolation(
            f"{job.job_type} could not plan stage {stage.number} ({stage.name}): {type(exc).__name__}",
            code="STAGE_PLAN_FAILED",
        ) from exc


def _task_id(job: JobRecord, stage: Stage, index: int) -> TaskId:
    """Other than in any earlier run of the job, whose workers may still be at work."""
    run = f"r{job.run}-" if job.run > 1 else ""
    return TaskId(f"{job.job_id[:32]}-{run}{stage.number}-{index}")


def _checked(definition: TaskDefinition, handler: HandlerDefinition) -> BaseModel:
    if not isinstance(definition.parameters, handler.parameters_model):
        raise ContractViolation(
            f"{handler.task_type} takes {handler.parameters_model.__name__}, "
            f"not {type(definition.parameters).__name__}",
            code="STAGE_PLAN_FAILED",
        )
    return definition.parameters
