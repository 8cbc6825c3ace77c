"""OrchestrationManager: from a job type's plan of a stage to tasks with ids and queues."""

from collections.abc import Mapping

from core.errors import AppError, ContractViolation
from core.models.job import JobRecord
from core.models.stage import Parallelism, Stage, TaskDefinition
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

    def plan_stage(self, job: JobRecord, stage: Stage, previous: StageResults) -> list[NewTask]:
        """The tasks of a stage, in the order of the plan.

        Raises:
            AppError: what the job type raised; anything else becomes ContractViolation (STAGE_PLAN_FAILED).
        """
        workflow = self.workflow(job)
        try:
            parameters = workflow.parameters_model.model_validate(job.parameters)
            definitions = list(workflow.create_tasks_for_stage(stage.number, parameters, previous))
            return self._tasks(job, stage, definitions)
        except AppError:
            raise
        except Exception as exc:
            raise ContractViolation(
                f"{job.job_type} could not plan stage {stage.number} ({stage.name}): {type(exc).__name__}",
                code="STAGE_PLAN_FAILED",
            ) from exc

    def _tasks(self, job: JobRecord, stage: Stage, definitions: list[TaskDefinition]) -> list[NewTask]:
        if stage.parallelism is Parallelism.SINGLE and len(definitions) > 1:
            raise ContractViolation(
                f"stage {stage.number} of {job.job_type} is single; its plan has {len(definitions)} tasks",
                code="STAGE_PLAN_FAILED",
            )
        handler = self._handlers[stage.task_type]
        queue = self._queue_names[handler.queue]
        return [
            NewTask(
                task_id=TaskId(f"{job.job_id[:32]}-{stage.number}-{index}"),
                task_index=index,
                task_key=definition.key,
                task_type=stage.task_type,
                target_queue=queue,
                parameters=_checked(definition, handler).model_dump(mode="json"),
                max_attempts=self._max_attempts,
            )
            for index, definition in enumerate(definitions)
        ]


def _checked(definition: TaskDefinition, handler: HandlerDefinition):  # type: ignore[no-untyped-def]
    if not isinstance(definition.parameters, handler.parameters_model):
        raise ContractViolation(
            f"{handler.task_type} takes {handler.parameters_model.__name__}, "
            f"not {type(definition.parameters).__name__}",
            code="STAGE_PLAN_FAILED",
        )
    return definition.parameters
