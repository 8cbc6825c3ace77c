"""Errors of the serving libraries, in the one shape of `triggers.problems`.

Each app brings a table from its library's exceptions to a `Failure`; what no table knows is a bug and is
answered as one. The words of an exception reach a client in 4xx answers alone, where a table says so.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from core.errors import AppError
from triggers.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem, document_of, problem_of
from triggers.serving.freshness import REVALIDATE, NotModified

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """What the client is told about an exception. Without a `detail` it is told the exception's own words."""

    status: int
    code: str
    detail: str = ""
    remedy: str = ""

    def problem(self, exc: Exception) -> Problem:
        """The failure as a problem."""
        words = self.detail or str(exc)[:500] or self.code
        return Problem(self.status, self.code, words, type(exc).__name__, self.remedy, {})


Failures = Mapping[type[Exception], Failure]
UNAVAILABLE = Failure(503, "DB_UNAVAILABLE", "The database does not answer.", "Try again in some seconds.")
_REPUBLISHED = Failure(503, "DATASET_CHANGED", "The dataset was published anew just now.", "Ask again.")
_TOO_SLOW = Failure(
    503, "QUERY_TIMEOUT", "The answer took too long.", "Ask for a smaller area or fewer features."
)
_BAD_FILTER = Failure(400, "INVALID_FILTER", "The filter does not fit the columns.", "See the queryables.")
_NO_PLACE = Failure(
    400,
    "INVALID_FILTER",
    "A geometry of the filter cannot be compared with those of the collection.",
    "Geometries are in degrees, longitude first, near the extent of the collection.",
)
_HTTP_CODES = {
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


def add_failure_handlers(app: FastAPI, table: Failures, *, invalid_status: int = 422) -> None:
    """Make `app` answer its library's errors, the database's and the framework's in the one shape.

    `invalid_status` is what the app's standard asks for when a parameter is wrong: OGC and STAC say 400.
    """

    def handle(kind: type[Exception], problem: Callable[[Any], Problem]) -> None:
        def handler(request: Request, exc: Exception) -> Response:
            told = _NO_PLACE.problem(exc) if _is_of_filter(request, exc) else problem(exc)
            return problem_answer(
                replace(told, status=invalid_status) if told.status == 422 else told, request.scope
            )

        app.add_exception_handler(kind, handler)

    app.add_exception_handler(NotModified, _not_modified)
    for kind, failure in table.items():
        handle(kind, failure.problem)
    for lost in (OSError, TimeoutError, asyncpg.InterfaceError):
        handle(lost, UNAVAILABLE.problem)
    handle(asyncpg.PostgresError, _sql_problem)
    handle(RequestValidationError, _invalid_parameters)
    handle(HTTPException, _http_problem)
    handle(AppError, problem_of)


def problem_answer(problem: Problem, scope: Scope) -> Response:
    """The answer; 5xx are logged with the id that the client is told."""
    error_id = uuid.uuid4().hex
    if problem.status >= 500:
        details = {
            "action": "serving_failed",
            "code": problem.code,
            "error_id": error_id,
            "path": scope["path"],
        }
        LOG.error("a serving request failed", extra=details, exc_info=True)
    headers = {"cache-control": "no-store"}
    if problem.is_retryable:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    document = document_of(problem, instance=scope["path"], error_id=error_id)
    # `code` and `description` are what OGC and STAC clients look for.
    body = {**document, "description": problem.detail}
    return JSONResponse(body, problem.status, headers, media_type=MEDIA_TYPE)


async def answer_unforeseen(exc: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to an exception that no table knows."""
    await problem_answer(problem_of(exc), scope)(scope, receive, send)


async def answer_no_such_path(scope: Scope, receive: Receive, send: Send) -> None:
    """The answer to a path that no app has."""
    problem = Problem(404, "NOT_FOUND", "There is nothing at this address.", "NotFound", "", {})
    await problem_answer(problem, scope)(scope, receive, send)


def _http_problem(exc: HTTPException) -> Problem:
    if exc.status_code >= 500:
        return problem_of(exc)
    code = _HTTP_CODES.get(exc.status_code, "VALIDATION_ERROR")
    return Problem(exc.status_code, code, str(exc.detail), "HTTPException", "", {})


def _invalid_parameters(exc: RequestValidationError) -> Problem:
    errors = exc.errors()[:20]
    fields = tuple({"loc": ".".join(map(str, error["loc"])), "msg": str(error["msg"])} for error in errors)
    problem = Failure(422, "VALIDATION_ERROR", "A parameter of the request is not valid.").problem(exc)
    return replace(problem, field_errors=fields)


def _sql_problem(exc: asyncpg.PostgresError) -> Problem:
    """By SQLSTATE (PostgreSQL, appendix A): what a client's filter caused is the client's error."""
    state = exc.sqlstate or ""
    if state == "57014":
        return _TOO_SLOW.problem(exc)
    if state == "42P01":
        return _REPUBLISHED.problem(exc)
    if state[:2] in {"22", "42"}:
        return _BAD_FILTER.problem(exc)
    return UNAVAILABLE.problem(exc) if state[:2] in {"08", "53", "57"} else problem_of(exc)


def _is_of_filter(request: Request, exc: Exception) -> bool:
    """Whether PostGIS can do nothing with a filter's geometry, for which it has no SQLSTATE of its own."""
    return "filter" in request.query_params and getattr(exc, "sqlstate", "") == "XX000"


def _not_modified(request: Request, _: Exception) -> Response:
    return Response(status_code=304, headers={"etag": request.state.etag, "cache-control": REVALIDATE})
