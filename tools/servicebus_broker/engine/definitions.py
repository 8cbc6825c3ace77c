"""Queue definitions: a JSON file with the property names of Azure Resource Manager (Microsoft.ServiceBus)."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import isodate  # type: ignore[import-untyped]
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

MAX_LOCK = timedelta(minutes=5)
"""Longest lock that Azure Service Bus grants."""


class DefinitionError(ValueError):
    """The definitions cannot be read, contradict themselves or ask for what this broker does not have."""


def _duration(value: Any) -> Any:
    """Read an ISO 8601 duration of fixed length."""
    if not isinstance(value, str):
        return value
    try:
        parsed = isodate.parse_duration(value)
    except (isodate.ISO8601Error, OverflowError) as exc:
        raise ValueError(f"{value!r} is not an ISO 8601 duration") from exc
    if not isinstance(parsed, timedelta):
        raise ValueError(f"{value!r} has years or months, whose length is not fixed")  # noqa: TRY004
    return parsed


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]


class QueueProperties(BaseModel):
    """What a queue does; defaults are those of Azure. An unknown property is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    lock_duration: Annotated[Duration, Field(le=MAX_LOCK)] = timedelta(minutes=1)
    max_delivery_count: int = Field(default=10, ge=1)
    default_message_time_to_live: Duration | None = None
    dead_lettering_on_message_expiration: bool = False
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: Duration = timedelta(minutes=10)
    requires_session: bool = False
    max_size_in_megabytes: int = Field(default=1024, ge=1)

    @model_validator(mode="after")
    def _no_sessions(self) -> "QueueProperties":
        if self.requires_session:
            raise ValueError("requiresSession: this broker has no sessions")
        return self


class QueueDefinition(BaseModel):
    """One queue; ``role`` and ``description`` are for the other readers of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,258}[A-Za-z0-9])?$")
    role: str = ""
    description: str = ""
    properties: QueueProperties = QueueProperties()


class _DefinitionFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    queues: tuple[QueueDefinition, ...]


def load_definitions(path: Path) -> tuple[QueueDefinition, ...]:
    """Read the queue definitions at ``path``. Raises DefinitionError."""
    try:
        queues = _DefinitionFile.model_validate_json(path.read_bytes()).queues
    except OSError as exc:
        raise DefinitionError(f"cannot read the queue definitions: {exc}") from exc
    except ValidationError as exc:
        raise DefinitionError(f"{path}: {exc}") from exc
    names = [queue.name.lower() for queue in queues]
    if len(set(names)) != len(names):
        raise DefinitionError(f"{path}: two queues have the same name (names are not case-sensitive)")
    return queues
