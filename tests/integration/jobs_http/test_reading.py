"""What jobs, stages and tasks look like over HTTP, page by page."""

import json
import random
from datetime import datetime
from typing import Any

import pytest

from core.errors import PermanentTaskError, TransientError
from core.models.task import TaskStatus, WorkerIdentity
from core.schema.queue import QueueRole
from tests.integration.engine.machine_under_test import QUEUES, Number
from tests.integration.jobs_http.jobs_client import BASE, LEASE, JobsClient, client_on
from tests.unit.platform.problem_shape import problem
from tools.stack.database import DatabaseUrls
from triggers.openapi import openapi_document


def pages(client: JobsClient, url: str, name: str) -> list[Any]:
    """All rows of a list, following `next`."""
    rows = []
    while url:
        answer = client.json(url)
        rows += answer[name]
        assert answer["links"] == ([{"rel": "next", "href": answer["next"]}] if answer["next"] else [])
        url = answer["next"]
    return rows


def test_the_list_of_jobs_goes_on_behind_the_last_one_seen(client: JobsClient) -> None:
    made = [client.engine.submit(n, 0, 0) for n in range(1, 6)]
    first = client.json("/api/jobs?limit=2")
    newer = client.engine.submit(99, 0, 0)  # moves no job to another page
    rest = pages(client, first["next"], "jobs")
    assert [job["job_id"] for job in first["jobs"] + rest] == made[::-1]
    assert newer not in {job["job_id"] for job in rest}
    assert first["next"].startswith(f"{BASE}/api/jobs?limit=2&cursor=")


def test_jobs_of_one_moment_are_all_listed(client: JobsClient) -> None:
    made = [client.engine.submit(n, 0, 0) for n in range(1, 6)]
    client.engine.rows("UPDATE app.jobs SET created_at = '2026-01-02T03:04:05.678901Z'")
    assert [job["job_id"] for job in pages(client, "/api/jobs?limit=2", "jobs")] == sorted(made)


def test_jobs_are_filtered(client: JobsClient) -> None:
    done = client.engine.submit(1, 0, 0)
    client.engine.run()
    waiting = client.engine.jobs.submit("counting", {"counts": [2, 0, 0]}, tenant="b").job_id
    assert [job["job_id"] for job in pages(client, "/api/jobs?status=completed", "jobs")] == [done]
    assert [job["job_id"] for job in pages(client, "/api/jobs?status=queued&tenant=b", "jobs")] == [waiting]
    assert pages(client, "/api/jobs?tenant=c", "jobs") == []
    assert len(pages(client, "/api/jobs?job_type=counting&limit=1", "jobs")) == 2
    assert pages(client, "/api/jobs?job_type=other", "jobs") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=done", "status"),
        ("limit=0", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=WzEsMl0", "cursor"),  # [1,2]: of a list of tasks
        ("cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwgImEiXQ", "cursor"),  # before the first year
        ("tenant=%00", "tenant"),
    ],
)
def test_a_wrong_question_is_refused(client: JobsClient, query: str, field: str) -> None:
    body = problem(client.get(f"/api/jobs?{query}"), status=422, code="VALIDATION_ERROR")
    assert [entry["loc"] for entry in body["field_errors"]] == [field]


@pytest.mark.parametrize(
    "path",
    ["", "/tasks", "/tasks/a", "/tasks/a/logs", "/dag", "/dag?f=svg", "/events", "/events?wait=1"],
)
@pytest.mark.parametrize("job_id", ["none", "a%00b"])
def test_an_unknown_job_is_not_found(client: JobsClient, job_id: str, path: str) -> None:
    problem(client.get(f"/api/jobs/{job_id}{path}"), status=404, code="JOB_NOT_FOUND")


@pytest.mark.parametrize("path", ["", "/logs"])
def test_an_unknown_task_is_not_found(client: JobsClient, path: str) -> None:
    job_id, other = client.engine.submit(1, 0, 0), client.engine.submit(2, 0, 0)
    client.engine.run()
    for task_id in ("none", f"{other[:32]}-1-0", "a%00b"):
        problem(client.get(f"/api/jobs/{job_id}/tasks/{task_id}{path}"), status=404, code="TASK_NOT_FOUND")


