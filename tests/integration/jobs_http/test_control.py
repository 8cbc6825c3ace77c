"""Stopping jobs and running them again over HTTP."""

import json
from typing import Any

import pytest

from core.errors import PermanentTaskError
from core.models.job import JobStatus
from tests.integration.engine.machine_under_test import Number
from tests.integration.jobs_http.jobs_client import BASE, JobsClient, client_on
from tests.unit.platform.problem_shape import problem
from tools.stack.database import DatabaseUrls


def accepted(client: JobsClient, url: str, body: Any = None) -> dict[str, Any]:
    response = client.call("POST", url, body=body)
    assert response.status_code == 202, response.get_body()
    answer: dict[str, Any] = json.loads(response.get_body())
    assert answer["status_url"] == response.headers["Location"] == f"{BASE}/api/jobs/{answer['job_id']}"
    return answer


@pytest.mark.parametrize(("body", "message"), [(None, "."), ({"reason": "too big"}, "too big")])
def test_a_job_is_cancelled_once(client: JobsClient, body: Any, message: str) -> None:
    job_id = client.engine.submit(2, 1, 1)
    assert accepted(client, f"/api/jobs/{job_id}/cancel", body)["status"] == "cancelled"
    client.engine.run()
    job = client.json(f"/api/jobs/{job_id}")
    assert (job["status"], job["ogc_status"], job["error"]["code"]) == ("cancelled", "dismissed", "CANCELLED")
    assert job["error"]["message"].endswith(message)
    again = client.call("POST", f"/api/jobs/{job_id}/cancel")
    problem(again, status=409, code="ALREADY_TERMINAL")
    problem(client.call("DELETE", f"/api/jobs/{job_id}"), status=409, code="ALREADY_TERMINAL")


def test_dismissing_answers_with_the_status(client: JobsClient) -> None:
    job_id = client.engine.submit(1, 1, 1)
    response = client.call("DELETE", f"/api/jobs/{job_id}")
    body = json.loads(response.get_body())
    assert (response.status_code, body["jobID"], body["ogc_status"]) == (200, job_id, "dismissed")
    assert client.engine.job(job_id).status is JobStatus.CANCELLED


@pytest.mark.parametrize(("scope", "tasks"), [(None, 1), ("failed_tasks", 1), ("stage", 3), ("all", 0)])
def test_a_failed_job_is_retried(database_urls: DatabaseUrls, scope: str | None, tasks: int) -> None:
    broken = {2}

    def handle(parameters: Number, context: None) -> Number:
        if parameters.n in broken:
            raise PermanentTaskError("broken", code="TEST_FAILURE")
        return parameters

    with client_on(database_urls, handler=handle) as client:
        job_id = client.engine.submit(3, 1, 1)
        client.engine.run()
        assert client.engine.job(job_id).status is JobStatus.FAILED
        broken.clear()
        answer = accepted(client, f"/api/jobs/{job_id}/retry", None if scope is None else {"scope": scope})
        assert (answer["scope"], answer["tasks"]) == (scope or "failed_tasks", tasks)
        client.engine.run()
        assert client.engine.job(job_id).status is JobStatus.COMPLETED
        problem(client.call("POST", f"/api/jobs/{job_id}/retry"), status=409, code="NOT_RETRYABLE")


def test_one_task_is_retried(database_urls: DatabaseUrls) -> None:
    broken = {0}

    def handle(parameters: Number, context: None) -> Number:
        if parameters.n in broken:
            raise PermanentTaskError("broken", code="TEST_FAILURE")
        return parameters

    with client_on(database_urls, handler=handle) as client:
        job_id = client.engine.submit(1, 1, 0)
        client.engine.run()
        broken.clear()
        task_id = f"{job_id[:32]}-1-0"
        answer = accepted(client, f"/api/jobs/{job_id}/tasks/{task_id}/retry")
        assert client.json(answer["task_url"])["status"] == "pending_queue"
        client.engine.run()
        assert client.engine.job(job_id).status is JobStatus.COMPLETED
        again = client.call("POST", f"/api/jobs/{job_id}/tasks/{task_id}/retry")
        problem(again, status=409, code="NOT_RETRYABLE")
        other = client.call("POST", f"/api/jobs/{job_id}/tasks/none/retry")
        problem(other, status=404, code="TASK_NOT_FOUND")


@pytest.mark.parametrize("action", ["cancel", "retry", "tasks/a/retry"])
@pytest.mark.parametrize("job_id", ["none", "a%00b"])
def test_what_does_not_exist_is_not_changed(client: JobsClient, action: str, job_id: str) -> None:
    problem(client.call("POST", f"/api/jobs/{job_id}/{action}"), status=404, code="JOB_NOT_FOUND")


@pytest.mark.parametrize(
    ("action", "body", "code", "field"),
    [
        ("cancel", {"reason": 1}, "VALIDATION_ERROR", "reason"),
        ("cancel", {"why": "x"}, "UNKNOWN_FIELD", "why"),
        ("cancel", {"reason": "x" * 501}, "VALIDATION_ERROR", "reason"),
        ("retry", {"scope": "everything"}, "VALIDATION_ERROR", "scope"),
        ("resubmit", {"from_stag": 1}, "UNKNOWN_FIELD", "from_stag"),
        ("resubmit", {"from_stage": 1, "scope": "all"}, "CONFLICTING_FIELDS", "from_stage"),
        ("retry", ["stage"], "VALIDATION_ERROR", ""),
    ],
)
def test_a_wrong_body_is_refused(client: JobsClient, action: str, body: Any, code: str, field: str) -> None:
    job_id = client.engine.submit(1, 1, 1)
    response = client.call("POST", f"/api/jobs/{job_id}/{action}", body=body)
    refusal = problem(response, status=422, code=code)
    assert [entry["loc"] for entry in refusal["field_errors"]] == [field]
    assert client.engine.job(job_id).status is JobStatus.QUEUED
