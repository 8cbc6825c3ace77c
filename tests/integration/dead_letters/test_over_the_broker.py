"""Dead letters in the whole stack: from the broker's dead-letter queue to what operators see."""

import time
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import pytest
import requests
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from core.relay import Relay
from core.submission import JobSubmission
from infrastructure.database import Database
from infrastructure.service_bus import ServiceBusAdapter
from jobs.hello_world import HelloWorldJob
from tools.servicebus_broker.engine.inspection import inspect
from tools.stack.stack import Stack

Seen = TypeVar("Seen")


def wait_until(probe: Callable[[], Seen], *, seconds: float = 60) -> Seen:
    deadline = time.monotonic() + seconds
    while not (seen := probe()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return seen


def get(stack: Stack, path: str, **query: int) -> dict[str, Any]:
    answer = requests.get(f"{stack.public_base_url}{path}", params=query, timeout=10)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def send(stack: Stack, queue: str, body: bytes) -> str:
    message_id = uuid.uuid4().hex
    with (
        ServiceBusClient.from_connection_string(stack.broker.connection_string) as client,
        client.get_queue_sender(queue) as sender,
    ):
        sender.send_messages(ServiceBusMessage(body, message_id=message_id))
    return message_id


def bury(stack: Stack, queue: str, *, reason: str) -> None:
    """Take the next message of the queue before the app does, and dead-letter it."""
    with (
        ServiceBusClient.from_connection_string(stack.broker.connection_string) as client,
        client.get_queue_receiver(queue) as receiver,
    ):
        (message,) = receiver.receive_messages(1, max_wait_time=20)
        receiver.dead_letter_message(message, reason=reason, error_description="taken by a test")


def recorded(stack: Stack, queue: str, message_id: str) -> list[dict[str, Any]]:
    letters = get(stack, f"/api/admin/queues/{queue}/dead-letter", limit=200)["dead_letters"]
    return [letter for letter in letters if letter["message_id"] == message_id]


@pytest.mark.parametrize("queue", ["geospatial-jobs", "raster-tasks", "vector-tasks", "geospatial-tasks"])
def test_a_malformed_message_is_recorded_with_its_reason(stack: Stack, queue: str) -> None:
    message_id = send(stack, queue, b'{"message_type": "nonsense"}')
    (letter,) = wait_until(lambda: recorded(stack, queue, message_id))
    assert (letter["reason"], letter["outcome"]) == ("MALFORMED_MESSAGE", "malformed")
    assert "message_type" in letter["description"]
    assert letter["body"] == '{"message_type": "nonsense"}'
    data = stack.state.path / "broker.sqlite"
    assert wait_until(lambda: inspect(data)[queue]["dead_letter"] == 0)


def test_a_job_whose_first_message_dies_goes_on(stack: Stack) -> None:
    """The job is made without the app, so that the test gets its message first."""
    host = stack.part("standalone")
    host.stop()
    try:
        with psycopg.connect(stack.database.urls().admin) as connection:
            # Or the janitor sees that the host is gone, and starts the job before the letter is read.
            connection.execute("DELETE FROM app.listeners")
        job_id = create_job(stack)
        bury(stack, "geospatial-jobs", reason="TESTED")
    finally:
        host.start()
        host.wait_ready()
    (letter,) = wait_until(lambda: about(stack, f"job_submit:{job_id}"))
    assert (letter["reason"], letter["outcome"]) == ("TESTED", "promised_again")
    assert wait_until(lambda: status_of(stack, job_id) == "completed")


def create_job(stack: Stack) -> str:
    with Database(stack.database.urls().app, on_promised=lambda ids: None) as database:
        sender = ServiceBusAdapter(connection_string=stack.broker.connection_string, namespace=None)
        submission = JobSubmission(
            {"hello_world": HelloWorldJob}, database.unit_of_work, require_listeners=lambda job_types: None
        )
        job_id = submission.submit("hello_world", {"n": 1, "name": uuid.uuid4().hex}).job_id
        with psycopg.connect(stack.database.urls().admin) as connection:
            connection.execute("UPDATE app.outbox SET send_after = now()")
        assert Relay(database.unit_of_work, sender, statements=database.statement).sweep() >= 1
        sender.close()
    return job_id


def status_of(stack: Stack, job_id: str) -> str:
    with psycopg.connect(stack.database.urls().admin) as connection:
        ((status,),) = connection.execute("SELECT status FROM app.jobs WHERE job_id = %s", (job_id,))
    return str(status)


def about(stack: Stack, subject: str) -> list[dict[str, Any]]:
    letters = get(stack, "/api/admin/queues/geospatial-jobs/dead-letter", limit=200)["dead_letters"]
    return [letter for letter in letters if letter["subject"] == subject]


def test_the_queues_and_health_tell_of_dead_letters(stack: Stack) -> None:
    message_id = send(stack, "vector-tasks", b"no json")
    wait_until(lambda: recorded(stack, "vector-tasks", message_id))
    queues = {entry["queue"]: entry for entry in get(stack, "/api/admin/queues")["queues"]}
    assert set(queues) == {"geospatial-jobs", "raster-tasks", "vector-tasks", "geospatial-tasks"}
    entry = queues["vector-tasks"]
    assert (entry["role"], entry["is_listened_to"]) == ("vector_tasks", True)
    assert entry["dead_letters_last_day"] >= 1
    assert {"waiting", "out_now", "processing", "unsent"} <= set(entry)
    components = {entry["component"]: entry for entry in get(stack, "/api/health")["components"]}
    assert components["dead_letters"]["status"] == "degraded"
    assert "vector-tasks" in components["dead_letters"]["details"]["queues"]


def test_pages_follow_one_another(stack: Stack) -> None:
    ids = [send(stack, "raster-tasks", b"no json") for _ in range(3)]
    wait_until(lambda: all(recorded(stack, "raster-tasks", each) for each in ids))
    path = "/api/admin/queues/raster-tasks/dead-letter"
    first = get(stack, path, limit=2)
    second = get(stack, path, limit=2, before=first["next_before"])
    numbers = [letter["dead_letter_id"] for page in (first, second) for letter in page["dead_letters"]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers) >= 3


def test_a_queue_that_is_none_of_ours(stack: Stack) -> None:
    answer = requests.get(f"{stack.public_base_url}/api/admin/queues/nonsense/dead-letter", timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert "vector-tasks" in answer.json()["context"]["queues"]
