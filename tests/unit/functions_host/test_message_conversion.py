"""From an AMQP message to what a function sees."""

import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessageState
from azure.servicebus.amqp import AmqpMessageBodyType

from tools.functions_host import message_conversion

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
TOKEN = uuid.UUID(int=7)


def received(**fields: Any) -> Any:
    """What azure-servicebus hands out: application properties with bytes for text."""
    given = {
        "body": iter([b"a", b"b"]),
        "body_type": AmqpMessageBodyType.DATA,
        "application_properties": None,
        "delivery_count": 0,
        "message_id": "m",
        "enqueued_time_utc": MOMENT,
        "locked_until_utc": MOMENT,
        "lock_token": TOKEN,
        "state": ServiceBusMessageState.ACTIVE,
        "time_to_live": timedelta(days=7),
    }
    absent = (
        "content_type correlation_id dead_letter_error_description dead_letter_reason dead_letter_source"
        " enqueued_sequence_number expires_at_utc subject partition_key reply_to reply_to_session_id"
        " scheduled_enqueue_time_utc sequence_number session_id to"
    )
    return SimpleNamespace(**(dict.fromkeys(absent.split()) | given | fields))


def test_one_message() -> None:
    message = message_conversion.one(
        received(application_properties={b"k": b"v", b"n": 1, b"raw": b"\xff", b"id": TOKEN}, subject="s")
    )
    assert message.get_body() == b"ab"
    assert message.delivery_count == 1
    assert message.application_properties == {"k": "v", "n": 1, "raw": "/w==", "id": str(TOKEN)}
    assert message.user_properties == message.application_properties
    assert (message.enqueued_time_utc, message.locked_until) == (MOMENT, MOMENT)
    assert message.time_to_live == timedelta(days=7)
    assert (message.lock_token, message.subject, message.state) == (str(TOKEN), "s", 0)
    assert message.metadata is not None
    assert message.metadata["MessageId"] == "m"


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"plain", AmqpMessageBodyType.DATA, b"plain"),
        ("text", AmqpMessageBodyType.VALUE, b"text"),
        (b"text", AmqpMessageBodyType.VALUE, b"text"),
        ({b"a": [1, b"x"]}, AmqpMessageBodyType.VALUE, b'{"a": [1, "x"]}'),
        ([[1, 2]], AmqpMessageBodyType.SEQUENCE, b"[[1, 2]]"),
    ],
)
def test_bodies(body: object, kind: AmqpMessageBodyType, expected: bytes) -> None:
    assert message_conversion.body_bytes(received(body=body, body_type=kind)) == expected


def test_many_messages_keep_their_own_fields() -> None:
    first, second = message_conversion.many(
        [
            received(application_properties={b"i": 1}, body=b"1", delivery_count=2),
            received(body=b"2", message_id="n", subject="s"),
        ]
    )
    assert (first.get_body(), second.get_body()) == (b"1", b"2")
    assert (first.delivery_count, second.delivery_count) == (3, 1)
    assert (first.application_properties, second.application_properties) == ({"i": 1}, {})
    assert (first.message_id, second.message_id) == ("m", "n")
    assert (first.subject, second.subject) == (None, "s")
    assert first.enqueued_time_utc == MOMENT
