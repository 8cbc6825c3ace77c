"""What CoreMachine needs of a job type; `jobs.base.JobBase` declares it for authors of job types."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from core.models.job import JobId
from core.models.stage import FailurePolicy, Stage, TaskDefinition
from core.stage_results import StageResults


class Workflow(Protocol):
    """A job type. All members are pure."""

    @property
    def job_type(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def stages(self) -> tuple[Stage, ...]: ...

    @property
    def parameters_model(self) -> type[BaseModel]: ...

    def validate_job_parameters(self, parameters: Mapping[str, Any]) -> BaseModel: ...

    def generate_job_id(self, parameters: BaseModel, *, seed: Mapping[str, Any] | None = None) -> JobId: ...

    def create_tasks_for_stage(
        self, stage: int, parameters: Any, previous: StageResults
    ) -> Iterable[TaskDefinition]: ...

    def failure_policy(self, stage: int, parameters: Any) -> FailurePolicy | None: ...

    def finalize_job(self, parameters: Any, results: StageResults) -> dict[str, Any]: ...
