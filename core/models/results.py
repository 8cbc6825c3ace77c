"""Results and errors as they are stored and shown."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from core.errors import AppError, TransientError, Unavailable


class ErrorClass(StrEnum):
    """What an error says about trying again."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"

    @property
    def is_retryable(self) -> bool:
        """Unknown errors count as transient, under the same cap on attempts."""
        return self is not ErrorClass.PERMANENT


class ErrorDetail(BaseModel):
    """An error as it is stored in `error` columns and shown to clients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    message: str
    remedy: str = ""
    error_class: ErrorClass = ErrorClass.PERMANENT
    context: dict[str, Any] = Field(default_factory=dict)
    job_id: str | None = None
    stage: int | None = None
    task_id: str | None = None

    @classmethod
    def of(cls, exc: BaseException, **where: Any) -> "ErrorDetail":
        """The detail of an exception; the text of a foreign exception stays in the log, not here."""
        if isinstance(exc, AppError):
            passing = isinstance(exc, TransientError | Unavailable)
            kind = ErrorClass.TRANSIENT if passing else ErrorClass.PERMANENT
            return cls(
                code=exc.code,
                message=exc.message,
                remedy=exc.remedy,
                error_class=kind,
                context=dict(exc.context),
                **where,
            )
        return cls(
            code="UNEXPECTED_ERROR",
            message=f"An unexpected {type(exc).__name__} stopped the work.",
            remedy="Try again; if it persists, give support the ids of the job and task.",
            error_class=ErrorClass.UNKNOWN,
            **where,
        )
