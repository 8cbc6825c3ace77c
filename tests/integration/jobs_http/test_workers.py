"""Who is alive, and what health says of a queue that nobody listens to."""

from dataclasses import replace

import pytest

from config import AppMode
from core.listeners import Announcement
from tests.integration.jobs_http.jobs_client import JobsClient
from triggers.health import Degraded, make_checks

WORKER = Announcement(
    instance="host:1",
    app_name="vector-app",
    app_mode="worker_vector",
    version="1",
    queues=("vector-tasks",),
    slots=32,
)


def as_platform_only(client: JobsClient) -> None:
    settings = client.app.settings
    settings.app_mode = settings.app_mode.model_copy(update={"mode": AppMode.PLATFORM_ONLY})


def test_the_living_are_listed(client: JobsClient) -> None:
    client.app.listeners.announce(WORKER)
    client.app.listeners.announce(replace(WORKER, instance="host:2", queues=("geospatial-tasks",), slots=4))
    answer = client.json("/api/admin/workers")
    assert [worker["instance"] for worker in answer["workers"]] == ["host:1", "host:2"]
    queues = {entry["role"]: entry for entry in answer["queues"]}
    assert queues.keys() == {"jobs", "legacy_tasks"}  # what the registered handlers need
    legacy = queues["legacy_tasks"]
    assert (legacy["queue"], legacy["apps"], legacy["slots"]) == ("geospatial-tasks", ["vector-app"], 4)


def test_health_is_degraded_while_a_queue_has_no_listener(client: JobsClient) -> None:
    as_platform_only(client)
    (check,) = [check for check in make_checks(client.app) if check.component == "workers"]
    assert not check.is_vital
    client.app.listeners.announce(WORKER)
    with pytest.raises(Degraded, match="geospatial-tasks"):
        check.ask()
    client.app.listeners.announce(replace(WORKER, instance="host:2", queues=("geospatial-tasks",)))
    assert all(entry["is_listened_to"] for entry in check.ask()["queues"])


def test_an_app_hears_itself_before_it_is_announced(client: JobsClient) -> None:
    (check,) = [check for check in make_checks(client.app) if check.component == "workers"]
    assert all(entry["is_listened_to"] for entry in check.ask()["queues"])
