"""Schedules and expiry."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusMessageState
from azure.servicebus.exceptions import MessageNotFoundError

from tests.contract.servicebus.conftest import Bus, Take, nothing_comes


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_scheduled_message_comes_when_it_is_due(bus: Bus, queue: str, take: Take) -> None:
    sender, receiver = bus.sender(queue), bus.receiver(queue)
    assert nothing_comes(receiver)
    due = soon(2.5)
    numbers = sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], due)
    assert len(numbers) == 2
    (peeked,) = receiver.peek_messages(1, sequence_number=numbers[0])
    assert peeked.state == ServiceBusMessageState.SCHEDULED
    messages = take(receiver, 2)
    assert datetime.now(UTC) >= due
    assert [str(message) for message in messages] == ["a", "b"]
    assert all(message.sequence_number not in numbers for message in messages)


def test_a_message_can_carry_its_own_schedule(bus: Bus, queue: str, take: Take) -> None:
    sender, receiver = bus.sender(queue), bus.receiver(queue)
    assert nothing_comes(receiver)
    due = soon(2)
    sender.send_messages(
        [ServiceBusMessage("later", scheduled_enqueue_time_utc=due), ServiceBusMessage("now")]
    )
    now, later = take(receiver, 2)
    assert (str(now), str(later)) == ("now", "later")
    assert datetime.now(UTC) >= due


def test_a_cancelled_message_never_comes(bus: Bus, impatient: ServiceBusClient, queue: str) -> None:
    sender, receiver = bus.sender(queue), bus.receiver(queue)
    (number,) = sender.schedule_messages(ServiceBusMessage("x"), soon(1))
    sender.cancel_scheduled_messages(number)
    assert receiver.peek_messages(1, sequence_number=1) == []
    assert nothing_comes(receiver, seconds=2)
    with impatient.get_queue_sender(queue) as again, pytest.raises(MessageNotFoundError):
        again.cancel_scheduled_messages(number)


def test_an_expired_message_becomes_a_dead_letter_where_the_queue_says_so(bus: Bus, take: Take) -> None:
    bus.sender("mortal").send_messages([ServiceBusMessage("x", time_to_live=timedelta(seconds=1))])
    dead_letters = bus.dead_letters("mortal")
    (dead,) = take(dead_letters, 1)
    assert (str(dead), dead.dead_letter_reason) == ("x", "TTLExpiredException")
    dead_letters.complete_message(dead)


def test_an_expired_message_is_dropped_where_the_queue_does_not_say(bus: Bus) -> None:
    bus.sender("forgetful").send_messages(ServiceBusMessage("x", time_to_live=timedelta(hours=1)))
    receiver = bus.receiver("forgetful")
    assert len(receiver.peek_messages(1, sequence_number=1)) == 1
    time.sleep(2.5)
    assert receiver.peek_messages(1, sequence_number=1) == []
    assert bus.dead_letters("forgetful").peek_messages(1, sequence_number=1) == []
