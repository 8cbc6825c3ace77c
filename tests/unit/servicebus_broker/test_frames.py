"""Frames and performatives: cut right whatever the socket's chunks, typed, refused when broken."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.servicebus_broker.amqp import performatives as p
from tools.servicebus_broker.amqp.encode import encode, encode_described_list
from tools.servicebus_broker.amqp.errors import AmqpError, MalformedFrame
from tools.servicebus_broker.amqp.frames import MAX_FRAME_BYTES, FrameReader, frame
from tools.servicebus_broker.amqp.types import Described, Symbol, UByte, UInt, ULong

FRAMES = st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=60)), max_size=6)


@given(FRAMES, st.lists(st.integers(1, 40), min_size=1))
def test_frames_do_not_depend_on_chunks(frames: list[tuple[int, bytes]], sizes: list[int]) -> None:
    stream = b"".join(frame(body, channel=channel) for channel, body in frames)
    reader, received, position, turn = FrameReader(), [], 0, 0
    while position < len(stream):
        size = sizes[turn % len(sizes)]
        reader.feed(stream[position : position + size])
        received += [(found.channel, found.body) for found in reader.frames()]
        position, turn = position + size, turn + 1
    assert received == frames


def test_frames_not_taken_stay() -> None:
    reader = FrameReader()
    reader.feed(frame(b"one", channel=0) + frame(b"two", channel=0))
    assert next(reader.frames()).body == b"one"
    assert [found.body for found in reader.frames()] == [b"two"]


def test_an_extended_header_is_skipped() -> None:
    reader = FrameReader()
    reader.feed(struct.pack(">IBBH", 14, 3, 0, 0) + b"xxxx" + b"ok")
    assert [found.body for found in reader.frames()] == [b"ok"]


@pytest.mark.parametrize(
    ("size", "offset"), [(7, 2), (0, 2), (MAX_FRAME_BYTES + 1, 2), (8, 1), (8, 3), (0xFFFFFFFF, 2)]
)
def test_impossible_frames(size: int, offset: int) -> None:
    reader = FrameReader()
    reader.feed(struct.pack(">IBBH", size, offset, 0, 0))
    with pytest.raises(MalformedFrame):
        list(reader.frames())


@given(
    handle=st.integers(0, 0xFFFFFFFF),
    delivery_id=st.integers(0, 0xFFFFFFFF),
    tag=st.binary(min_size=16, max_size=16),
    settled=st.booleans(),
    more=st.booleans(),
)
def test_the_packed_transfer_is_a_transfer(
    handle: int, delivery_id: int, tag: bytes, settled: bool, more: bool
) -> None:
    body = p.write_transfer(handle=handle, delivery_id=delivery_id, tag=tag, settled=settled, more=more)
    assert len(body) == p.TRANSFER_BYTES
    transfer, payload = p.read_performative(body + b"payload")
    assert isinstance(transfer, p.Transfer)
    assert payload == b"payload"
    assert transfer == p.Transfer(handle, delivery_id, tag, 0, settled, more, None, None, False, False)


@pytest.mark.parametrize("state", [p.ACCEPTED_STATE, p.rejected_state(AmqpError("a:b", "x" * 300))])
def test_the_packed_disposition_is_a_disposition(state: bytes) -> None:
    body = p.write_disposition(role=p.ROLE_RECEIVER, delivery_id=0xFFFFFFFF, state=state)
    disposition, _ = p.read_performative(body)
    assert isinstance(disposition, p.Disposition)
    assert disposition[:4] == (True, 0xFFFFFFFF, 0xFFFFFFFF, True)
    assert encode(disposition.state) == state


def test_all_fields_are_written() -> None:
    """Older SDKs index the fields by position, and the elements of an error as well."""
    counts = {
        p.write_open("c", max_frame_size=512): 10,
        p.write_begin(remote_channel=1, next_outgoing_id=0, window=9): 8,
        p.write_attach(p.Attach("n", UInt(0), True), refused=False, max_message_size=9): 14,
        p.write_flow(p.Flow(None, 1, 2, 3)): 11,
        p.write_detach(handle=1): 3,
        p.write_disposition(role=False, delivery_id=1, state=p.ACCEPTED_STATE): 6,
    }
    for body, count in counts.items():
        assert body[4 if body[3] == 0xD0 else 5] == count or body[11] == count
    error = p.error_value(AmqpError("amqp:not-found", "gone"))
    assert error == Described(ULong(p.ERROR), [Symbol("amqp:not-found"), "gone", {}])


def test_a_refused_link_has_no_terminus_of_ours() -> None:
    source, target = Described(ULong(0x28), ["s"]), Described(ULong(0x29), ["t"])
    for role, sides in ((p.ROLE_RECEIVER, (None, target)), (p.ROLE_SENDER, (source, None))):
        request = p.Attach("link", UInt(4), role, UByte(0), UByte(1), source, target)
        reply, _ = p.read_performative(p.write_attach(request, refused=True, max_message_size=9))
        assert isinstance(reply, p.Attach)
        assert (reply.source, reply.target) == sides
        assert (reply.name, reply.handle, reply.role) == ("link", 4, not role)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x40", id="no performative"),
        pytest.param(encode_described_list(0x99, []), id="unknown"),
        pytest.param(encode(Described(["list"], [])), id="a descriptor that cannot be one"),
        pytest.param(encode(Described(ULong(p.FLOW), {})), id="a map for a list"),
        pytest.param(encode_described_list(p.FLOW, []), id="required fields missing"),
        pytest.param(encode_described_list(p.DETACH, ["0"]), id="a field of another type"),
        pytest.param(encode_described_list(p.DETACH, [True]), id="a boolean for a number"),
    ],
)
def test_broken_performatives(body: bytes) -> None:
    with pytest.raises(MalformedFrame):
        p.read_performative(body)
