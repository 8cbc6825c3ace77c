"""Framing (amqp-core v1.0, section 2.3): bytes of a socket in, whole frames out, and back."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from tools.servicebus_broker.amqp.errors import MalformedFrame

MAX_FRAME_BYTES = 65536
"""Largest frame that is accepted, and advertised in open.max-frame-size."""

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"

TYPE_AMQP = 0
TYPE_SASL = 1

_HEADER = Struct(">IBBH")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; an empty body is a heartbeat."""

    kind: int
    channel: int
    body: bytes


def frame(body: bytes, *, channel: int, kind: int = TYPE_AMQP) -> bytes:
    """Return ``body`` as one frame of ``channel``."""
    return _HEADER.pack(len(body) + 8, 2, kind, channel) + body


class FrameReader:
    """Cuts a byte stream into protocol headers and frames; keeps what is incomplete for the next feed."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Append bytes read from the socket."""
        self._rest = self._rest + data if self._rest else data

    def protocol_header(self) -> bytes | None:
        """Take the 8 bytes of a protocol header, when they are there."""
        if len(self._rest) < 8:
            return None
        header, self._rest = self._rest[:8], self._rest[8:]
        return header

    def frames(self) -> Iterator[Frame]:
        """Take every complete frame.

        Raises MalformedFrame for a size or data offset that cannot be; what follows is then lost. The
        consumer may stop early: frames not taken stay.
        """
        data, position = self._rest, 0
        try:
            while len(data) - position >= 8:
                size, offset, kind, channel = _HEADER.unpack_from(data, position)
                _check_frame(size, offset)
                if len(data) - position < size:
                    break
                start, position = position + 4 * offset, position + size
                yield Frame(kind, channel, data[start:position])
        finally:
            self._rest = data[position:] if position else data


def _check_frame(size: int, offset: int) -> None:
    if size > MAX_FRAME_BYTES:
        raise MalformedFrame(f"a frame of {size} bytes is over the limit of {MAX_FRAME_BYTES}")
    if offset < 2 or 4 * offset > size:
        raise MalformedFrame(f"a data offset of {offset} words does not fit a frame of {size} bytes")
