"""The errors of the whole application: one tree, and the class decides what happens next.

    AppError(code, message, remedy=, context=)
    ├── InvalidRequest       the caller's request is wrong                    never retried
    ├── NotFound             the thing asked for does not exist               never retried
    ├── Conflict             the request contradicts the present state        never retried
    ├── Unavailable          a part that we need does not answer (HTTP 503)   the caller may retry
    ├── TaskError
    │   ├── PermanentTaskError   the data or the parameters are wrong         never retried
    │   ├── TransientError       something around the task failed             retried with backoff
    │   └── TaskCancelled        the task was told to stop                    never retried
    └── ContractViolation    our own code broke a promise (a bug)             never retried

An exception of any other class that leaves a task handler is treated as transient, with the same cap
on attempts: an unknown fault may pass, a known one says so. HTTP status codes are the business of
`triggers.problems`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class AppError(Exception):
    """An error with a stable code for machines, a message and a remedy for people.

    `context` holds ids and limits that help to act on the error; it is shown to callers, so it must
    never hold secrets, paths of this machine or SQL.
    """

    default_code = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.remedy = remedy
        self.context: Mapping[str, Any] = MappingProxyType(dict(context or {}))


class InvalidRequest(AppError):
    """The caller's request cannot be understood or is not allowed."""

    default_code = "VALIDATION_ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        remedy: str = "",
        context: Mapping[str, Any] | None = None,
        field_errors: tuple[Mapping[str, str], ...] = (),
    ) -> None:
        super().__init__(message, code=code, remedy=remedy, context=context)
        self.field_errors = field_errors


class NotFound(AppError):
    """What the caller asks for does not exist, or is not the caller's to see."""

    default_code = "NOT_FOUND"


class Conflict(AppError):
    """The request contradicts the present state."""

    default_code = "CONFLICT"


class Unavailable(AppError):
    """A part that the request needs (database, broker, storage) does not answer now."""

    default_code = "UNAVAILABLE"


class TaskError(AppError):
    """A task handler failed."""


class PermanentTaskError(TaskError):
    """The same task would fail again: wrong data, wrong parameters, an unsupported format."""

    default_code = "TASK_FAILED"


class TransientError(TaskError):
    """The same task may well succeed later: a timeout, a lost connection, a busy service."""

    default_code = "TRANSIENT"


class TaskCancelled(TaskError):
    """The task was told to stop, or its lease went to another attempt."""

    default_code = "CANCELLED"


class ContractViolation(AppError):
    """Our own code broke a promise. A bug: never retried, always reported."""

    default_code = "CONTRACT_VIOLATION"
