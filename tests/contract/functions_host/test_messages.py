"""Service Bus functions against the development broker, over AMQP with the real SDK."""

import functools
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage

from tests.contract.functions_host.bus import Bus, BusPark, opened
from tests.contract.functions_host.running import (
    RunningBroker,
    RunningHost,
    copy_sample_app,
    running_host,
    wait_until,
)

CALLS = "AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls"
RENEWAL = "AzureFunctionsJobHost__extensions__serviceBus__maxAutoLockRenewalDuration"


@pytest.fixture(scope="module")
def bus(bus_park: BusPark) -> Bus:
    """The queues of the host that most of these tests share."""
    return bus_park.next_bus()


@pytest.fixture(scope="module")
def host(bus: Bus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with running_host(
        copy_sample_app(tmp_path_factory.mktemp("messages")), environment=bus.settings
    ) as running:
        yield running


@pytest.fixture
def own_bus(bus_park: BusPark) -> Bus:
    """Queues for a host of the test's own."""
    return bus_park.next_bus()


def tasks(host: RunningHost, name: str) -> list[dict[str, Any]]:
    return [line for line in host.trace("task") if line["order"].get("name") == name]


def test_a_message_arrives_with_its_properties(host: RunningHost, bus: Bus) -> None:
    sent = ServiceBusMessage(
        json.dumps({"name": "properties"}),
        message_id="id-1",
        content_type="application/json",
        correlation_id="corr",
        subject="label",
        time_to_live=timedelta(hours=1),
        application_properties={"text": "grün", "number": 7, "flag": True},
    )
    bus.send(sent)
    [seen] = wait_until(lambda: tasks(host, "properties"))
    assert seen["properties"] == {"text": "grün", "number": 7, "flag": True}
    assert seen["user_properties"] == seen["properties"]
    assert (seen["message_id"], seen["content_type"]) == ("id-1", "application/json")
    assert (seen["correlation_id"], seen["subject"]) == ("corr", "label")
    assert seen["delivery_count"] == 1
    assert seen["time_to_live"] == "1:00:00"
    assert seen["enqueued"].endswith("+00:00")
    assert seen["sequence_number"] > 0
    assert len(seen["lock_token"]) == 36
    wait_until(lambda: bus.left() == 0)


def test_a_message_without_properties_or_body(host: RunningHost, bus: Bus) -> None:
    before = len(host.trace("task"))
    bus.send(ServiceBusMessage(b""))
    seen = wait_until(lambda: host.trace("task")[before:])[0]
    assert (seen["order"], seen["properties"]) == ({}, {})


def test_a_failure_abandons_and_the_message_comes_back_at_once(host: RunningHost, bus: Bus) -> None:
    bus.send({"name": "flaky", "fail_until": 2})
    wait_until(lambda: len(tasks(host, "flaky")) >= 3)
    seen = tasks(host, "flaky")
    assert [line["delivery_count"] for line in seen] == [1, 2, 3]
    # Sooner than its lock would have ended: it was given back.
    assert seen[1]["time"] - seen[0]["time"] < 3.0
    assert len({line["invocation_id"] for line in seen}) == 3
    wait_until(lambda: bus.left() == 0)


def test_the_broker_dead_letters_after_its_count(host: RunningHost, bus: Bus) -> None:
    bus.send(ServiceBusMessage(json.dumps({"name": "bad", "fail_until": 99}), message_id="bad-1"))
    wait_until(lambda: "bad-1" in bus.dead_letters())
    assert [line["delivery_count"] for line in tasks(host, "bad")] == [1, 2, 3, 4]


def test_a_dead_letter_queue_has_a_trigger_like_any_other(host: RunningHost, bus: Bus) -> None:
    bus.bury(
        ServiceBusMessage("gone", message_id="dead-1", application_properties={"n": 1}),
        reason="BAD",
        description="beyond help",
    )
    [seen] = wait_until(lambda: [line for line in host.trace("dead_letter") if line["body"] == "gone"])
    assert (seen["message_id"], seen["reason"], seen["description"]) == ("dead-1", "BAD", "beyond help")
    assert seen["properties"]["n"] == 1
    # Azure's host tells the reason here.
    assert seen["properties"]["DeadLetterReason"] == "BAD"
    assert seen["sequence_number"] > 0
    wait_until(lambda: not bus.dead_letters("buried"))


def test_a_dead_letter_that_fails_comes_back(host: RunningHost, bus: Bus) -> None:
    bus.bury(ServiceBusMessage("twice"), reason="BAD", description="")
    wait_until(lambda: not bus.dead_letters("buried"))
    seen = [line for line in host.trace("dead_letter") if line["body"] == "twice"]
    assert [line["delivery_count"] for line in seen] == [1, 2]
    assert len({line["sequence_number"] for line in seen}) == 1


def test_a_returned_value_without_return_binding_is_a_failure(host: RunningHost, bus: Bus) -> None:
    bus.send(ServiceBusMessage(json.dumps({"name": "ret", "returns": 1}), message_id="ret-1"))
    wait_until(lambda: "ret-1" in bus.dead_letters())
    assert any("non-None" in line["exception"] for line in host.log("function_failed"))


def test_the_lock_is_renewed_while_the_function_runs(host: RunningHost, bus: Bus) -> None:
    bus.send({"name": "long", "seconds": 5})
    wait_until(lambda: any(line["order"]["name"] == "long" for line in host.trace("task_done")))
    wait_until(lambda: bus.left() == 0)
    assert len(tasks(host, "long")) == 1
    assert not host.log("settlement_failed")


def test_cardinality_many_gets_a_list(host: RunningHost, bus: Bus) -> None:
    orders = [ServiceBusMessage(f"m{i}", application_properties={"i": i}) for i in range(5)]
    bus.send(*orders, queue="batches")
    wait_until(lambda: sum(len(line["bodies"]) for line in host.trace("batch")) == 5)
    batches = host.trace("batch")
    assert [body for line in batches for body in line["bodies"]] == [f"m{i}" for i in range(5)]
    assert [p["i"] for line in batches for p in line["properties"]] == [0, 1, 2, 3, 4]
    assert max(len(line["bodies"]) for line in batches) > 1
    wait_until(lambda: bus.left("batches") == 0)


def test_a_failed_batch_comes_back_whole(host: RunningHost, bus: Bus) -> None:
    bus.send(*(ServiceBusMessage(f"poison-{i}") for i in range(3)), queue="batches")

    def seen() -> list[tuple[str, int]]:
        lines = host.trace("batch")
        return [pair for line in lines for pair in zip(line["bodies"], line["counts"], strict=True)]

    wait_until(lambda: {(f"poison-{i}", 2) for i in range(3)} <= set(seen()))
    wait_until(lambda: bus.left("batches") == 0)


def test_the_queue_name_is_resolved_and_listeners_are_logged(host: RunningHost) -> None:
    connected = {line["message"] for line in host.log("listener_connected")}
    assert {"on_task listens", "on_batch listens", "on_sync_task listens"} <= connected


@pytest.mark.parametrize(("calls", "messages"), [(1, 5), (3, 24)])
def test_max_concurrent_calls_are_reached_and_never_exceeded(
    app_root: Path, own_bus: Bus, calls: int, messages: int
) -> None:
    own_bus.send(*({"number": number} for number in range(messages)), queue="sync-tasks")
    with running_host(app_root, environment={**own_bus.settings, CALLS: str(calls)}) as host:
        wait_until(lambda: len(host.trace("sync_task")) == messages)
        assert max(line["most"] for line in host.trace("sync_task")) == calls


def test_renewal_ends_with_max_auto_lock_renewal_duration(app_root: Path, own_bus: Bus) -> None:
    own_bus.send({"name": "too-long", "seconds": 4.5})
    settings = {**own_bus.settings, RENEWAL: "00:00:01"}
    with running_host(app_root, "--drain-seconds", "0", environment=settings) as host:
        wait_until(lambda: len(tasks(host, "too-long")) >= 2)
        assert tasks(host, "too-long")[1]["delivery_count"] == 2
        wait_until(lambda: host.log("settlement_failed"))


def test_the_host_starts_without_a_broker_and_survives_its_death(
    app_root: Path, mortal_broker: RunningBroker
) -> None:
    mortal_broker.kill()
    with opened(mortal_broker) as park, running_host(app_root, environment=park.next_bus().settings) as host:
        assert host.get("/api/echo").status == 200
        for name in ("first", "second"):
            mortal_broker.start()
            with opened(mortal_broker) as second:
                second.next_bus().send({"name": name})
            wait_until(functools.partial(tasks, host, name))
            mortal_broker.kill()
        assert host.get("/api/echo").status == 200
        assert host.log("listener_disconnected")
        mortal_broker.start()


def test_a_message_that_runs_while_the_broker_restarts_is_settled(
    app_root: Path, mortal_broker: RunningBroker
) -> None:
    with opened(mortal_broker) as park:
        before = park.next_bus()
        before.send({"name": "across", "seconds": 2})
    with running_host(app_root, environment=before.settings) as host:
        wait_until(lambda: tasks(host, "across"))
        mortal_broker.kill()
        mortal_broker.start()
        wait_until(lambda: host.trace("task_done"))
        with opened(mortal_broker) as park:
            after = park.next_bus()
            wait_until(lambda: after.left() == 0)
        assert len(tasks(host, "across")) == 1