def test_a_job_says_where_it_stands(client: JobsClient) -> None:
    job_id = client.engine.submit(1, 3, 1)
    queued = client.json(f"/api/jobs/{job_id}")
    assert (queued["status"], queued["ogc_status"], queued["progress"]) == ("queued", "accepted", 0)
    assert queued["stages"] == []
    client.engine.run()
    job = client.json(f"/api/jobs/{job_id}")
    assert client.json(f"/api/jobs/status/{job_id}") == job
    assert (job["status"], job["ogc_status"], job["progress"]) == ("completed", "successful", 100)
    assert (job["processID"], job["jobID"], job["type"]) == ("counting", job_id, "process")
    assert (job["result"], job["error"], job["holes"]) == ({"sum": 0}, None, [])
    assert [(s["number"], s["name"], s["status"], s["counts"]) for s in job["stages"]] == [
        (1, "plan", "closed", {"completed": 1}),
        (2, "work", "closed", {"completed": 3}),
        (3, "sum", "closed", {"completed": 1}),
    ]
    assert all(stage["duration_seconds"] >= 0 for stage in job["stages"])
    assert job["task_counts"] == {"completed": 5}
    links = {link["rel"]: link["href"] for link in job["links"]}
    assert links == {
        "self": f"{BASE}/api/jobs/{job_id}",
        "tasks": f"{BASE}/api/jobs/{job_id}/tasks",
        "alternate": f"{BASE}/api/jobs/{job_id}/dag?f=svg",
        "monitor": f"{BASE}/api/jobs/{job_id}/events",
    }
    for link in links.values():
        assert client.get(link).status_code == 200
    for moment in ("created", "started", "finished", "updated"):
        assert datetime.fromisoformat(job[moment]).tzinfo is not None


def test_holes_and_errors_are_shown(database_urls: DatabaseUrls) -> None:
    def fail(parameters: Number, context: None) -> Number:
        if parameters.n in (1, 2):
            raise PermanentTaskError(f"task {parameters.n} fails", code="TEST_FAILURE", remedy="None.")
        return parameters

    with client_on(database_urls, handler=fail) as client:
        with_holes, failed = client.engine.submit(1, 4, 1), client.engine.submit(3, 1, 1)
        client.engine.run()
        job = client.json(f"/api/jobs/{with_holes}")
        assert (job["status"], job["progress"], len(job["holes"])) == ("completed", 100, 2)
        job = client.json(f"/api/jobs/{failed}")
        assert (job["status"], job["error"]["code"]) == ("failed", "TEST_FAILURE")
        assert {"rel": "retry", "href": f"{BASE}/api/jobs/{failed}/retry", "method": "POST"} in job["links"]
        found = pages(client, f"/api/jobs/{failed}/tasks?status=failed&stage=1&limit=1", "tasks")
        assert {task["error"]["code"] for task in found} == {"TEST_FAILURE"}
        assert {task["error_type"] for task in found} == {"permanent"}


def test_tasks_are_listed_in_order(client: JobsClient) -> None:
    job_id = client.engine.submit(3, 4, 0)
    client.engine.run()
    places = [
        (t["stage"], t["task_index"]) for t in pages(client, f"/api/jobs/{job_id}/tasks?limit=2", "tasks")
    ]
    assert places == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (2, 3)]
    second = pages(client, f"/api/jobs/{job_id}/tasks?limit=3&stage=2", "tasks")
    assert [task["stage"] for task in second] == [2] * 4
    assert pages(client, f"/api/jobs/{job_id}/tasks?status=failed", "tasks") == []


def test_a_task_says_who_ran_it_and_how_long_it_waited(client: JobsClient) -> None:
    job_id = client.engine.submit(1, 0, 0)
    task_id = f"{job_id[:32]}-1-0"
    client.engine.deliver(client.engine.outbox()[0])
    client.engine.outbox()
    url = f"/api/jobs/{job_id}/tasks/{task_id}"
    waiting = client.json(url)
    assert (waiting["status"], waiting["run_seconds"]) == ("queued", None)
    assert waiting["queue_wait_seconds"] >= 0
    client.engine.rows("UPDATE app.tasks SET created_at = created_at - interval '10 seconds'")
    claimed = client.engine.database.tasks.claim(task_id, WorkerIdentity("an-app", "w", LEASE))
    assert claimed is not None
    client.engine.rows(
        "UPDATE app.tasks SET execution_started_at = execution_started_at - interval '4 seconds'"
    )
    running = client.json(url)
    assert 4 <= running["run_seconds"] < 9
    client.engine.database.tasks.finish(claimed, TaskStatus.COMPLETED, result={"n": 0})
    done = client.json(url)
    assert (done["status"], done["attempt"], done["executed_by_app"]) == ("completed", 1, "an-app")
    assert done["target_queue"] == QUEUES[QueueRole.LEGACY_TASKS]
    assert datetime.fromisoformat(done["execution_started_at"])
    assert 6 <= done["queue_wait_seconds"] < 10 <= done["queue_wait_seconds"] + done["run_seconds"]
    assert (done["parameters"], done["result"]) == ({"n": 0}, {"n": 0})
    assert "worker" not in done  # the name of a machine is nobody's business


