"""AMQP messages (amqp-core v1.0, section 3.2) to drafts of the engine, and stored messages back to AMQP.

The payload that the engine keeps is: the sender's durable, priority and ttl, the sender's message annotations
and, untouched, the bytes of the bare message (properties, application properties, body, footer). Delivery
annotations concern one hop and are dropped.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Any, NamedTuple
from uuid import uuid4

from tools.servicebus_broker.amqp.decode import compound_span, decode, skip
from tools.servicebus_broker.amqp.encode import encode, encode_described_list
from tools.servicebus_broker.amqp.errors import EncodeError, MalformedFrame
from tools.servicebus_broker.amqp.types import Described, Timestamp, UInt, ULong
from tools.servicebus_broker.engine.records import DeadLetterReason, Draft, Message, MessageState

BATCH_FORMAT = 0x80013700
"""transfer.message-format of a batch: each data section holds one encoded message."""

HEADER, _, ANNOTATIONS, PROPERTIES, APPLICATION_PROPERTIES, DATA, SEQUENCE, VALUE, FOOTER = range(0x70, 0x79)

_SCHEDULED_FOR = "x-opt-scheduled-enqueue-time"
_BROKER_ANNOTATIONS = frozenset(
    ("x-opt-sequence-number", "x-opt-enqueued-time", "x-opt-locked-until", "x-opt-message-state")
)

_ENVELOPE = Struct(">BHI")
_U32 = Struct(">I").pack
_U32_PAIR = Struct(">II").pack
_I64 = Struct(">q").pack
_SEQUENCE_KEY = b"\xa3\x15x-opt-sequence-number\x81"
_ENQUEUED_KEY = b"\xa3\x13x-opt-enqueued-time\x83"
_LOCKED_KEY = b"\xa3\x12x-opt-locked-until\x83"
_STATE_KEY = b"\xa3\x13x-opt-message-state\x54"


class _Section(NamedTuple):
    """Where a section's descriptor and its value start, and where it ends."""

    code: int
    start: int
    value: int
    end: int


def read_messages(data: bytes, message_format: int) -> list[Draft]:
    """Return the one message of a transfer, or all messages of a batch. Raises MalformedFrame."""
    if message_format != BATCH_FORMAT:
        return [read_message(data)]
    sections = list(_sections(data))
    if any(section.code in (SEQUENCE, VALUE) for section in sections):
        raise MalformedFrame("a batch holds data sections only")
    return [read_message(_binary(data, section)) for section in sections if section.code == DATA]


def read_message(data: bytes) -> Draft:
    """Return an encoded message as a draft, with a message id if it has none. Raises MalformedFrame."""
    prefix, ttl, annotations = b"\x40\x40\x40", None, _NO_ANNOTATIONS
    message_id, bare = None, b""
    for section in _sections(data):
        if section.code == HEADER:
            prefix, ttl = _read_header(data, section)
        elif section.code == ANNOTATIONS:
            annotations = _read_annotations(data, section)
        elif section.code >= PROPERTIES:
            message_id, bare = _read_bare(data, section)
            break
    if message_id is None:
        message_id, bare = _with_message_id(bare)
    head = _ENVELOPE.pack(len(prefix), 2 * annotations.pairs, len(annotations.raw))
    payload = b"".join((head, prefix, annotations.raw, bare))
    return Draft(message_id=message_id, payload=payload, ttl_ms=ttl, due_at=annotations.due_at)


def write_message(message: Message, payload: bytes, *, with_state: bool = False) -> bytes:
    """Return the message as delivered: counts, times and, if it is locked, the end of the lock added."""
    prefix_size, count, annotations_size = _ENVELOPE.unpack_from(payload)
    annotations_start = _ENVELOPE.size + prefix_size
    bare_start = annotations_start + annotations_size
    annotations = [
        payload[annotations_start:bare_start],
        _SEQUENCE_KEY,
        _I64(message.sequence),
        _ENQUEUED_KEY,
        _I64(message.enqueued_at),
    ]
    count += 4
    if message.lock_token is not None:
        annotations += (_LOCKED_KEY, _I64(message.locked_until))
        count += 2
    if with_state or message.state is not MessageState.ACTIVE:
        annotations += (_STATE_KEY, bytes((message.state,)))
        count += 2
    raw = b"".join(annotations)
    bare = payload[bare_start:]
    if message.why_dead is not None:
        bare = _with_reason(bare, message.why_dead)
    head = b"\x00\x53\x70\xc0" + bytes((prefix_size + 7, 5)) + payload[_ENVELOPE.size : annotations_start]
    head += b"\x40\x70" + _U32(message.delivery_count)
    return b"".join((head, b"\x00\x53\x72\xd1", _U32_PAIR(len(raw) + 4, count), raw, bare))


class _Annotations(NamedTuple):
    """The sender's encoded keys and values, how many pairs, and the time the message is scheduled for."""

    raw: bytes
    pairs: int
    due_at: int | None


