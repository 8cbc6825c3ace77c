"""The parts of a job type that are the same for all."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from core.errors import InvalidRequest
from core.models.job import JobId
from core.models.stage import TaskDefinition
from core.stage_results import StageResults


class JobBaseMixin:
    """Parameter validation by model, deterministic ids, and a plain summary.

    A job type is then its name, its stages, its parameters' model and `create_tasks_for_stage`.
    """

    job_type: ClassVar[str]
    parameters_model: ClassVar[type[BaseModel]]

    @classmethod
    def validate_job_parameters(cls, parameters: Mapping[str, Any]) -> BaseModel:
        """See `JobBase`."""
        try:
            return cls.parameters_model.model_validate(dict(parameters))
        except ValidationError as exc:
            raise InvalidRequest(
                f"The parameters of {cls.job_type} are not valid.",
                remedy="Correct the fields named in field_errors.",
                field_errors=tuple(
                    {"loc": ".".join(str(part) for part in error["loc"]), "msg": error["msg"]}
                    for error in exc.errors(include_url=False, include_input=False)
                ),
            ) from exc

    @classmethod
    def generate_job_id(cls, parameters: BaseModel, *, seed: Mapping[str, Any] | None = None) -> JobId:
        """See `JobBase`. The hash is over canonical JSON, so that no two inputs run together."""
        content = {
            "job_type": cls.job_type,
            "params": parameters.model_dump(mode="json"),
            "seed": dict(seed or {}),
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return JobId(hashlib.sha256(canonical.encode()).hexdigest())

    @classmethod
    def finalize_job(cls, parameters: Any, results: StageResults) -> dict[str, Any]:  # noqa: ARG003
        """See `JobBase`. One task: its result is the job's; several: how many there were."""
        if len(results) == 1:
            return dict(next(iter(results)).result)
        return {"task_count": len(results)}


class TaskForEachMixin(JobBaseMixin):
    """A job type of one stage with a task for what its parameters say, and one for each of their `others`."""

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: Any,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        first = parameters.model_copy(update={"others": ()})
        return [TaskDefinition(each) for each in (first, *parameters.others)]

    @classmethod
    def finalize_job(cls, parameters: Any, results: StageResults) -> dict[str, Any]:  # noqa: ARG003
        """See `JobBase`. The result of the first task; those of the others, if there are any, as `others`."""
        first, *others = (dict(each.result) for each in results)
        return first | ({"others": others} if others else {})


class OneTaskMixin(JobBaseMixin):
    """A job type of one stage with one task, whose parameters are the job's."""

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: BaseModel,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        return (TaskDefinition(parameters),)
