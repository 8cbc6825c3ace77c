"""What the SDK sends arrives as sent, once, or is refused with the SDK's own error."""

import time
from datetime import timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceivedMessage
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
)

from tests.contract.servicebus.conftest import Bus, Take, nothing_comes


def bodies(messages: list[ServiceBusReceivedMessage]) -> list[str]:
    return [str(message) for message in messages]


def test_all_properties_arrive(bus: Bus, queue: str, take: Take) -> None:
    sent = ServiceBusMessage(
        b"\x00\xffbody",
        application_properties={"text": "ä", "number": 7, "truth": True, "real": 1.5},
        message_id="id-1",
        correlation_id="correlation",
        subject="subject",
        content_type="application/json",
        to="to",
        reply_to="reply",
        session_id="group",
        time_to_live=timedelta(hours=1),
    )
    bus.sender(queue).send_messages(sent)
    (message,) = take(bus.receiver(queue), 1)
    assert b"".join(message.body) == b"\x00\xffbody"
    assert message.application_properties == {
        b"text": "ä".encode(),
        b"number": 7,
        b"truth": True,
        b"real": 1.5,
    }
    assert (message.message_id, message.correlation_id, message.subject) == ("id-1", "correlation", "subject")
    assert (message.content_type, message.to, message.reply_to) == ("application/json", "to", "reply")
    assert message.session_id == "group"
    assert message.time_to_live == timedelta(hours=1)
    assert message.delivery_count == 0
    assert message.sequence_number == 1
    assert message.enqueued_time_utc is not None
    assert message.locked_until_utc is not None
    assert abs(message.enqueued_time_utc.timestamp() - time.time()) < 30
    assert message.locked_until_utc - message.enqueued_time_utc < timedelta(seconds=10)


def test_a_message_without_id_gets_one(bus: Bus, queue: str, take: Take) -> None:
    message = ServiceBusMessage("x", subject="kept")
    message.message_id = None
    bus.sender(queue).send_messages(message)
    (received,) = take(bus.receiver(queue), 1)
    assert received.message_id
    assert received.subject == "kept"


@pytest.mark.parametrize("count", [1, 100])
def test_a_list_arrives_in_order(bus: Bus, queue: str, take: Take, count: int) -> None:
    texts = [f"m{number}" for number in range(count)]
    bus.sender(queue).send_messages([ServiceBusMessage(text) for text in texts])
    assert bodies(take(bus.receiver(queue), count)) == texts


def test_a_batch_arrives(bus: Bus, queue: str, take: Take) -> None:
    sender = bus.sender(queue)
    batch = sender.create_message_batch()
    for number in range(10):
        batch.add_message(ServiceBusMessage(f"m{number}"))
    sender.send_messages(batch)
    assert bodies(take(bus.receiver(queue), 10)) == [f"m{number}" for number in range(10)]


def test_a_body_of_many_frames_arrives(bus: Bus, queue: str, take: Take) -> None:
    body = bytes(range(256)) * 2800
    bus.sender(queue).send_messages(ServiceBusMessage(body))
    (message,) = take(bus.receiver(queue), 1)
    assert b"".join(message.body) == body


def test_a_message_over_the_limit_is_refused(bus: Bus, queue: str, take: Take) -> None:
    sender = bus.sender(queue)
    with pytest.raises(MessageSizeExceededError):
        sender.send_messages(ServiceBusMessage(b"x" * (1 << 20)))
    sender.send_messages(ServiceBusMessage("the sender still works"))
    assert bodies(take(bus.receiver(queue), 1)) == ["the sender still works"]


def test_a_full_queue_refuses(bus: Bus) -> None:
    sender = bus.sender("tiny")
    sender.send_messages(ServiceBusMessage(b"x" * 900_000))
    with pytest.raises(ServiceBusQuotaExceededError):
        sender.send_messages([ServiceBusMessage(b"x" * 100_000) for _ in range(2)])


def test_a_repeated_id_is_dropped_within_the_window(bus: Bus, take: Take) -> None:
    sender, receiver = bus.sender("dedup"), bus.receiver("dedup")
    sender.send_messages(ServiceBusMessage("first", message_id="same"))
    sender.send_messages(ServiceBusMessage("again", message_id="same"))
    (first,) = take(receiver, 1)
    receiver.complete_message(first)
    sender.send_messages(
        [ServiceBusMessage("after completion", message_id="same"), ServiceBusMessage("other")]
    )
    (other,) = take(receiver, 1)
    receiver.complete_message(other)
    assert bodies([first, other]) == ["first", "other"]
    assert nothing_comes(receiver)
    time.sleep(3)
    sender.send_messages(ServiceBusMessage("after the window", message_id="same"))
    assert bodies(take(receiver, 1)) == ["after the window"]


def test_queues_without_detection_keep_repeated_ids(bus: Bus, queue: str, take: Take) -> None:
    for _ in range(2):
        bus.sender(queue).send_messages(ServiceBusMessage("x", message_id="same"))
    assert len(take(bus.receiver(queue), 2)) == 2


def test_an_unknown_queue_is_not_made(bus: Bus) -> None:
    with pytest.raises(MessagingEntityNotFoundError):
        bus.sender("unknown").send_messages(ServiceBusMessage("x"))
    with pytest.raises(MessagingEntityNotFoundError):
        bus.receiver("unknown").receive_messages(max_wait_time=1)


def test_queue_names_are_not_case_sensitive(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue.upper()).send_messages(ServiceBusMessage("x"))
    assert bodies(take(bus.receiver(queue), 1)) == ["x"]


def test_dead_letter_queues_take_no_messages(bus: Bus, queue: str) -> None:
    with pytest.raises(ServiceBusError, match="dead-letter queue"):
        bus.sender(f"{queue}/$DeadLetterQueue").send_messages(ServiceBusMessage("x"))
