"""What travels on the queues: ids, never payloads. The database is the truth, a message is a hint.

`schema_version` is the least version of the code that can handle what a message is about: the version of the
row (`app.jobs`, `app.tasks`) that it names. Code that meets a newer one leaves it to newer code
(docs/explanation/upgrades.md).
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.errors import AppError, ContractViolation

SCHEMA_VERSION = 4
"""The newest messages and rows that this code can handle, and those that it writes.

2: vectors in chunks, and exports. 3: collections of several mosaics. 4: overviews of
tables.
"""


class QueueRole(StrEnum):
    """What a queue is for; `config.queue_config` maps a role to the name of a queue."""

    JOBS = "jobs"
    RASTER_TASKS = "raster_tasks"
    VECTOR_TASKS = "vector_tasks"
    LEGACY_TASKS = "legacy_tasks"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION, strict=True)


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


class NewerMessage(AppError):
    """A message that a newer version has sent: to be left to an app of that version."""

    default_code = "NEWER_MESSAGE"


class Envelope(BaseModel):
    """What is read of a message that this version does not know: its version, and the row it names."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = Field(strict=True)
    task_id: str | None = None
    job_id: str | None = None


def parse_jobs_message(body: bytes) -> JobsQueueMessage:
    """The message of the jobs queue in `body` (JSON, UTF-8).

    Raises:
        NewerMessage: a newer version has sent it.
        MalformedMessage: no version of ours has.
    """
    try:
        return _JOBS.validate_json(body)
    except ValidationError as exc:
        raise _refusal(body, exc) from exc


def parse_task_message(body: bytes) -> TaskMessage:
    """The message of a task queue in `body` (JSON, UTF-8).

    Raises:
        NewerMessage: a newer version has sent it.
        MalformedMessage: no version of ours has.
    """
    try:
        return TaskMessage.model_validate_json(body)
    except ValidationError as exc:
        raise _refusal(body, exc) from exc


def read_envelope(body: bytes) -> Envelope | None:
    """The envelope of any version's message; None where there is none."""
    try:
        return Envelope.model_validate_json(body)
    except ValidationError:
        return None


def _refusal(body: bytes, exc: ValidationError) -> AppError:
    envelope = read_envelope(body)
    if envelope is not None and envelope.schema_version > SCHEMA_VERSION:
        return NewerMessage(f"the message has version {envelope.schema_version}, we know {SCHEMA_VERSION}")
    return MalformedMessage(_why(exc))


def _why(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{place}: {first['msg']}"
