"""Errors over HTTP: the right status, one shape, and no word of our insides."""

import asyncio
import inspect

import azure.functions as func
import pytest

from core import errors
from geo_platform.errors import IdentityConflict
from tests.unit.platform.http_requests import request
from tests.unit.platform.problem_shape import problem
from triggers.http import json_body
from triggers.problems import answers

CONFLICT = IdentityConflict(
    "It exists.",
    remedy="Another version_id.",
    context={"request_id": "r"},
    field_errors=[{"loc": "source_path", "msg": "differs"}],
    links=[{"rel": "existing", "href": "https://hub.example/x"}],
)


def respond(exc: Exception) -> func.HttpResponse:
    @answers
    def handler(req: func.HttpRequest) -> func.HttpResponse:
        raise exc

    return handler(request())


@pytest.mark.parametrize(
    ("exc", "status", "code", "category"),
    [
        (errors.InvalidRequest("a"), 422, "VALIDATION_ERROR", "request"),
        (errors.InvalidRequest("a", code="MALFORMED_JSON"), 400, "MALFORMED_JSON", "request"),
        (errors.InvalidRequest("a", code="SOURCE_TOO_LARGE"), 413, "SOURCE_TOO_LARGE", "data"),
        (errors.InvalidRequest("a", code="UNSUPPORTED_FORMAT"), 415, "UNSUPPORTED_FORMAT", "data"),
        (errors.NotFound("a", code="REQUEST_NOT_FOUND"), 404, "REQUEST_NOT_FOUND", "request"),
        (errors.Conflict("a"), 409, "CONFLICT", "request"),
        (CONFLICT, 409, "IDENTITY_CONFLICT", "request"),
        (errors.Unavailable("a", code="DB_UNAVAILABLE"), 503, "DB_UNAVAILABLE", "system"),
        (errors.TransientError("a"), 503, "TRANSIENT", "system"),
        (errors.PermanentTaskError("a", code="CRS_MISSING"), 422, "CRS_MISSING", "request"),
        (errors.ContractViolation("secret"), 500, "CONTRACT_VIOLATION", "system"),
        (RuntimeError("secret"), 500, "INTERNAL", "system"),
        (KeyError("secret"), 500, "INTERNAL", "system"),
    ],
)
def test_every_error_has_its_status_and_the_one_shape(
    exc: Exception, status: int, code: str, category: str
) -> None:
    body = problem(respond(exc), status=status, code=code)
    assert body["category"] == category
    assert body["instance"] == "/api/platform/submit"
    assert "secret" not in str(body)


def test_a_refusal_that_may_pass_says_when_to_come_back() -> None:
    response = respond(errors.Unavailable("a"))
    assert int(response.headers["Retry-After"]) > 0
    assert problem(response, status=503, code="UNAVAILABLE")["retryable"] is True
    assert "Retry-After" not in respond(errors.NotFound("a")).headers


def test_a_conflict_says_what_differs_and_where_to_look() -> None:
    body = problem(respond(CONFLICT), status=409, code="IDENTITY_CONFLICT")
    assert body["request_id"] == "r"
    assert [entry["loc"] for entry in body["field_errors"]] == ["source_path"]
    assert body["links"][0]["rel"] == "existing"


def test_the_decorated_function_still_looks_like_the_worker_wants_it() -> None:
    @answers
    async def handler(req: func.HttpRequest) -> func.HttpResponse:
        raise errors.NotFound("a")

    assert inspect.iscoroutinefunction(handler)
    assert list(inspect.signature(handler).parameters) == ["req"]
    problem(asyncio.run(handler(req=request())), status=404, code="NOT_FOUND")


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 400, "MALFORMED_JSON"),
        (b"{", {}, 400, "MALFORMED_JSON"),
        (b'{"a": NaN}', {}, 400, "MALFORMED_JSON"),
        (b'{"a": 1, "a": 2}', {}, 400, "MALFORMED_JSON"),
        (b'{"a": ["b\\u0000"]}', {}, 400, "MALFORMED_JSON"),
        (b'{"a": "\\ud800"}', {}, 400, "MALFORMED_JSON"),
        (b'{"a": "\xff"}', {}, 400, "MALFORMED_JSON"),
        (b"[" * 100_000, {}, 400, "MALFORMED_JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", {}, 400, "MALFORMED_JSON"),
        (b" " * 300_000, {}, 413, "BODY_TOO_LARGE"),
        (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_a_body_that_is_no_json_is_refused(
    content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    @answers
    def handler(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(str(json_body(req)))

    problem(handler(request(content=content, headers=headers)), status=status, code=code)


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "application/geo+json", "APPLICATION/JSON"]
)
def test_json_by_any_of_its_names_is_read(media_type: str) -> None:
    sent = request(body={"a": "back\\u0000slash ✓"}, headers={"content-type": media_type})
    assert json_body(sent) == {"a": "back\\u0000slash ✓"}
