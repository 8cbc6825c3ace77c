"""The reference job: n greetings, then one reply to each."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.models.stage import Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.hello_world import Greeting, GreetParameters, ReplyParameters
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


class HelloWorldParameters(BaseModel):
    """How many greetings (`n`), and to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(3, ge=0, le=100_000, description="number of greetings")
    name: str = Field("world", min_length=1, max_length=100, description="whom to greet")


@register_job
class HelloWorldJob(JobBaseMixin, JobBase):
    """Two stages that fan out."""

    job_type = "hello_world"
    description = "Say hello n times, and reply to each greeting"
    parameters_model = HelloWorldParameters
    stages = (
        Stage(1, "greeting", "hello_world_greeting", Parallelism.FAN_OUT),
        Stage(2, "reply", "hello_world_reply", Parallelism.FAN_OUT),
    )

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: HelloWorldParameters, previous: StageResults
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        if stage == 1:
            for number in range(parameters.n):
                yield TaskDefinition(GreetParameters(name=parameters.name, number=number), key=str(number))
        else:
            for greeting in previous.each(Greeting):
                yield TaskDefinition(ReplyParameters(greeting=greeting), key=str(greeting.number))

    @classmethod
    def finalize_job(cls, parameters: HelloWorldParameters, results: StageResults) -> dict[str, Any]:
        """See `JobBase`."""
        replies = list(results.each(Greeting))
        return {
            "greetings": len(replies),
            "first": replies[0].text if replies else None,
            "name": parameters.name,
        }
