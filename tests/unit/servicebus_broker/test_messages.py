"""Messages: what the sender wrote is kept, what the broker knows is added."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.servicebus_broker import messages as m
from tools.servicebus_broker.amqp.decode import decode
from tools.servicebus_broker.amqp.encode import encode, encode_described_list
from tools.servicebus_broker.amqp.errors import MalformedFrame
from tools.servicebus_broker.amqp.types import Array, Described, Symbol, Timestamp, UByte, UInt, ULong
from tools.servicebus_broker.engine.records import DeadLetterReason, Draft, Message, MessageState

BODY = encode(Described(ULong(m.DATA), b"body"))


def section(code: int, value: Any) -> bytes:
    return encode(Described(ULong(code), value))


def properties(*fields: Any) -> bytes:
    return encode_described_list(m.PROPERTIES, list(fields))


def stored(draft: Draft, **state: Any) -> Message:
    values = {"state": MessageState.ACTIVE, "enqueued_at": 1000, "sequence": 5} | state
    size = len(draft.payload)
    return Message(
        queue_id=1, payload=None, size=size, message_id=draft.message_id, ttl_ms=draft.ttl_ms, **values
    )


def sections(data: bytes) -> dict[int, Any]:
    found, position = {}, 0
    while position < len(data):
        described, position = decode(data, position)
        found[described.descriptor] = described.value
    return found


def delivered(data: bytes, **state: Any) -> dict[int, Any]:
    draft = m.read_message(data)
    return sections(m.write_message(stored(draft, **state), draft.payload))


def test_the_bare_message_is_untouched() -> None:
    bare = properties("id", None, "to") + section(m.APPLICATION_PROPERTIES, {"k": UByte(1)}) + BODY
    draft = m.read_message(encode_described_list(m.HEADER, [True]) + bare)
    assert m.write_message(stored(draft), draft.payload).endswith(bare)


def test_the_header_is_kept_and_counts_deliveries() -> None:
    header = encode_described_list(m.HEADER, [True, UByte(7), UInt(60_000), True, UInt(9)])
    assert m.read_message(header + BODY).ttl_ms == 60_000
    found = delivered(header + BODY, delivery_count=2)
    assert found[m.HEADER] == [True, UByte(7), UInt(60_000), None, UInt(2)]


def test_annotations_of_the_broker_are_added_and_cannot_be_forged() -> None:
    forged = {Symbol("x-opt-sequence-number"): UInt(99), Symbol("x-opt-partition-key"): "p"}
    found = delivered(section(m.ANNOTATIONS, forged) + BODY, lock_token=b"t" * 16, locked_until=4000)
    assert found[m.ANNOTATIONS] == {
        "x-opt-partition-key": "p",
        "x-opt-sequence-number": 5,
        "x-opt-enqueued-time": 1000,
        "x-opt-locked-until": 4000,
    }


def test_the_state_is_told_unless_it_is_plain() -> None:
    assert delivered(BODY, state=MessageState.DEFERRED)[m.ANNOTATIONS]["x-opt-message-state"] == 1
    assert "x-opt-message-state" not in delivered(BODY)[m.ANNOTATIONS]


def test_delivery_annotations_are_for_one_hop() -> None:
    assert 0x71 not in delivered(section(0x71, {Symbol("x"): True}) + BODY)


@pytest.mark.parametrize(
    ("message_id", "key"),
    [("text", "text"), (ULong(7), "ULong:7"), (UUID(int=1), f"UUID:{UUID(int=1)}"), (b"raw", "bytes:b'raw'")],
)
def test_ids_of_every_type(message_id: Any, key: str) -> None:
    assert m.read_message(properties(message_id) + BODY).message_id == key


@pytest.mark.parametrize("head", [b"", properties(), properties(None, None, "to")])
def test_a_missing_id_is_assigned(head: bytes) -> None:
    draft = m.read_message(head + BODY)
    assert draft.message_id
    found = sections(m.write_message(stored(draft), draft.payload))
    assert found[m.PROPERTIES][0] == draft.message_id
    assert found[m.PROPERTIES][1:] == ([None, "to"] if b"to" in head else [])
    assert found[m.DATA] == b"body"


def test_the_scheduled_time_is_read() -> None:
    annotation = {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(123)}
    assert m.read_message(section(m.ANNOTATIONS, annotation) + BODY).due_at == 123


@pytest.mark.parametrize("before", [{}, {"k": "v"}, {"DeadLetterReason": "old", "k": "v"}])
def test_a_dead_letter_carries_its_reason(before: dict[str, str]) -> None:
    head = section(m.APPLICATION_PROPERTIES, before) if before else b""
    found = delivered(properties("id") + head + BODY, why_dead=DeadLetterReason("why", "what"))
    expected = before | {"DeadLetterReason": "why", "DeadLetterErrorDescription": "what"}
    assert found[m.APPLICATION_PROPERTIES] == expected
    assert found[m.DATA] == b"body"


@pytest.mark.parametrize("value", [["not a map"], {"k": Array([Array([UInt(1)])])}])
def test_unreadable_application_properties_do_not_stop_a_dead_letter(value: Any) -> None:
    if isinstance(value, dict):
        inner = b"\xf0\x00\x00\x00\x0a\x00\x00\x00\x01\xe0\x03\x01\x50\x01"
        raw = b"\x00\x53\x74\xc1" + bytes((len(inner) + 4, 2)) + b"\xa1\x01k" + inner
    else:
        raw = section(m.APPLICATION_PROPERTIES, value)
    draft = m.read_message(properties("id") + raw + BODY)
    message = stored(draft, why_dead=DeadLetterReason("why"))
    assert m.write_message(message, draft.payload).endswith(raw + BODY)


def test_a_batch_is_its_messages() -> None:
    batch = b"".join(section(m.DATA, properties(f"id-{n}") + BODY) for n in range(3))
    assert [draft.message_id for draft in m.read_messages(batch, m.BATCH_FORMAT)] == ["id-0", "id-1", "id-2"]
    assert len(m.read_messages(batch, 0)) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x40", id="no section"),
        pytest.param(section(0x55, "x"), id="unknown section"),
        pytest.param(BODY + properties("id"), id="wrong order"),
        pytest.param(properties("id") + properties("id") + BODY, id="repeated"),
        pytest.param(BODY[:-1], id="cut"),
        pytest.param(section(m.HEADER, "x") + BODY, id="a header that is no list"),
        pytest.param(encode_described_list(m.HEADER, [True, None, "1"]) + BODY, id="a ttl that is text"),
        pytest.param(encode_described_list(m.HEADER, [True, "p" * 20]) + BODY, id="a priority that is text"),
        pytest.param(section(m.ANNOTATIONS, {ULong(1): 1.0}) + BODY, id="an annotation named by a number"),
        pytest.param(section(m.PROPERTIES, "x") + BODY, id="properties that are no list"),
    ],
)
def test_malformed_messages(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        m.read_message(data)


def test_a_batch_with_a_malformed_message_is_malformed() -> None:
    with pytest.raises(MalformedFrame):
        m.read_messages(section(m.DATA, BODY) + section(m.DATA, b"\x00"), m.BATCH_FORMAT)
    with pytest.raises(MalformedFrame):
        m.read_messages(section(m.VALUE, "x"), m.BATCH_FORMAT)


@given(st.binary(max_size=120), st.sampled_from([0, m.BATCH_FORMAT]))
def test_any_bytes_are_messages_or_malformed(data: bytes, message_format: int) -> None:
    try:
        drafts = m.read_messages(b"\x00\x53" + data, message_format)
    except MalformedFrame:
        return
    for draft in drafts:
        assert m.write_message(stored(draft, why_dead=DeadLetterReason("r")), draft.payload)
