"""A client that speaks AMQP frame by frame, for what the SDK never does."""

import socket
from collections.abc import Iterator
from typing import Any

from tools.servicebus_broker.amqp import performatives as p
from tools.servicebus_broker.amqp.encode import encode, encode_described_list
from tools.servicebus_broker.amqp.frames import AMQP_HEADER, FrameReader, frame
from tools.servicebus_broker.amqp.types import Described, UByte, UInt, ULong

BIG_WINDOW = 5000


class WireClient:
    """One connection with one session on channel 0."""

    def __init__(
        self, port: int, *, max_frame_size: int = 65536, window: int = BIG_WINDOW, idle_ms: int | None = None
    ) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._reader = FrameReader()
        self._frames = self._read()
        self._received = 0
        self.sizes: list[int] = []
        self._socket.sendall(AMQP_HEADER)
        idle = None if idle_ms is None else UInt(idle_ms)
        self.send(p.OPEN, "wire", None, UInt(max_frame_size), None, idle)
        self.send(p.BEGIN, None, UInt(0), UInt(window), UInt(BIG_WINDOW))
        assert isinstance(self.next(), p.Open)
        assert isinstance(self.next(), p.Begin)

    def __enter__(self) -> "WireClient":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def send(self, code: int, *fields: Any, payload: bytes = b"") -> None:
        self._socket.sendall(frame(encode_described_list(code, list(fields)) + payload, channel=0))

    def next(self) -> Any:
        """Return the next performative; for a transfer, with its payload; None for an empty frame."""
        body = next(self._frames)
        if not body:
            return None
        performative, payload = p.read_performative(body)
        return (performative, payload) if isinstance(performative, p.Transfer) else performative

    def attach(self, queue: str, *, receive: bool, handle: int = 0) -> None:
        """Attach and take the broker's answer, for a sender with its first credit."""
        source, target = (Described(ULong(code), [queue]) for code in (0x28, 0x29))
        fields = (f"link-{handle}", UInt(handle), receive, UByte(0), UByte(1), source, target)
        self.send(p.ATTACH, *fields, None, None, None if receive else UInt(0))
        assert isinstance(self.next(), p.Attach)
        if not receive:
            assert isinstance(self.next(), p.Flow)

    def flow(
        self, credit: int, *, count: int = 0, handle: int = 0, window: int = BIG_WINDOW, drain: bool = False
    ) -> None:
        """Give a link credit, counted from ``count`` deliveries."""
        session = (UInt(self._received), UInt(window), UInt(0), UInt(BIG_WINDOW))
        self.send(p.FLOW, *session, UInt(handle), UInt(count), UInt(credit), None, drain)

    def transfer(self, delivery: int, message: bytes, *, more: bool = False, aborted: bool = False) -> None:
        fields = (UInt(0), UInt(delivery), b"tag", UInt(0), False, more, None, None, False, aborted)
        self.send(p.TRANSFER, *fields, payload=message)

    def settle(self, first: int, last: int, *, settled: bool) -> None:
        """Complete a range of deliveries."""
        state = Described(ULong(p.ACCEPTED), [])
        self.send(p.DISPOSITION, p.ROLE_RECEIVER, UInt(first), UInt(last), settled, state)

    def message(self) -> tuple[p.Transfer, bytes]:
        """Return the next delivery, its frames joined."""
        transfer, payload = self._transfer()
        first, parts = transfer, [payload]
        while transfer.more:
            transfer, payload = self._transfer()
            assert transfer.delivery_id == first.delivery_id
            parts.append(payload)
        return first, b"".join(parts)

    def is_silent(self, seconds: float = 0.4) -> bool:
        """Whether no frame comes for a while."""
        self._socket.settimeout(seconds)
        try:
            next(self._frames)
        except TimeoutError:
            self._frames = self._read()
            return True
        finally:
            self._socket.settimeout(10)
        return False

    def _transfer(self) -> tuple[p.Transfer, bytes]:
        transfer, payload = self.next()
        self._received += 1
        return transfer, payload

    def _read(self) -> Iterator[bytes]:
        while True:
            for received in self._reader.frames():
                self.sizes.append(len(received.body) + 8)
                yield received.body
            data = self._socket.recv(65536)
            if not data:
                return
            if data.startswith(AMQP_HEADER):
                data = data[len(AMQP_HEADER) :]
            self._reader.feed(data)


def text_message(text: str) -> bytes:
    """Return an encoded message with a text body."""
    return encode(Described(ULong(0x77), text))
