"""Performatives (amqp-core v1.0, section 2.7): typed tuples in, encoded bodies out.

Replies are encoded with every field present: older clients index the list by position.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

from tools.servicebus_broker.amqp.decode import decode
from tools.servicebus_broker.amqp.encode import encode_described_list
from tools.servicebus_broker.amqp.errors import AmqpError, MalformedFrame
from tools.servicebus_broker.amqp.types import Array, Described, Symbol, UByte, UInt, ULong, UShort

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
SASL_MECHANISMS, SASL_INIT, SASL_CHALLENGE, SASL_RESPONSE, SASL_OUTCOME = range(0x40, 0x45)
RECEIVED, ACCEPTED, REJECTED, RELEASED, MODIFIED = range(0x23, 0x28)
ERROR = 0x1D
SOURCE = 0x28

_U32 = Struct(">I").pack

ROLE_SENDER, ROLE_RECEIVER = False, True
SETTLED_MODE = 1
"""snd-settle-mode settled: the sender settles what it sends (receive and delete)."""


class Open(NamedTuple):
    """Section 2.7.1."""

    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None


class Begin(NamedTuple):
    """Section 2.7.2."""

    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int | None = None


class Attach(NamedTuple):
    """Section 2.7.3."""

    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Described | None = None
    target: Described | None = None
    unsettled: dict[Any, Any] | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None


class Flow(NamedTuple):
    """Section 2.7.4."""

    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None


class Transfer(NamedTuple):
    """Section 2.7.5, without its payload."""

    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Described | None = None
    resume: bool | None = None
    aborted: bool | None = None


class Disposition(NamedTuple):
    """Section 2.7.6."""

    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Described | None = None


class Detach(NamedTuple):
    """Section 2.7.7."""

    handle: int
    closed: bool | None = None


class End(NamedTuple):
    """Section 2.7.8; the error is of no use to a broker."""


class Close(NamedTuple):
    """Section 2.7.9; the error is of no use to a broker."""


class SaslInit(NamedTuple):
    """Section 5.3.3.2; the response is never read."""

    mechanism: str


Performative = Open | Begin | Attach | Flow | Transfer | Disposition | Detach | End | Close | SaslInit

_Field = tuple[type, bool]
_REQUIRED_UINT, _UINT = (UInt, True), (UInt, False)
_REQUIRED_BOOL, _BOOL = (bool, True), (bool, False)
_UBYTE, _USHORT, _ULONG = (UByte, False), (UShort, False), (ULong, False)
_REQUIRED_TEXT, _TEXT = (str, True), (str, False)
_BINARY, _MAP, _DESCRIBED = (bytes, False), (dict, False), (Described, False)

# Each field as (type, required); a performative may be longer than what we read of it.
_SHAPES: dict[int, tuple[Callable[..., Performative], tuple[_Field, ...]]] = {
    OPEN: (Open, (_REQUIRED_TEXT, _TEXT, _UINT, _USHORT, _UINT)),
    BEGIN: (Begin, (_USHORT, _REQUIRED_UINT, _REQUIRED_UINT, _REQUIRED_UINT, _UINT)),
    ATTACH: (
        Attach,
        (
            *(_REQUIRED_TEXT, _REQUIRED_UINT, _REQUIRED_BOOL),
            *(_UBYTE, _UBYTE, _DESCRIBED, _DESCRIBED, _MAP, _BOOL, _UINT, _ULONG),
        ),
    ),
    FLOW: (
        Flow,
        (
            *(_UINT, _REQUIRED_UINT, _REQUIRED_UINT, _REQUIRED_UINT),
            *(_UINT, _UINT, _UINT, _UINT, _BOOL, _BOOL),
        ),
    ),
    TRANSFER: (
        Transfer,
        (_REQUIRED_UINT, _UINT, _BINARY, _UINT, _BOOL, _BOOL, _UBYTE, _DESCRIBED, _BOOL, _BOOL),
    ),
    DISPOSITION: (Disposition, (_REQUIRED_BOOL, _REQUIRED_UINT, _UINT, _BOOL, _DESCRIBED)),
    DETACH: (Detach, (_REQUIRED_UINT, _BOOL)),
    END: (End, ()),
    CLOSE: (Close, ()),
    SASL_INIT: (SaslInit, (_REQUIRED_TEXT,)),
}


def read_performative(body: bytes) -> tuple[Performative, bytes]:
    """Return the performative of a frame body and the payload behind it.

    Raises MalformedFrame for anything but a performative that a client may send, with fields of its types.
    """
    value, end = decode(body)
    if not isinstance(value, Described) or not isinstance(value.value, list):
        raise MalformedFrame("a frame body starts with a performative")
    try:
        kind, shape = _SHAPES[value.descriptor]
    except (KeyError, TypeError) as exc:
        raise MalformedFrame(f"unexpected performative {value.descriptor!r}") from exc
    fields = value.value[: len(shape)]
    _check_fields(value.descriptor, fields, shape)
    return kind(*fields), body[end:]


def _check_fields(code: int, fields: list[Any], shape: tuple[_Field, ...]) -> None:
    for position, (kind, required) in enumerate(shape):
        value = fields[position] if position < len(fields) else None
        if value is None:
            if required:
                raise MalformedFrame(f"performative 0x{code:02x} lacks its field {position}")
        elif not isinstance(value, kind):
            raise MalformedFrame(f"field {position} of performative 0x{code:02x} is no {kind.__name__}")


def error_value(error: AmqpError | None) -> Described | None:
    """Return an error as AMQP value, always with its three elements."""
    if error is None:
        return None
    return Described(ULong(ERROR), [Symbol(error.condition), error.description, {}])


def write_open(container_id: str, *, max_frame_size: int) -> bytes:
    """Return an open body; no idle time-out is asked for, as clients only ping while they listen."""
    fields = [container_id, None, UInt(max_frame_size), UShort(65535)]
    return encode_described_list(OPEN, [*fields, None, None, None, None, None, {}])


def write_begin(*, remote_channel: int, next_outgoing_id: int, window: int) -> bytes:
    """Return a begin body answering the peer's session."""
    fields = [UShort(remote_channel), UInt(next_outgoing_id), UInt(window), UInt(window), UInt(0xFFFFFFFF)]
    return encode_described_list(BEGIN, [*fields, None, None, {}])


