"""Complete, abandon, defer, dead-letter; locks that expire and locks that are renewed."""

import time

import pytest
from azure.servicebus import AutoLockRenewer, ServiceBusClient, ServiceBusMessage, ServiceBusMessageState
from azure.servicebus.exceptions import MessageLockLostError, MessageNotFoundError

from tests.contract.servicebus.conftest import Bus, Take, nothing_comes

LOCK_SECONDS = 3


def test_a_completed_message_is_gone(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver(queue)
    receiver.complete_message(take(receiver, 1)[0])
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_abandoning_counts_until_the_message_is_dead(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x", application_properties={"kept": "yes"}))
    receiver = bus.receiver(queue)
    counts = []
    for _ in range(3):
        (message,) = take(receiver, 1)
        counts.append(message.delivery_count)
        receiver.abandon_message(message)
    assert counts == [0, 1, 2]
    assert nothing_comes(receiver)
    (dead,) = take(bus.dead_letters(queue), 1)
    assert str(dead) == "x"
    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert dead.application_properties is not None
    assert dead.application_properties[b"kept"] == b"yes"


def test_an_abandoned_message_comes_before_later_ones(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages([ServiceBusMessage("first"), ServiceBusMessage("second")])
    receiver = bus.receiver(queue)
    receiver.abandon_message(take(receiver, 1)[0])
    assert [str(message) for message in take(receiver, 2)] == ["first", "second"]


def test_dead_lettering_carries_reason_and_description(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver, dead_letters = bus.receiver(queue), bus.dead_letters(queue)
    receiver.dead_letter_message(take(receiver, 1)[0], reason="poison", error_description="no such band")
    (peeked,) = dead_letters.peek_messages(1, sequence_number=1)
    assert str(peeked) == "x"
    (dead,) = take(dead_letters, 1)
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("poison", "no such band")
    dead_letters.complete_message(dead)
    assert dead_letters.peek_messages(1, sequence_number=1) == []


def test_dead_letters_do_not_die_again(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver, dead_letters = bus.receiver(queue), bus.dead_letters(queue)
    receiver.dead_letter_message(take(receiver, 1)[0])
    for _ in range(4):
        dead_letters.abandon_message(take(dead_letters, 1)[0])
    assert len(take(dead_letters, 1)) == 1


def test_an_expired_lock_is_lost_and_the_message_comes_again(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver(queue)
    (late,) = take(receiver, 1)
    (again,) = take(receiver, 1)
    assert again.delivery_count == 1
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(late)
    receiver.complete_message(again)
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_a_renewed_lock_lasts(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver(queue)
    (message,) = take(receiver, 1)
    before = message.locked_until_utc
    assert before is not None
    time.sleep(LOCK_SECONDS - 1)
    assert receiver.renew_message_lock(message) > before
    time.sleep(LOCK_SECONDS - 1)
    receiver.complete_message(message)
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_renewing_a_lost_lock_fails(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver(queue)
    (message,) = take(receiver, 1)
    receiver.complete_message(message)
    message._settled = False  # so that the SDK asks the broker
    with pytest.raises(MessageLockLostError):
        receiver.renew_message_lock(message)


def test_the_auto_renewer_keeps_a_lock(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver(queue)
    with AutoLockRenewer(max_lock_renewal_duration=60) as renewer:
        (message,) = take(receiver, 1)
        renewer.register(receiver, message)
        time.sleep(LOCK_SECONDS + 1)
        receiver.complete_message(message)
    assert message.auto_renew_error is None
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_a_deferred_message_comes_by_number_only(
    bus: Bus, impatient: ServiceBusClient, queue: str, take: Take
) -> None:
    bus.sender(queue).send_messages([ServiceBusMessage("later"), ServiceBusMessage("dead")])
    receiver = bus.receiver(queue)
    messages = take(receiver, 2)
    for message in messages:
        receiver.defer_message(message)
    assert nothing_comes(receiver)
    peeked = receiver.peek_messages(1, sequence_number=1)
    assert peeked[0].state == ServiceBusMessageState.DEFERRED
    numbers = [message.sequence_number or 0 for message in messages]
    later, dead = receiver.receive_deferred_messages(numbers)
    assert (str(later), later.delivery_count) == ("later", 0)
    receiver.complete_message(later)
    receiver.dead_letter_message(dead, reason="deferred for good")
    (buried,) = take(bus.dead_letters(queue), 1)
    assert (str(buried), buried.dead_letter_reason) == ("dead", "deferred for good")
    with impatient.get_queue_receiver(queue) as other, pytest.raises(MessageNotFoundError):
        other.receive_deferred_messages(numbers[:1])


def test_awaited_outcomes_are_confirmed(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages([ServiceBusMessage(f"m{number}") for number in range(4)])
    receiver = bus.receiver(queue)
    complete, abandon, defer, dead = take(receiver, 4)
    receiver.complete_message(complete)
    receiver.abandon_message(abandon)
    receiver.defer_message(defer)
    receiver.dead_letter_message(dead, reason="awaited")
    left = receiver.peek_messages(5, sequence_number=1)
    assert sorted(str(message) for message in left) == ["m1", "m2"]


def test_an_awaited_outcome_says_that_the_lock_was_lost(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x"))
    receiver = bus.receiver(queue)
    (message,) = take(receiver, 1)
    assert message.lock_token is not None
    receiver._settle_message_via_mgmt_link("completed", [message.lock_token])
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(message)
