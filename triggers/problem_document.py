"""The one shape of errors as a model: what `triggers.problems` writes and the API description shows."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldError(_Part):
    """One field of the request that is wrong, and perhaps what was meant."""

    loc: str
    msg: str
    hint: str
    code: str


class ProblemJob(_Part):
    """Where in a job it went wrong."""

    stage: int | None
    task: str


class Offending(_Part):
    """One of the things that are wrong: a feature, a band, a file."""

    kind: str
    id: str
    reason: str


class ProblemLink(_Part):
    """Where to look or to go on."""

    rel: str
    href: str


class ProblemDocument(_Part):
    """An error (RFC 9457 with additions). Branch on `code`; `error` repeats `detail`."""

    type: Literal["about:blank"]
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str
    error: str
    error_type: str
    code: str
    category: Literal["request", "auth", "data", "system", "config"]
    retryable: bool
    remediation: str
    field_errors: tuple[FieldError, ...]
    job: ProblemJob | None
    offending: tuple[Offending, ...] = Field(max_length=20)
    error_id: str
    request_id: str | None
    context: dict[str, Any]
    links: tuple[ProblemLink, ...]
