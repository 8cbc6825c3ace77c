"""What a job type declares. Pure: a job type plans tasks and sums up results, and does no I/O."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel

from core.models.job import JobId
from core.models.stage import FailurePolicy, Stage, TaskDefinition
from core.stage_results import StageResults


class JobBase(ABC):
    """The interface that CoreMachine drives. Derive from `JobBaseMixin` first, then from this class."""

    job_type: ClassVar[str]
    description: ClassVar[str]
    stages: ClassVar[tuple[Stage, ...]]
    parameters_model: ClassVar[type[BaseModel]]

    @classmethod
    @abstractmethod
    def validate_job_parameters(cls, parameters: Mapping[str, Any]) -> BaseModel:
        """The parameters as this type's model; raises `InvalidRequest` with one entry per field."""

    @classmethod
    @abstractmethod
    def generate_job_id(cls, parameters: BaseModel, *, seed: Mapping[str, Any] | None = None) -> JobId:
        """A deterministic id: 64 hex digits of a SHA-256."""

    @classmethod
    @abstractmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: Any, previous: StageResults
    ) -> Iterable[TaskDefinition]:
        """The tasks of a stage (1-based), from the parameters and the results of the stage before.

        Must be deterministic: the same arguments give the same tasks in the same order. An empty
        answer is allowed; the stage is then complete at once.
        """

    @classmethod
    def failure_policy(cls, stage: int, parameters: Any) -> FailurePolicy | None:  # noqa: ARG003
        """How many tasks of a stage may fail, where the parameters say it; None: as the stage declares.

        Asked once, when the stage is opened. `core.models.stage` says how later stages see the holes.
        """
        return None

    @classmethod
    @abstractmethod
    def finalize_job(cls, parameters: Any, results: StageResults) -> dict[str, Any]:
        """The result of the job, from the results of its last stage."""
