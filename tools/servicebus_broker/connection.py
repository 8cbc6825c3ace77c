"""One client connection: SASL, open, channels and close (amqp-core v1.0, section 2.4 and part 5)."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from tools.servicebus_broker.amqp.errors import AmqpError, ProtocolError
from tools.servicebus_broker.amqp.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    MAX_FRAME_BYTES,
    SASL_HEADER,
    TYPE_AMQP,
    TYPE_SASL,
    Frame,
    FrameReader,
    frame,
)
from tools.servicebus_broker.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Performative,
    SaslInit,
    Transfer,
    read_performative,
    write_close,
    write_end,
    write_open,
    write_sasl_mechanisms,
    write_sasl_outcome,
)
from tools.servicebus_broker.session import Session

if TYPE_CHECKING:
    from tools.servicebus_broker.broker import Broker

log = logging.getLogger(__name__)

SMALLEST_MAX_FRAME = 512
MAX_SESSIONS = 256
_NO_LIMIT = 0xFFFFFFFF

Step = Callable[[], bool]
"""Takes what it can of the bytes received; True when the next step may go on with the rest."""


class Connection(asyncio.Protocol):
    """Reads frames and applies them; collects the answers until the broker has committed and calls flush().

    Whatever a peer sends, at worst its own connection is closed.
    """

    def __init__(self, broker: "Broker") -> None:
        self.broker = broker
        self.max_frame_size = SMALLEST_MAX_FRAME
        self.is_paused = False
        self._reader = FrameReader()
        self._step: Step = self._read_first_header
        self._sessions: dict[int, Session] = {}
        self._ended: set[int] = set()
        self._output: list[bytes] = []
        self._is_open = False
        self._is_closing = False
        self._heartbeat_ms: int | None = None
        self._last_written = 0
        self._transport: asyncio.Transport | None = None

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start with a keep-alive, so that a peer that vanished is noticed in the end."""
        self._transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.broker.connected(self)

    def data_received(self, data: bytes) -> None:
        """Apply what can be applied of the bytes received so far."""
        if self._is_closing:
            return
        self._reader.feed(data)
        try:
            while self._step():
                pass
        except ProtocolError as error:
            log.warning("closing a connection: %s", error, extra={"action": "protocol_error"})
            self._close(error)
        except Exception:  # the one place: a defect met by one client must not end the others' service
            log.exception("closing a connection", extra={"action": "connection_failed"})
            self._close(AmqpError("amqp:internal-error", "the broker failed to handle a frame"))
        self.broker.flush_soon(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio names it
        """End the sessions; their locks stay unless the broker is told to release them."""
        self._is_closing = True
        self._end_sessions()
        self.broker.disconnected(self)

    def pause_writing(self) -> None:
        """The socket is full: the sessions are blocked."""
        self.is_paused = True

    def resume_writing(self) -> None:
        """The socket has room again."""
        self.is_paused = False
        for session in self._sessions.values():
            session.resume()
        self.broker.flush_soon(self)

    # ---- for the broker and the sessions

    def send(self, channel: int, body: bytes) -> None:
        """Queue a frame; it leaves after the next commit."""
        self._output.append(frame(body, channel=channel))
        self.broker.flush_soon(self)

    def flush(self, now: int) -> None:
        """Write what is queued; close the socket behind the last frame."""
        if self._transport is None:
            return
        if self._output:
            self._transport.write(b"".join(self._output))
            self._output.clear()
            self._last_written = now
        if self._is_closing:
            self._transport.close()

    def keep_alive(self, now: int) -> None:
        """Send an empty frame if the client would otherwise miss us."""
        if self._heartbeat_ms is not None and now - self._last_written >= self._heartbeat_ms:
            self._output.append(EMPTY_FRAME)
            self.flush(now)

    def abort(self) -> None:
        """Drop the connection with all that is not written."""
        self._output.clear()
        if self._transport is not None:
            self._transport.abort()

    # ---- steps

    def _read_first_header(self) -> bool:
        header = self._reader.protocol_header()
        if header is None:
            return False
        if header == SASL_HEADER:
            self._output.append(SASL_HEADER + frame(write_sasl_mechanisms(), channel=0, kind=TYPE_SASL))
            self._step = self._read_sasl_init
            return True
        return self._accept_amqp_header(header)

    def _read_sasl_init(self) -> bool:
        for received in self._reader.frames():
            init, _ = read_performative(received.body)
            if received.kind != TYPE_SASL or not isinstance(init, SaslInit):
                raise ProtocolError("amqp:not-allowed", "sasl-init was expected")
            accepted = init.mechanism == "ANONYMOUS"
            self._output.append(frame(write_sasl_outcome(accepted=accepted), channel=0, kind=TYPE_SASL))
            self._is_closing = not accepted
            self._step = self._read_second_header
            return accepted
        return False

    def _read_second_header(self) -> bool:
        header = self._reader.protocol_header()
        return header is not None and self._accept_amqp_header(header)

    def _accept_amqp_header(self, header: bytes) -> bool:
        """Answer with the header we speak; a peer that speaks another protocol gets that and is closed."""
        self._output.append(AMQP_HEADER)
        if header != AMQP_HEADER:
            self._is_closing = True
            return False
        self._step = self._read_frames
        return True

    def _read_frames(self) -> bool:
        for received in self._reader.frames():
            self._apply(received)
            if self._is_closing:
                break
        return False

    # ---- performatives

    def _apply(self, received: Frame) -> None:
        if received.kind != TYPE_AMQP:
            raise ProtocolError("amqp:connection:framing-error", f"unexpected frame type {received.kind}")
        if not received.body:
            return
        performative, payload = read_performative(received.body)
        if received.channel in self._ended and not isinstance(performative, Begin | Close):
            return  # the SDK detaches its links after it ended their session
        if isinstance(performative, Transfer):
            self._session(received.channel).on_transfer(performative, payload)
        elif isinstance(performative, Disposition):
            self._session(received.channel).on_disposition(performative)
        elif isinstance(performative, Flow):
            self._session(received.channel).on_flow(performative)
        else:
            self._apply_rare(received.channel, performative)

    def _apply_rare(self, channel: int, performative: Performative) -> None:
        match performative:
            case Attach():
                self._session(channel).on_attach(performative)
            case Detach():
                self._session(channel).on_detach(performative)
            case Open():
                self._on_open(performative)
            case Begin():
                self._on_begin(channel, performative)
            case End():
                self._session(channel).end()
                del self._sessions[channel]
                self._ended.add(channel)
                self.send(channel, write_end())
            case Close():
                self._close(None)
            case _:
                raise ProtocolError("amqp:not-allowed", "unexpected performative")

    def _session(self, channel: int) -> Session:
        try:
            return self._sessions[channel]
        except KeyError as exc:
            raise ProtocolError("amqp:not-allowed", f"channel {channel} has no session") from exc

    def _on_open(self, opened: Open) -> None:
        size = opened.max_frame_size if opened.max_frame_size is not None else _NO_LIMIT
        if self._is_open or size < SMALLEST_MAX_FRAME:
            raise ProtocolError("amqp:invalid-field", "open comes once, with max-frame-size of at least 512")
        self._is_open = True
        self.max_frame_size = min(size, MAX_FRAME_BYTES)
        if opened.idle_time_out:
            self._heartbeat_ms = max(opened.idle_time_out // 2, 1)
        self.send(0, write_open(self.broker.container_id, max_frame_size=MAX_FRAME_BYTES))

    def _on_begin(self, channel: int, begin: Begin) -> None:
        if not self._is_open or channel in self._sessions or len(self._sessions) >= MAX_SESSIONS:
            raise ProtocolError("amqp:not-allowed", f"a session cannot begin on channel {channel}")
        self._ended.discard(channel)
        self._sessions[channel] = Session(self, channel, begin)

    def _close(self, error: AmqpError | None) -> None:
        if self._is_open:
            self.send(0, write_close(error))
        self._is_closing = True
        self._end_sessions()

    def _end_sessions(self) -> None:
        for session in self._sessions.values():
            session.end()
        self._sessions.clear()
