"""What handlers log is kept by attempt, and nothing is written for those that say nothing."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import TransientError
from core.task_log import LogEntry, install
from infrastructure.repositories.task_logs import TaskLogRepository
from tests.integration.engine.machine_under_test import Number
from tests.integration.jobs_http.jobs_client import JobsClient, client_on
from tests.unit.platform.problem_shape import problem
from tools.stack.database import DatabaseUrls

LOG = logging.getLogger("services.test")


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.INFO)
    handler = install("an-app")
    yield
    root.removeHandler(handler)
    root.setLevel(before)


def handle(parameters: Number, context: None) -> Number:
    """Task 1 says something and fails at first; the others are silent."""
    if parameters.n == 1:
        attempt = len(_seen)
        _seen.append(attempt)
        LOG.info("attempt %d begins", attempt, extra={"action": "begun", "band_count": 3, "path": "/secret"})
        if attempt == 0:
            LOG.warning("a connection was lost")
            raise TransientError("again")
    return parameters


_seen: list[int] = []


def run(client: JobsClient) -> tuple[str, str]:
    _seen.clear()
    job_id = client.engine.submit(3, 0, 0)
    client.engine.run()
    return job_id, f"/api/jobs/{job_id}/tasks/{job_id[:32]}-1-1/logs"


def lines(answer: dict[str, Any]) -> list[tuple[int, int, str, str]]:
    return [(row["attempt"], row["seq"], row["level"], row["message"]) for row in answer["logs"]]


def test_the_log_of_a_task_by_attempt(database_urls: DatabaseUrls) -> None:
    with client_on(database_urls, handler=handle) as client:
        _, url = run(client)
        answer = client.json(url)
        assert lines(answer) == [
            (1, 1, "INFO", "attempt 0 begins"),
            (1, 2, "WARNING", "a connection was lost"),
            (2, 1, "INFO", "attempt 1 begins"),
        ]
        assert answer["logs"][0]["fields"] == {"action": "begun", "band_count": 3}
        assert "T" in answer["logs"][0]["at"]
        assert lines(client.json(f"{url}?attempt=2")) == lines(answer)[2:]
        assert lines(client.json(f"{url}?level=WARNING")) == lines(answer)[1:2]
        first = client.json(f"{url}?limit=2")
        assert lines(first) + lines(client.json(first["next"])) == lines(answer)
        problem(client.get(f"{url}?level=loud"), status=422, code="VALIDATION_ERROR")


def test_silent_handlers_write_nothing(database_urls: DatabaseUrls) -> None:
    with client_on(database_urls, handler=handle) as client:
        job_id, _ = run(client)
        assert client.engine.rows("SELECT DISTINCT task_id FROM app.task_logs") == [
            {"task_id": f"{job_id[:32]}-1-1"}
        ]
        assert client.json(f"/api/jobs/{job_id}/tasks/{job_id[:32]}-1-0/logs")["logs"] == []


def test_a_log_goes_with_its_task_and_is_stored_once(client: JobsClient) -> None:
    logs = TaskLogRepository(client.engine.database)
    entry = LogEntry(1, datetime.now(UTC), "INFO", "x", {"action": "a", "n": 1.5, "none": None})
    logs.store("no such task", 1, [entry])
    job_id = client.engine.submit(1, 0, 0)
    client.engine.run()
    for _ in range(2):
        logs.store(f"{job_id[:32]}-1-0", 1, [entry])
    assert client.engine.rows("SELECT count(*) AS n FROM app.task_logs") == [{"n": 1}]
    client.engine.rows("DELETE FROM app.stages")
    assert client.engine.rows("SELECT count(*) AS n FROM app.task_logs") == [{"n": 0}]
