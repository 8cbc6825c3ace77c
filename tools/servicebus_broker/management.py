"""Operations of a queue's $management node."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from tools.servicebus_broker.amqp.errors import AmqpError
from tools.servicebus_broker.amqp.types import Array, Long, Timestamp
from tools.servicebus_broker.engine.queue import Queue
from tools.servicebus_broker.engine.records import (
    DeadLetterReason,
    LockLost,
    Message,
    MessageNotFound,
    Outcome,
    QuotaExceeded,
    Settlement,
)
from tools.servicebus_broker.messages import read_message, write_message
from tools.servicebus_broker.requests import Request, Response

MAX_PEEK = 256
MAX_PEEK_BYTES = 1 << 20
DROPPED_AS_DUPLICATE = 0
"""Sequence number given for a scheduled message that duplicate detection dropped."""

_SETTLE_MODE_FIRST = 0
_OUTCOMES = {
    "completed": Outcome.COMPLETE,
    "abandoned": Outcome.ABANDON,
    "defered": Outcome.DEFER,
    "suspended": Outcome.DEAD_LETTER,
    "unlocked": Outcome.RELEASE,
}
_FAILURES: dict[type[Exception], tuple[int, str]] = {
    LockLost: (410, "com.microsoft:message-lock-lost"),
    MessageNotFound: (404, "com.microsoft:message-not-found"),
    QuotaExceeded: (403, "amqp:resource-limit-exceeded"),
}


def answer_management(queue: Queue, request: Request) -> Response:
    """Execute a request on ``queue``; every failure becomes a status."""
    operation = _OPERATIONS.get(request.operation.removeprefix("com.microsoft:"))
    if operation is None:
        text = f"the development broker has no operation {request.operation!r}"
        return Response(501, text, condition="amqp:not-implemented")
    try:
        return operation(queue, _Fields(request.body))
    except (LockLost, MessageNotFound, QuotaExceeded) as exc:
        status, condition = _FAILURES[type(exc)]
        return Response(status, str(exc), condition=condition)
    except AmqpError as exc:
        return Response(400, exc.description, condition="com.microsoft:argument-error")


class _Fields:
    """Typed look-ups in a request body; a wrong or missing one is an AmqpError."""

    def __init__(self, body: Any) -> None:
        self._body = body if isinstance(body, dict) else {}

    def integer(self, name: str, default: int | None = None) -> int:
        value: int = self._get(name, int, default)
        return value

    def text(self, name: str) -> str | None:
        value = self._body.get(name)
        return None if value is None else str(value)

    def items(self, name: str, kind: type) -> list[Any]:
        values: list[Any] = self._get(name, list, None)
        if not all(isinstance(value, kind) for value in values):
            raise AmqpError("amqp:invalid-field", f"{name} has an element that is no {kind.__name__}")
        return values

    def _get(self, name: str, kind: type, default: Any) -> Any:
        value = self._body.get(name, default)
        if not isinstance(value, kind):
            raise AmqpError("amqp:invalid-field", f"{name} is missing or no {kind.__name__}")
        return value


def _renew_lock(queue: Queue, fields: _Fields) -> Response:
    tokens = fields.items("lock-tokens", UUID)
    ends = [Timestamp(queue.renew(token.bytes_le)) for token in tokens]
    return Response(200, "OK", {"expirations": Array(ends)})


def _peek(queue: Queue, fields: _Fields) -> Response:
    limit = max(0, min(fields.integer("message-count"), MAX_PEEK))
    found: list[dict[str, bytes]] = []
    size = 0
    for message in queue.browse(fields.integer("from-sequence-number"), limit):
        encoded = write_message(_without_lock(message), queue.payload(message), with_state=True)
        size += len(encoded)
        if found and size > MAX_PEEK_BYTES:
            break
        found.append({"message": encoded})
    if not found:
        return Response(204, "No messages", condition="com.microsoft:message-not-found")
    return Response(200, "OK", {"messages": found})


def _without_lock(message: Message) -> Message:
    return replace(message, lock_token=None)


def _schedule(queue: Queue, fields: _Fields) -> Response:
    drafts = []
    for item in fields.items("messages", dict):
        encoded = item.get("message")
        if not isinstance(encoded, bytes):
            raise AmqpError("amqp:invalid-field", "each of messages has a binary message")
        drafts.append(read_message(encoded))
    numbers = [number or DROPPED_AS_DUPLICATE for number in queue.enqueue(drafts)]
    return Response(200, "OK", {"sequence-numbers": Array(Long(number) for number in numbers)})


def _cancel(queue: Queue, fields: _Fields) -> Response:
    for sequence in fields.items("sequence-numbers", int):
        queue.cancel(sequence)
    return Response(200, "OK")


def _receive_deferred(queue: Queue, fields: _Fields) -> Response:
    lock = fields.integer("receiver-settle-mode", 1) != _SETTLE_MODE_FIRST
    found = []
    for sequence in fields.items("sequence-numbers", int):
        message = queue.take_deferred(sequence, lock=lock)
        entry: dict[str, Any] = {"message": write_message(message, queue.payload(message), with_state=True)}
        if message.lock_token is not None:
            entry["lock-token"] = UUID(bytes_le=message.lock_token)
        found.append(entry)
    return Response(200, "OK", {"messages": found})


def _update_disposition(queue: Queue, fields: _Fields) -> Response:
    outcome = _OUTCOMES.get(fields.text("disposition-status") or "")
    if outcome is None:
        raise AmqpError("amqp:invalid-field", "disposition-status is not known")
    why = DeadLetterReason(fields.text("deadletter-reason"), fields.text("deadletter-description"))
    for token in fields.items("lock-tokens", UUID):
        queue.settle(token.bytes_le, Settlement(outcome, why))
    return Response(200, "OK")


_OPERATIONS: dict[str, Callable[[Queue, _Fields], Response]] = {
    "renew-lock": _renew_lock,
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel,
    "receive-by-sequence-number": _receive_deferred,
    "update-disposition": _update_disposition,
}
