"""The Platform over HTTP: submit, status, list, retry, report. Parse, call one use-case, render."""

from collections.abc import Callable
from typing import Protocol

import azure.functions as func

from geo_platform.models import StatusAnswer
from geo_platform.retrying import RetryWish
from geo_platform.router import PlatformRouter
from geo_platform.states import DATA_TYPE_ALIASES, DataType, RequestStatus
from infrastructure.repositories.requests import RequestFilter
from triggers.http import (
    body_of,
    choice,
    conditional_answer,
    conditional_text,
    flag,
    json_answer,
    json_body,
    moment,
    number,
    optional_body,
    text_of,
)
from triggers.problems import answers
from triggers.reporting.negotiation import wanted_form
from triggers.reporting.page import report_page
from triggers.retry_bodies import RequestRetryBody, ResubmitBody

_POLL_SECONDS = 2
_MAX_PAGE = 200
_MAX_SUBMISSION_BYTES = 4 * 1024**2  # ten thousand blobs by name
_BY_ACCEPT = {"Vary": "Accept"}
Handler = Callable[[func.HttpRequest], func.HttpResponse]


class PlatformApplication(Protocol):
    """What these triggers need of the application."""

    @property
    def platform(self) -> PlatformRouter: ...


def platform_blueprint(app: PlatformApplication) -> func.Blueprint:
    """The routes; every `/platform/...` exists with and without the `/api` prefix."""
    blueprint = func.Blueprint()
    for name, route, method, handler in (
        ("platform_submit", "api/platform/submit", "POST", _submit(app)),
        ("platform_submit_unprefixed", "platform/submit", "POST", _submit(app)),
        ("platform_status", "api/platform/status/{id}", "GET", _status(app)),
        ("platform_status_unprefixed", "platform/status/{id}", "GET", _status(app)),
        ("platform_status_short", "api/status/{id}", "GET", _status(app)),
        ("platform_requests", "api/platform/status", "GET", _requests(app)),
        ("platform_requests_unprefixed", "platform/status", "GET", _requests(app)),
        ("platform_requests_listed", "api/platform/requests", "GET", _requests(app)),
        ("platform_requests_listed_unprefixed", "platform/requests", "GET", _requests(app)),
        ("platform_retry", "api/platform/requests/{id}/retry", "POST", _retry(app)),
        ("platform_retry_unprefixed", "platform/requests/{id}/retry", "POST", _retry(app)),
        ("platform_resubmit", "api/platform/resubmit", "POST", _resubmit(app)),
        ("platform_resubmit_unprefixed", "platform/resubmit", "POST", _resubmit(app)),
        ("platform_report", "api/platform/requests/{id}/report", "GET", _report(app)),
        ("platform_report_unprefixed", "platform/requests/{id}/report", "GET", _report(app)),
    ):
        blueprint.function_name(name)(blueprint.route(route=route, methods=[method])(handler))
    return blueprint


def _submit(app: PlatformApplication) -> Handler:
    @answers
    def platform_submit(req: func.HttpRequest) -> func.HttpResponse:
        body = json_body(req, max_bytes=_MAX_SUBMISSION_BYTES)
        retry_failed = flag(req, "retry_failed")
        if flag(req, "dry_run"):
            return json_answer(app.platform.plan(body, retry_failed=retry_failed))
        submitted = app.platform.submit(body, retry_failed=retry_failed)
        headers = {"Location": submitted.answer.status_url}
        if submitted.replayed:
            return json_answer(submitted.answer, headers={**headers, "Idempotent-Replay": "true"})
        return json_answer(
            submitted.answer, status=202, headers={**headers, "Retry-After": str(_POLL_SECONDS)}
        )

    return platform_submit


def _status(app: PlatformApplication) -> Handler:
    @answers
    def platform_status(req: func.HttpRequest) -> func.HttpResponse:
        answer = app.platform.status(req.route_params.get("id", ""))
        return conditional_answer(req, answer, headers=_poll_hint(answer))

    return platform_status


def _retry(app: PlatformApplication) -> Handler:
    @answers
    def platform_retry(req: func.HttpRequest) -> func.HttpResponse:
        body = optional_body(req, RequestRetryBody)
        return _retried(app, req.route_params.get("id", ""), body.wish)

    return platform_retry


def _resubmit(app: PlatformApplication) -> Handler:
    @answers
    def platform_resubmit(req: func.HttpRequest) -> func.HttpResponse:
        body = body_of(req, ResubmitBody)
        return _retried(app, body.request_id, body.wish)

    return platform_resubmit


def _retried(app: PlatformApplication, identifier: str, wish: RetryWish) -> func.HttpResponse:
    retried = app.platform.retry(identifier, wish)
    headers = {"Location": retried.answer.status_url}
    if retried.replayed:
        return json_answer(retried.answer, headers={**headers, "Idempotent-Replay": "true"})
    return json_answer(retried.answer, status=202, headers={**headers, "Retry-After": str(_POLL_SECONDS)})


def _report(app: PlatformApplication) -> Handler:
    @answers
    def platform_report(req: func.HttpRequest) -> func.HttpResponse:
        form, identifier = wanted_form(req), req.route_params.get("id", "")
        report = app.platform.report(identifier)
        if form == "json":
            return conditional_answer(req, report, headers=_BY_ACCEPT)
        page = report_page(report, app.platform.status(identifier))
        return conditional_text(req, page.html, mimetype="text/html", headers={**_BY_ACCEPT, **page.headers})

    return platform_report


def _poll_hint(answer: StatusAnswer) -> dict[str, str]:
    return {} if answer.status.is_terminal else {"Retry-After": str(_POLL_SECONDS)}


def _requests(app: PlatformApplication) -> Handler:
    @answers
    def platform_requests(req: func.HttpRequest) -> func.HttpResponse:
        page = app.platform.requests(
            _filter(req),
            cursor=req.params.get("cursor"),
            limit=number(req, "limit", default=50, least=1, most=_MAX_PAGE),
        )
        return json_answer(page)

    return platform_requests


def _filter(req: func.HttpRequest) -> RequestFilter:
    return RequestFilter(
        status=choice(req, "status", list(RequestStatus)),
        client_id=text_of(req, "client"),
        request_type=_data_type(req),
        since=moment(req, "since"),
        until=moment(req, "until"),
        text=text_of(req, "q"),
    )


def _data_type(req: func.HttpRequest) -> str | None:
    named = choice(req, "data_type", [*DataType, *DATA_TYPE_ALIASES])
    return DATA_TYPE_ALIASES.get(named, named) if named else None
