"""From azure-servicebus' received message to azure-functions' ServiceBusMessage.

The functions library's own converter makes the object, from the trigger metadata that the .NET host would
send, so what a function sees is what it sees in Azure. Two differences of the SDKs are levelled: the .NET
host counts deliveries from 1 (the AMQP header counts the failed ones, from 0), and application properties
have text keys (the Python SDK leaves keys and text values as bytes).
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessage, ServiceBusMessageInConverter
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.amqp import AmqpMessageBodyType


def one(message: ServiceBusReceivedMessage) -> ServiceBusMessage:
    """The argument of a function with cardinality `one`."""
    metadata = {name: _datum(value) for name, value in _metadata(message).items()}
    return ServiceBusMessageInConverter.decode(Datum(body_bytes(message), "bytes"), trigger_metadata=metadata)


@dataclass(frozen=True, slots=True)
class _Bodies:
    """The shape of a protobuf CollectionBytes."""

    bytes: list[bytes]


def many(messages: Sequence[ServiceBusReceivedMessage]) -> list[ServiceBusMessage]:
    """The argument of a function with cardinality `many`."""
    rows = [_metadata(message) for message in messages]
    metadata = {
        f"{name}Array": Datum(json.dumps([row.get(name) for row in rows]), "json") for name in _FIELDS
    }
    bodies = _Bodies([body_bytes(message) for message in messages])
    data = Datum(bodies, "collection_bytes")
    messages_of_function: list[ServiceBusMessage] = ServiceBusMessageInConverter.decode(
        data, trigger_metadata=metadata
    )
    return messages_of_function


def body_bytes(message: ServiceBusReceivedMessage) -> bytes:
    """The body as the function gets it: data sections joined, an AMQP value as text or JSON."""
    body = message.body
    if message.body_type == AmqpMessageBodyType.DATA:
        return body if isinstance(body, bytes) else b"".join(body)
    if isinstance(body, bytes):
        return body
    plain = _plain(body if message.body_type == AmqpMessageBodyType.VALUE else list(body))
    return plain.encode() if isinstance(plain, str) else json.dumps(plain).encode()


def _plain(value: Any) -> Any:
    """A JSON value of what AMQP carried; bytes that are no UTF-8 become base64, as .NET writes them."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    return {
        str(_plain(name)): _plain(value) for name, value in (message.application_properties or {}).items()
    }


def _delivery_count(message: ServiceBusReceivedMessage) -> int:
    return (message.delivery_count or 0) + 1


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value is not None else None


def _span(value: timedelta | None) -> str | None:
    """Whole seconds: the converter reads `%H:%M:%S`, which cannot hold more than a day."""
    return None if value is None else str(int(value.total_seconds()))


_FIELDS: dict[str, Callable[[ServiceBusReceivedMessage], Any]] = {
    "ApplicationProperties": _properties,
    "UserProperties": _properties,
    "ContentType": lambda m: m.content_type,
    "CorrelationId": lambda m: m.correlation_id,
    "DeadLetterErrorDescription": lambda m: m.dead_letter_error_description,
    "DeadLetterReason": lambda m: m.dead_letter_reason,
    "DeadLetterSource": lambda m: m.dead_letter_source,
    "DeliveryCount": _delivery_count,
    "EnqueuedSequenceNumber": lambda m: m.enqueued_sequence_number,
    "EnqueuedTimeUtc": lambda m: _moment(m.enqueued_time_utc),
    "ExpiresAtUtc": lambda m: _moment(m.expires_at_utc),
    "Label": lambda m: m.subject,
    "LockedUntil": lambda m: _moment(m.locked_until_utc),
    "LockToken": lambda m: str(m.lock_token) if m.lock_token else None,
    "MessageId": lambda m: m.message_id,
    "PartitionKey": lambda m: m.partition_key,
    "ReplyTo": lambda m: m.reply_to,
    "ReplyToSessionId": lambda m: m.reply_to_session_id,
    "ScheduledEnqueueTimeUtc": lambda m: _moment(m.scheduled_enqueue_time_utc),
    "SequenceNumber": lambda m: m.sequence_number,
    "SessionId": lambda m: m.session_id,
    "State": lambda m: int(m.state) if m.state is not None else None,
    "Subject": lambda m: m.subject,
    "TimeToLive": lambda m: _span(m.time_to_live),
    "To": lambda m: m.to,
}


def _metadata(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    values = {name: value for name, read in _FIELDS.items() if (value := read(message)) is not None}
    return {name: value if isinstance(value, (str, int)) else _plain(value) for name, value in values.items()}


def _datum(value: Any) -> Datum:
    if isinstance(value, str):
        return Datum(value, "string")
    if isinstance(value, int):
        return Datum(value, "int")
    return Datum(json.dumps(value), "json")