_NO_ANNOTATIONS = _Annotations(b"", 0, None)


def _sections(data: bytes) -> Iterator[_Section]:
    position, last = 0, HEADER - 1
    while position < len(data):
        code, value = _section_code(data, position)
        repeats = code in (DATA, SEQUENCE)
        if code < last or (code == last and not repeats):
            raise MalformedFrame("the sections of a message are out of order")
        end = skip(data, value)
        yield _Section(code, position, value, end)
        position, last = end, code


def _section_code(data: bytes, position: int) -> tuple[int, int]:
    if data[position : position + 2] == b"\x00\x53" and len(data) > position + 3:
        code, value = data[position + 2], position + 3
    elif data[position] == 0:
        code, value = decode(data, position + 1)
    else:
        raise MalformedFrame("a section of a message is a described value")
    if not isinstance(code, int) or not HEADER <= code <= FOOTER:
        raise MalformedFrame(f"unknown section {code!r}")
    return code, value


def _binary(data: bytes, section: _Section) -> bytes:
    value, _ = decode(data, section.value)
    if not isinstance(value, bytes):
        raise MalformedFrame("a data section holds binary")
    return value


def _read_header(data: bytes, section: _Section) -> tuple[bytes, int | None]:
    """Return the encoded first three fields and the time to live."""
    fields, _ = decode(data, section.value)
    if not isinstance(fields, list):
        raise MalformedFrame("a header is a list")
    durable, priority, ttl = (fields + [None] * 3)[:3]
    if ttl is not None and not isinstance(ttl, UInt):
        raise MalformedFrame("a time to live is a uint")
    prefix = b"".join((encode(bool(durable)), encode(priority), encode(ttl)))
    if len(prefix) > 16:
        raise MalformedFrame("a priority is a ubyte")
    return prefix, ttl


def _read_annotations(data: bytes, section: _Section) -> _Annotations:
    count, position, end = compound_span(data, section.value)
    kept: list[bytes] = []
    due_at = None
    for _ in range(count // 2):
        key, value_start = decode(data, position)
        value_end = skip(data, value_start)
        if not isinstance(key, str):
            raise MalformedFrame("a message annotation is named by a symbol")
        if key not in _BROKER_ANNOTATIONS:
            kept.append(data[position:value_end])
        if key == _SCHEDULED_FOR:
            due_at = _timestamp(data, value_start)
        position = value_end
    if position != end:
        raise MalformedFrame("the message annotations do not fill their stated size")
    return _Annotations(b"".join(kept), len(kept), due_at)


def _timestamp(data: bytes, position: int) -> int | None:
    value, _ = decode(data, position)
    if value is not None and not isinstance(value, Timestamp):
        raise MalformedFrame(f"{_SCHEDULED_FOR} is a timestamp")
    return value


def _read_bare(data: bytes, section: _Section) -> tuple[str | None, bytes]:
    """Return the message id, if there is one, and the bytes from ``section`` to the end."""
    for _ in _sections(data[section.start :]):
        pass  # every section ends inside the message
    bare = data[section.start :]
    if section.code != PROPERTIES:
        return None, bare
    count, first, _ = compound_span(data, section.value)
    if count == 0 or data[first] == 0x40:
        return None, bare
    value, _ = decode(data, first)
    return (value if type(value) is str else f"{type(value).__name__}:{value}"), bare


def _with_message_id(bare: bytes) -> tuple[str, bytes]:
    """Give a message an id: some clients cannot handle one without."""
    message_id, rest = uuid4().hex, bare
    properties: Any = []
    section = next(_sections(bare), None)
    if section is not None and section.code == PROPERTIES:
        properties, end = decode(bare, section.value)
        if not isinstance(properties, list):
            raise MalformedFrame("message properties are a list")
        rest = bare[end:]
    return message_id, encode_described_list(PROPERTIES, [message_id, *properties[1:]]) + rest


def _with_reason(bare: bytes, why: DeadLetterReason) -> bytes:
    """Add the reason to the application properties of a bare message; to none if they are not readable."""
    properties: Any = {}
    start = end = 0
    for section in _sections(bare):
        if section.code > APPLICATION_PROPERTIES:
            break
        start, end = section.end, section.end
        if section.code == APPLICATION_PROPERTIES:
            properties, start = _readable_map(bare, section.value), section.start
    if properties is None:
        return bare
    if why.reason is not None:
        properties["DeadLetterReason"] = why.reason
    if why.description is not None:
        properties["DeadLetterErrorDescription"] = why.description
    try:
        section_with_reason = encode(Described(ULong(APPLICATION_PROPERTIES), properties))
    except EncodeError:
        return bare
    return bare[:start] + section_with_reason + bare[end:]


def _readable_map(data: bytes, position: int) -> dict[Any, Any] | None:
    try:
        value, _ = decode(data, position)
    except MalformedFrame:
        return None
    return value if isinstance(value, dict) else None