def write_attach(request: Attach, *, refused: bool, max_message_size: int) -> bytes:
    """Return the attach that answers ``request``: same name, handle, modes and, verbatim, source and target.

    A refused link has no terminus on our side; a detach with the error follows.
    """
    client_sends = request.role is ROLE_SENDER
    fields = [
        request.name,
        UInt(request.handle),
        not request.role,
        request.snd_settle_mode,
        request.rcv_settle_mode,
        None if refused and not client_sends else request.source,
        None if refused and client_sends else request.target,
        None,
        None,
        None if client_sends else UInt(0),
        ULong(max_message_size),
        None,
        None,
        {},
    ]
    return encode_described_list(ATTACH, fields)


def write_flow(flow: Flow) -> bytes:
    """Return a flow body."""
    numbers = [None if value is None else UInt(value) for value in flow[:8]]
    return encode_described_list(FLOW, [*numbers, bool(flow.drain), bool(flow.echo), {}])


_TRANSFER = Struct(">7sI BI 2s16s BBB 5s")
_TRANSFER_START = b"\x00\x53\x14\xc0" + bytes((_TRANSFER.size - 5, 11)) + b"\x70"
TRANSFER_BYTES = _TRANSFER.size
"""Size of what write_transfer returns."""


def write_transfer(*, handle: int, delivery_id: int, tag: bytes, settled: bool, more: bool) -> bytes:
    """Return a transfer body without payload; ``tag`` has 16 bytes.

    One packed struct instead of eleven encoded values: this runs for each delivered message.
    """
    flags = (0x41 if settled else 0x42, 0x41 if more else 0x42)
    return _TRANSFER.pack(
        _TRANSFER_START, handle, 0x70, delivery_id, b"\xa0\x10", tag, 0x43, *flags, b"\x40\x40\x42\x42\x42"
    )


def write_disposition(*, role: bool, delivery_id: int, state: bytes) -> bytes:
    """Return a settled disposition of one delivery with an encoded outcome."""
    number = b"\x70" + _U32(delivery_id)
    fields = (b"\x41" if role else b"\x42") + number + number + b"\x41" + state + b"\x42"
    if len(fields) < 255:
        return b"\x00\x53\x15\xc0" + bytes((len(fields) + 1, 6)) + fields
    return b"\x00\x53\x15\xd0" + _U32(len(fields) + 4) + _U32(6) + fields


def write_detach(*, handle: int, error: AmqpError | None = None) -> bytes:
    """Return a closing detach body."""
    return encode_described_list(DETACH, [UInt(handle), True, error_value(error)])


def write_end(error: AmqpError | None = None) -> bytes:
    """Return an end body."""
    return encode_described_list(END, [error_value(error)])


def write_close(error: AmqpError | None = None) -> bytes:
    """Return a close body."""
    return encode_described_list(CLOSE, [error_value(error)])


def write_sasl_mechanisms() -> bytes:
    """Return the mechanisms we offer: ANONYMOUS alone, as an array, which is what the type demands."""
    return encode_described_list(SASL_MECHANISMS, [Array([Symbol("ANONYMOUS")])])


def write_sasl_outcome(*, accepted: bool) -> bytes:
    """Return the outcome: ok (0) or auth (1)."""
    return encode_described_list(SASL_OUTCOME, [UByte(0 if accepted else 1), None])


ACCEPTED_STATE = encode_described_list(ACCEPTED, [])


def rejected_state(error: AmqpError) -> bytes:
    """Return a rejected outcome that carries an error."""
    return encode_described_list(REJECTED, [error_value(error)])
