"""A failed request tried again with other options: as the next revision, once, whoever asks how often."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from core.control import RetryScope
from core.errors import Conflict, InvalidRequest
from geo_platform.retrying import RetryWish
from geo_platform.router import Retried
from tests.integration.platform.platform_under_test import PlatformUnderTest
from tests.integration.platform.test_http import client_of, content
from tests.integration.platform.test_retrying import failed_at
from tests.unit.platform.problem_shape import problem

POINTS: dict[str, Any] = {"exports": ["gpkg"]}


def renew(hub: PlatformUnderTest, request_id: str, options: dict[str, Any] = POINTS, **wish: Any) -> Retried:
    return hub.router.retry(request_id, RetryWish(options=options, **wish))


def test_options_make_the_next_revision(hub: PlatformUnderTest) -> None:
    request_id = failed_at(hub, 1)
    retried = renew(hub, request_id, scope=RetryScope.ALL)
    answer = retried.answer
    assert (retried.replayed, answer.revision, answer.scope, answer.status) == (False, 2, "all", "accepted")
    assert answer.request_id != request_id
    assert answer.status_url.endswith(f"/api/platform/status/{answer.request_id}")
    assert {link.rel: link.href[-32:] for link in answer.links}["predecessor-version"] == request_id
    assert answer.job_id == hub.job_of(answer.request_id, 0)
    config = hub.value(
        "SELECT processing_config FROM platform.requests WHERE request_id = %(id)s", id=answer.request_id
    )
    assert config["exports"] == ["gpkg"]
    hub.run_chain(answer.request_id)
    assert hub.router.status(request_id).status == "failed"
    assert hub.router.status(answer.dataset_key).status == "completed"


def test_options_are_laid_over_those_of_the_request(hub: PlatformUnderTest) -> None:
    given = {"layer": "a", "max_failed_fraction": 0.5}
    request_id = hub.submit(processing_config=given).answer.request_id
    hub.end_job(hub.job_of(request_id, 0), status="failed", error={"code": "X", "message": "x"})
    hub.completion.on_job_terminal(hub.job_of(request_id, 0))
    answer = renew(hub, request_id, {"layer": None, "exports": ["csv"]}).answer
    stored = hub.value(
        "SELECT original_request FROM platform.requests WHERE request_id = %(id)s", id=answer.request_id
    )
    assert stored["processing_config"] == {"max_failed_fraction": 0.5, "exports": ["csv"]}


def test_the_same_wish_again_is_answered_with_what_came_of_it(hub: PlatformUnderTest) -> None:
    request_id = failed_at(hub, 0)
    barrier = Barrier(4)

    def ask() -> Retried:
        barrier.wait()
        return renew(hub, request_id)

    with ThreadPoolExecutor(4) as pool:
        asked = [each.result() for each in [pool.submit(ask) for _ in range(4)]]
    assert sorted(each.replayed for each in asked) == [False, True, True, True]
    assert len({each.answer.request_id for each in asked}) == 1
    assert renew(hub, request_id).answer.status == "pending"
    with pytest.raises(Conflict) as caught:
        renew(hub, request_id, {"exports": ["csv"]})
    assert caught.value.code == "NOT_RETRYABLE"
    assert hub.value("SELECT count(*) FROM platform.requests") == 2


@pytest.mark.parametrize(
    ("options", "wish", "code", "loc"),
    [
        ({"exprots": ["gpkg"]}, {}, "UNKNOWN_FIELD", "processing_config.exprots"),
        (POINTS, {"scope": RetryScope.STAGE}, "CONFLICTING_FIELDS", "options"),
        (POINTS, {"from_stage": 1}, "CONFLICTING_FIELDS", "options"),
    ],
)
def test_options_that_cannot_be_taken_change_nothing(
    hub: PlatformUnderTest, options: dict[str, Any], wish: dict[str, Any], code: str, loc: str
) -> None:
    request_id = failed_at(hub, 0)
    with pytest.raises(InvalidRequest) as caught:
        renew(hub, request_id, options, **wish)
    assert (caught.value.code, caught.value.field_errors[0]["loc"]) == (code, loc)
    assert hub.value("SELECT count(*) FROM platform.requests") == 1


def test_what_has_not_failed_is_not_tried_with_other_options(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    for code in ("NOT_RETRYABLE", "NOTHING_TO_RETRY"):
        with pytest.raises(Conflict) as caught:
            renew(hub, request_id)
        assert caught.value.code == code
        if code == "NOT_RETRYABLE":
            hub.run_chain(request_id)


@pytest.mark.parametrize("route", ["api/platform/resubmit", "platform/resubmit"])
def test_a_request_is_named_in_the_body_as_well(hub: PlatformUnderTest, route: str) -> None:
    request_id = failed_at(hub, 0)
    client = client_of(hub)
    problem(client.call("POST", route, body={}), status=422, code="VALIDATION_ERROR")
    problem(client.call("POST", route, body={"request_id": "0" * 32}), status=404, code="REQUEST_NOT_FOUND")
    body = {"request_id": f"plt_{request_id}", "options": POINTS}
    first = client.call("POST", route, body=body)
    assert first.headers["Location"] == content(first, 202)["status_url"]
    again = client.call("POST", route, body=body)
    assert content(again, 200)["request_id"] == content(first, 202)["request_id"]
    assert again.headers["Idempotent-Replay"] == "true"


def test_a_retry_is_told_from_which_stage(hub: PlatformUnderTest) -> None:
    request_id = failed_at(hub, 0)
    route = "api/platform/requests/{id}/retry"

    def post(**body: Any) -> Any:
        return client_of(hub).call("POST", route, body=body, route_params={"id": request_id})

    shown = problem(post(from_stage="polish"), status=422, code="VALIDATION_ERROR")
    assert shown["field_errors"][0]["hint"] == "Stages: 1 prepare, 2 upload, 3 finish."
    problem(post(from_stage=True), status=422, code="VALIDATION_ERROR")
    problem(post(from_stage=1, scope="all"), status=422, code="CONFLICTING_FIELDS")
    assert json.loads(post(from_stage=1).get_body())["scope"] == "stage"
    assert problem(post(), status=409, code="NOT_RETRYABLE")["request_id"] == request_id
