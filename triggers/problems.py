"""Every error that leaves over HTTP: one table from exceptions to status codes, one shape.

The shape is RFC 9457 (`application/problem+json`) with the contract's additions. A 5xx answer never
shows the text of an exception that is not ours: it has a code and an `error_id`, the log has the rest.
"""

import functools
import inspect
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import azure.functions as func

from core.errors import (
    AppError,
    Conflict,
    InvalidRequest,
    NotFound,
    PermanentTaskError,
    TransientError,
    Unavailable,
)

LOG = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

# What a class means, unless its code says more. The first that fits counts.
_STATUS_OF_CLASS: tuple[tuple[type[AppError], int], ...] = (
    (InvalidRequest, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Unavailable, 503),
    (TransientError, 503),
    (PermanentTaskError, 422),
)
_STATUS_OF_CODE: Mapping[str, int] = MappingProxyType(
    {
        "MALFORMED_JSON": 400,
        "METHOD_NOT_ALLOWED": 405,
        "NOT_ACCEPTABLE": 406,
        "BODY_TOO_LARGE": 413,
        "SOURCE_TOO_LARGE": 413,
        "UNSUPPORTED_MEDIA_TYPE": 415,
        "UNSUPPORTED_FORMAT": 415,
        "RANGE_NOT_SATISFIABLE": 416,
        "GONE": 410,
        "PRECONDITION_FAILED": 412,
    }
)
_DATA_CODES = frozenset(
    {"SOURCE_NOT_FOUND", "SOURCE_TOO_LARGE", "SOURCE_INVALID", "SOURCE_FORBIDDEN", "UNSUPPORTED_FORMAT"}
)
_INTERNAL_REMEDY = "Try again; if it persists, give support the error_id."
_LATER_REMEDY = "Try again in some seconds."
_REQUEST_REMEDY = "Correct the request; GET /api/openapi.json describes the paths and parameters."


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as it is told to a client."""

    status: int
    code: str
    detail: str
    error_type: str
    remediation: str
    context: Mapping[str, Any]
    field_errors: tuple[Mapping[str, str], ...] = ()
    links: tuple[Mapping[str, str], ...] = ()

    @property
    def category(self) -> str:
        """Who can do something about it."""
        if self.status in (401, 403, 429):
            return "auth"
        if self.code in ("CONFIG_ERROR", "NO_LISTENER_FOR_QUEUE"):
            return "config"
        if self.status >= 500:
            return "system"
        return "data" if self.code in _DATA_CODES else "request"

    @property
    def is_retryable(self) -> bool:
        """True when the same request may succeed later."""
        return self.status in (429, 503, 504)


def problem_of(exc: BaseException) -> Problem:
    """The problem that an exception is, by the table above; 500 for what is not in it."""
    if isinstance(exc, AppError) and (status := _status_of(exc)) is not None:
        return Problem(
            status=status,
            code=exc.code,
            detail=exc.message,
            error_type=type(exc).__name__,
            remediation=exc.remedy,
            context=exc.context,
            field_errors=tuple(getattr(exc, "field_errors", ())),
            links=tuple(getattr(exc, "links", ())),
        )
    return Problem(
        status=500,
        code=exc.code if isinstance(exc, AppError) else "INTERNAL",
        detail="Something went wrong on our side.",
        error_type="InternalError",
        remediation=_INTERNAL_REMEDY,
        context={},
    )


def _status_of(exc: AppError) -> int | None:
    if exc.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[exc.code]
    return next((status for kind, status in _STATUS_OF_CLASS if isinstance(exc, kind)), None)


def document_of(problem: Problem, *, instance: str, error_id: str) -> dict[str, Any]:
    """The body of an error: every key is always there. `error` repeats `detail` for S1's clients."""
    context = dict(problem.context)
    return {
        "type": "about:blank",  # RFC 9457, 4.2.1: the title is the status phrase, `code` tells them apart
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
        "error": problem.detail,
        "error_type": problem.error_type,
        "code": problem.code,
        "category": problem.category,
        "retryable": problem.is_retryable,
        "remediation": problem.remediation or _usual_remedy(problem),
        "field_errors": [_field_error(entry, code=problem.code) for entry in problem.field_errors],
        "job": context.pop("job", None),
        "offending": list(context.pop("offending", ()))[:20],
        "error_id": error_id,
        "request_id": context.pop("request_id", None),
        "context": context,
        "links": [dict(link) for link in problem.links],
    }


def _usual_remedy(problem: Problem) -> str:
    if problem.is_retryable:
        return _LATER_REMEDY
    return _INTERNAL_REMEDY if problem.status >= 500 else _REQUEST_REMEDY


def _field_error(entry: Mapping[str, str], *, code: str) -> dict[str, str]:
    return {"loc": "", "msg": "", "hint": "", "code": code, **entry}


def problem_response(exc: BaseException, *, instance: str) -> func.HttpResponse:
    """The answer to a request that ended in `exc`; a 5xx is logged with its `error_id`."""
    problem, error_id = problem_of(exc), uuid.uuid4().hex
    where = {"action": "http_problem", "error_id": error_id, "code": problem.code, "instance": instance}
    if problem.status == 500:
        LOG.error("a request failed", extra=where, exc_info=exc)
    else:
        LOG.info("a request was refused", extra=where)
    return func.HttpResponse(
        json.dumps(document_of(problem, instance=instance, error_id=error_id), default=str),
        status_code=problem.status,
        mimetype=MEDIA_TYPE,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)} if problem.is_retryable else {},
    )


HttpHandler = TypeVar("HttpHandler", bound=Callable[..., Any])


def answers(handler: HttpHandler) -> HttpHandler:
    """Decorator of every HTTP function: whatever it raises becomes an answer in the one shape.

    The function takes the request as `req`, by position or by name, as the Functions worker calls it.
    """

    @functools.wraps(handler)
    def sync(req: func.HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return handler(req, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - the entry point: everything becomes an answer here
            return problem_response(exc, instance=urlsplit(req.url).path)

    @functools.wraps(handler)
    async def on_the_loop(req: func.HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return await handler(req, *args, **kwargs)
        except Exception as exc:  # noqa: BLE001 - as above
            return problem_response(exc, instance=urlsplit(req.url).path)

    return cast("HttpHandler", on_the_loop if inspect.iscoroutinefunction(handler) else sync)
