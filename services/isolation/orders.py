"""What host and child write to each other."""

import json
import os
from typing import Any, BinaryIO, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_WORD_BYTES = 128 * 1024  # below the buffer of a local socket
STOP = b"stop"

Message = TypeVar("Message", bound=BaseModel)


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    schema_version: Literal[1] = 1


class Order(_Message):
    """One attempt: what to run on what, and within which limits. Functions are `module:name`."""

    handler: str
    surroundings: str
    parameters: dict[str, Any]
    job_id: str
    task_id: str
    attempt: int
    workspace: str
    seconds: float
    memory_limit_bytes: int | None
    log_level: int


class Fault(_Message):
    """An exception. `classes` are its class and the bases of it, nearest first, as `module:name`."""

    classes: tuple[str, ...]
    message: str
    code: str | None = None
    remedy: str = ""
    context: dict[str, Any] = Field(default_factory=dict)
    extras: dict[str, Any] = Field(default_factory=dict)
    out_of_memory: bool = False
    traceback: str | None = None


class Answer(_Message):
    """How the handler ended: exactly one of the two is there."""

    result: dict[str, Any] | None = None
    fault: Fault | None = None


def write(message: BaseModel, file: BinaryIO) -> None:
    """Write JSON, in which NaN stays NaN (pydantic's own would make it null)."""
    file.write(json.dumps(message.model_dump(), default=str).encode())
    file.flush()
    file.seek(0)


def read(model: type[Message], file: BinaryIO) -> Message | None:
    """The message in a file; None when there is no whole one, or one beyond all measure.

    Raises:
        ValidationError: it is JSON, but not this message.
    """
    if os.fstat(file.fileno()).st_size > MAX_ANSWER_BYTES:
        return None
    file.seek(0)
    try:
        content = json.loads(file.read())
    except ValueError:
        return None
    return model.model_validate(content)