def test_progress_never_goes_back_in_whatever_order_tasks_end(database_urls: DatabaseUrls) -> None:
    chance = random.Random(20260101)

    def handle(parameters: Number, context: None) -> Number:
        if chance.random() < 0.2:
            raise TransientError("again")
        if parameters.n in (3, 5):
            raise PermanentTaskError("a hole", code="TEST_FAILURE")
        return parameters

    with client_on(database_urls, handler=handle) as client:
        job_id = client.engine.submit(1, 9, 3)
        seen = [client.json(f"/api/jobs/{job_id}")["progress"]]
        while messages := client.engine.outbox():
            chance.shuffle(messages)
            for message in messages:
                client.engine.deliver(message)
                seen.append(client.json(f"/api/jobs/{job_id}")["progress"])
        # three attempts may all meet bad luck: then the job has failed, and stands where it stood
        status = client.json(f"/api/jobs/{job_id}")["status"]
        assert seen == sorted(seen)
        assert len(set(seen)) > 5
        assert (seen[-1] == 100) is (status == "completed")


def test_the_graph_in_three_languages(client: JobsClient) -> None:
    job_id = client.engine.submit(2, 40, 1)
    client.engine.deliver(client.engine.outbox()[0])
    for message in client.engine.outbox():
        client.engine.deliver(message)
    client.engine.deliver(client.engine.outbox()[0])
    graph = client.json(f"/api/jobs/{job_id}/dag")
    assert [(node["name"], node["state"], node["task_count"]) for node in graph["nodes"]] == [
        ("plan", "completed", 2),
        ("work", "processing", 40),
        ("sum", "waiting", None),
    ]
    assert graph["edges"] == [{"from": 1, "to": 2}, {"from": 2, "to": 3}]
    mermaid = client.get(f"/api/jobs/{job_id}/dag?f=mermaid")
    assert mermaid.mimetype == "text/plain"
    assert mermaid.get_body().decode().startswith("flowchart LR\n")
    svg = client.get(f"/api/jobs/{job_id}/dag?f=svg")
    assert svg.mimetype == "image/svg+xml"
    assert svg.headers["Content-Security-Policy"].startswith("default-src 'none'")
    problem(client.get(f"/api/jobs/{job_id}/dag?f=png"), status=422, code="VALIDATION_ERROR")


def test_the_registries(client: JobsClient) -> None:
    (job_type,) = client.json("/api/job-types")["job_types"]
    assert client.json("/api/job-types/counting") == job_type
    assert job_type["parameters"]["properties"].keys() == {"counts"}
    assert [stage["allowed_failures"] for stage in job_type["stages"]] == [0, 2, 0]
    assert {stage["target_queue"] for stage in job_type["stages"]} == {"geospatial-tasks"}
    problem(client.get("/api/job-types/none"), status=404, code="UNKNOWN_JOB_TYPE")
    (handler,) = client.json("/api/handlers")["handlers"]
    assert (handler["task_type"], handler["queue_role"]) == ("count", "legacy_tasks")
    assert handler["parameters"]["properties"].keys() == handler["result"]["properties"].keys() == {"n"}
    assert handler["job_types"] == ["counting"]
    assert handler["aliases"] == []
    assert json.dumps(handler["time_limit_seconds"])


def test_every_function_is_described(client: JobsClient) -> None:
    paths = openapi_document(BASE)["paths"]
    for route in client.routes.routes:
        template = f"/{route.spec.trigger.route}"
        assert {method.lower() for method in route.methods} <= set(paths[template]), template
