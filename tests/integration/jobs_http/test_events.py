"""The events of a job: in order, once each, however often a client comes back."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.errors import PermanentTaskError, TransientError
from core.models.stage import BEST_EFFORT, Parallelism, Stage
from tests.integration.engine.machine_under_test import CountingJob, Number
from tests.integration.jobs_http.jobs_client import JobsClient, client_on
from tests.unit.platform.http_requests import request
from tests.unit.platform.problem_shape import problem
from tools.stack.database import DatabaseUrls


def listed(client: JobsClient, url: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.json(url, Accept="application/json")
    return answer


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def flaky() -> Callable[[Number, None], Number]:
    faults = [TransientError("not now", code="BUSY")]

    def handle(parameters: Number, context: None) -> Number:
        if parameters.n == 1 and faults:
            raise faults.pop()
        if parameters.n == 2:
            raise PermanentTaskError("task 2 fails", code="TEST_FAILURE")
        return parameters

    return handle


def test_a_whole_life(database_urls: DatabaseUrls) -> None:
    with client_on(database_urls, handler=flaky()) as client:
        job_id = client.engine.submit(2, 3, 0)
        client.engine.run()
        answer = listed(client, f"/api/jobs/{job_id}/events")
        assert (answer["job_has_ended"], answer["next"]) == (True, None)
        assert kinds(answer["events"]) == [
            "job_created",
            "job_started",
            "stage_opened",
            "task_retried",
            "stage_closed",
            "stage_opened",
            "task_failed",
            "stage_closed",
            "stage_opened",
            "stage_closed",
            "job_completed",
        ]
        failed = answer["events"][6]
        assert (failed["code"], failed["stage"], failed["attempt"]) == ("TEST_FAILURE", 2, 1)
        moments = [event["at"] for event in answer["events"]]
        assert moments == sorted(moments)


class NothingWorks(CountingJob):
    """Every task may fail."""

    stages = tuple(Stage(n, f"s{n}", "count", Parallelism.FAN_OUT, BEST_EFFORT) for n in (1, 2, 3))


def fail(parameters: Number, context: None) -> Number:
    raise PermanentTaskError("it fails", code="TEST_FAILURE")


def test_no_event_is_missed_or_told_twice_while_many_happen_at_once(database_urls: DatabaseUrls) -> None:
    with client_on(database_urls, handler=fail, job=NothingWorks) as client:
        job_id = client.engine.submit(60, 60, 60)
        told: list[dict[str, Any]] = []

        def work() -> None:
            with ThreadPoolExecutor(6) as pool:
                while messages := client.engine.outbox():
                    list(pool.map(client.engine.deliver, messages))

        worker = threading.Thread(target=work)
        worker.start()
        url: str | None = f"/api/jobs/{job_id}/events"
        while url is not None:
            answer = listed(client, url)
            told += answer["events"]
            url = answer["next"]
        worker.join()
        whole = listed(client, f"/api/jobs/{job_id}/events")["events"]
        assert kinds(whole).count("task_failed") == 180
        assert told == whole


def test_ids_stay_and_are_a_place_to_go_on(client: JobsClient) -> None:
    job_id = client.engine.submit(1, 2, 1)
    client.engine.run()
    events = listed(client, f"/api/jobs/{job_id}/events")["events"]
    for position, event in enumerate(events):
        by_query = listed(client, f"/api/jobs/{job_id}/events?after={event['id']}")
        by_header = client.json(
            f"/api/jobs/{job_id}/events?after=0-0-0", Last_Event_ID=event["id"], Accept="application/json"
        )
        assert by_query["events"] == by_header["events"] == events[position + 1 :]


def test_the_stream_is_what_event_source_reads(client: JobsClient) -> None:
    job_id = client.engine.submit(1, 0, 0)
    client.engine.run()
    response = client.get(f"/api/jobs/{job_id}/events", Accept="text/event-stream")
    assert (response.status_code, response.mimetype) == (200, "text/event-stream")
    text = response.get_body().decode()
    assert text.endswith("\n\n")
    first, *blocks = text.rstrip("\n").split("\n\n")
    assert first.startswith("retry: ")
    fields = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    assert [each["event"] for each in fields][-1] == "job_completed"
    for each in fields:
        event = json.loads(each["data"])
        assert (each["id"], each["event"], job_id) == (event["id"], event["event"], event["job_id"])
    end = client.get(f"/api/jobs/{job_id}/events", Last_Event_ID=fields[-1]["id"])
    assert (end.status_code, end.get_body()) == (204, b"")


def test_what_has_just_happened_settles_first(client: JobsClient) -> None:
    """A transaction that commits late could slip an event in before one that was told."""
    job_id = client.engine.submit(1, 0, 0)
    client.engine.rows("UPDATE app.jobs SET created_at = clock_timestamp() + interval '1 hour'")
    young = client.get(f"/api/jobs/{job_id}/events")
    assert young.status_code == 200
    assert "id:" not in young.get_body().decode()
    client.engine.rows("UPDATE app.jobs SET created_at = clock_timestamp() - interval '2 seconds'")
    assert kinds(listed(client, f"/api/jobs/{job_id}/events")["events"]) == ["job_created"]


def test_waiting_ends_with_the_first_event_and_holds_up_nobody(client: JobsClient) -> None:
    job_id = client.engine.submit(1, 0, 0)
    url = f"/api/jobs/{job_id}/events"
    client.engine.rows("UPDATE app.jobs SET created_at = created_at - interval '1 minute'")
    seen = listed(client, url)["next"]
    found = client.routes.match("GET", url)
    assert found
    spec, values = found[0].spec, found[1]
    query = {"after": seen.rpartition("=")[2], "wait": "20"}
    sent = request("GET", url, query=query, route=values, headers={"Accept": "application/json"})

    async def wait() -> tuple[list[Any], int]:
        before = threading.active_count()
        waiting = [asyncio.ensure_future(spec.call(**{spec.argument_name: sent})) for _ in range(30)]
        await asyncio.sleep(0.2)
        threads = threading.active_count() - before
        assert not any(each.done() for each in waiting)
        await asyncio.to_thread(client.engine.control.cancel, job_id)
        return await asyncio.gather(*waiting), threads

    started = time.monotonic()
    responses, threads = asyncio.run(wait())
    assert time.monotonic() - started < 15  # it was told to wait for 20
    assert threads < 15  # far fewer than clients that wait
    for response in responses:
        assert kinds(json.loads(response.get_body())["events"]) == ["job_cancelled"]


def test_waiting_in_vain_ends_in_time(client: JobsClient) -> None:
    job_id = client.engine.submit(1, 0, 0)
    client.engine.rows("UPDATE app.jobs SET created_at = clock_timestamp() + interval '1 hour'")
    answer = listed(client, f"/api/jobs/{job_id}/events?wait=1")
    assert (answer["events"], answer["job_has_ended"]) == ([], False)


@pytest.mark.parametrize("query", ["wait=21", "wait=x", "after=x", "after=1-2", "f=xml"])
def test_a_wrong_question_is_refused(client: JobsClient, query: str) -> None:
    job_id = client.engine.submit(1, 0, 0)
    problem(client.get(f"/api/jobs/{job_id}/events?{query}"), status=422, code="VALIDATION_ERROR")
    answer = client.get(f"/api/jobs/{job_id}/events", Last_Event_ID="nonsense")
    problem(answer, status=422, code="VALIDATION_ERROR")
