"""What travels on the queues: ids, never payloads. The database is the truth, a message is a hint."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import ContractViolation


class QueueRole(StrEnum):
    """What a queue is for; `config.queue_config` maps a role to the name of a queue."""

    JOBS = "jobs"
    RASTER_TASKS = "raster_tasks"
    VECTOR_TASKS = "vector_tasks"
    LEGACY_TASKS = "legacy_tasks"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1


class JobSubmitMessage(_Message):
    """Start this job."""

    message_type: Literal["job_submit"] = "job_submit"
    job_id: str


class StageCompleteMessage(_Message):
    """The last task of this stage is done: open the next one, or finish the job."""

    message_type: Literal["stage_complete"] = "stage_complete"
    job_id: str
    stage: int


class JobTerminalMessage(_Message):
    """This job has ended, well or badly: whoever asked for it may go on."""

    message_type: Literal["job_terminal"] = "job_terminal"
    job_id: str


class TaskMessage(_Message):
    """Claim and run this task."""

    message_type: Literal["task"] = "task"
    task_id: str


JobsQueueMessage = JobSubmitMessage | StageCompleteMessage | JobTerminalMessage
_JOBS: TypeAdapter[JobsQueueMessage] = TypeAdapter(
    Annotated[JobsQueueMessage, Field(discriminator="message_type")]
)


class MalformedMessage(ContractViolation):
    """A message that no version of this application has sent; it belongs in the dead-letter queue."""

    default_code = "MALFORMED_MESSAGE"


def parse_jobs_message(body: bytes) -> JobsQueueMessage:
    """The message of the jobs queue in `body` (JSON, UTF-8).

    Raises:
        MalformedMessage: the body is no message that this version knows.
    """
    try:
        return _JOBS.validate_json(body)
    except ValidationError as exc:
        raise MalformedMessage(_why(exc)) from exc


def parse_task_message(body: bytes) -> TaskMessage:
    """The message of a task queue in `body` (JSON, UTF-8).

    Raises:
        MalformedMessage: the body is no message that this version knows.
    """
    try:
        return TaskMessage.model_validate_json(body)
    except ValidationError as exc:
        raise MalformedMessage(_why(exc)) from exc


def _why(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{place}: {first['msg']}"
