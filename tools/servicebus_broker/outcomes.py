"""Delivery states (amqp-core v1.0, section 3.4) as settlements of the engine."""

from typing import Any

from tools.servicebus_broker.amqp.encode import encode
from tools.servicebus_broker.amqp.errors import MalformedFrame
from tools.servicebus_broker.amqp.performatives import ACCEPTED, MODIFIED, RECEIVED, REJECTED, RELEASED
from tools.servicebus_broker.amqp.types import Described, ULong
from tools.servicebus_broker.engine.records import DeadLetterReason, Outcome, Settlement

COMPLETE = Settlement(Outcome.COMPLETE)
RELEASE = Settlement(Outcome.RELEASE)
ABANDON = Settlement(Outcome.ABANDON)
DEFER = Settlement(Outcome.DEFER)

_DEAD_LETTER_CONDITION = "com.microsoft:dead-letter"


def read_outcome(state: Described | None) -> Settlement | None:
    """Return what a receiver's delivery state asks for; None for a state that is not final.

    No state at all is read as released. Raises MalformedFrame for one that is not known.
    """
    if state is None:
        return RELEASE
    code, fields = state.descriptor, state.value
    if code == ACCEPTED:
        return COMPLETE
    if code == RECEIVED:
        return None
    if code == RELEASED:
        return RELEASE
    if code == MODIFIED and isinstance(fields, list):
        return DEFER if fields[1:2] == [True] else ABANDON
    if code == REJECTED and isinstance(fields, list):
        return Settlement(Outcome.DEAD_LETTER, _read_reason(fields[0] if fields else None))
    raise MalformedFrame(f"unknown delivery state {code!r}")


def echo(state: Described | None) -> bytes:
    """Return the encoded state that confirms ``state``: the same one, but a rejection without its error.

    A rejected state with an error would tell the client that the settlement failed.
    """
    if state is not None and state.descriptor == REJECTED:
        return encode(Described(ULong(REJECTED), []))
    return encode(state if state is not None else Described(ULong(RELEASED), []))


def _read_reason(error: Any) -> DeadLetterReason:
    if not isinstance(error, Described) or not isinstance(error.value, list):
        return DeadLetterReason()
    condition, description, info = (error.value + [None] * 3)[:3]
    if condition != _DEAD_LETTER_CONDITION:
        return DeadLetterReason(_text(condition), _text(description))
    if not isinstance(info, dict):
        return DeadLetterReason()
    return DeadLetterReason(
        _text(info.get("DeadLetterReason")), _text(info.get("DeadLetterErrorDescription"))
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
