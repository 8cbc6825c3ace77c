"""Links: named, one-way streams of messages between the client and a node."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.servicebus_broker import serial
from tools.servicebus_broker.amqp.errors import AmqpError, ProtocolError
from tools.servicebus_broker.amqp.performatives import (
    ACCEPTED_STATE,
    SETTLED_MODE,
    Attach,
    Flow,
    Transfer,
    rejected_state,
)
from tools.servicebus_broker.engine.records import Message
from tools.servicebus_broker.messages import write_message
from tools.servicebus_broker.nodes import address_text

if TYPE_CHECKING:
    from tools.servicebus_broker.dispatcher import Dispatcher
    from tools.servicebus_broker.session import Session

MAX_MESSAGE_BYTES = 1 << 20
"""Advertised as max-message-size; the SDK sizes its batches by it."""

LINK_CREDIT = 5000
_NO_TAG = bytes(16)

Accept = Callable[[bytes, int], None]
"""Takes (encoded message, message format); raises AmqpError to reject it."""


@dataclass(frozen=True, slots=True)
class LinkCredit:
    """What a flow says of a link."""

    handle: int
    delivery_count: int
    credit: int
    drain: bool = False


class InboundLink:
    """The client sends. Clients assume credit before we give it, so sending beyond it is not an error."""

    def __init__(self, session: "Session", attach: Attach, accept: Accept) -> None:
        self.handle = attach.handle
        self._session = session
        self._accept = accept
        self._delivery_count = attach.initial_delivery_count or 0
        self._used = 0
        self._first: Transfer | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def give_credit(self) -> None:
        """Allow the client another LINK_CREDIT deliveries."""
        self._used = 0
        self._session.send_flow(LinkCredit(self.handle, self._delivery_count, LINK_CREDIT))

    def on_flow(self, flow: Flow) -> None:
        """Answer a client that asks how much credit it has."""
        if flow.echo:
            self.give_credit()

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Collect the frames of a delivery; accept or reject it with the last one."""
        first = self._first = self._first or transfer
        if first.delivery_id is None:
            raise ProtocolError("amqp:invalid-field", "the first transfer of a delivery has a delivery-id")
        self._size += len(payload)
        if self._size <= MAX_MESSAGE_BYTES:
            self._parts.append(payload)
        if transfer.more and not transfer.aborted:
            return
        if not transfer.aborted:
            state = self._outcome(first)
            if not (first.settled or transfer.settled):
                self._session.send_disposition(first.delivery_id, state, as_receiver=True)
        self._next_delivery()

    def _outcome(self, first: Transfer) -> bytes:
        try:
            _check_size(self._size)
            self._accept(b"".join(self._parts), first.message_format or 0)
        except AmqpError as error:
            return rejected_state(error)
        return ACCEPTED_STATE

    def _next_delivery(self) -> None:
        self._first, self._parts, self._size = None, [], 0
        self._delivery_count = serial.add(self._delivery_count, 1)
        self._used += 1
        if self._used >= LINK_CREDIT // 2:
            self.give_credit()

    def close(self) -> None:
        """A partial delivery is forgotten with the link."""


def _check_size(size: int) -> None:
    if size > MAX_MESSAGE_BYTES:
        text = f"The message of {size} bytes exceeds the maximum of {MAX_MESSAGE_BYTES} bytes."
        raise AmqpError("amqp:link:message-size-exceeded", text)


class OutboundLink:
    """The client receives; deliveries wait for its credit."""

    def __init__(self, session: "Session", attach: Attach) -> None:
        self.handle = attach.handle
        self.credit = 0
        self._session = session
        self._delivery_count = 0

    def on_flow(self, flow: Flow) -> None:
        """Take the credit of the newest flow; serve; give the rest back if the client drains the link."""
        if flow.link_credit is not None:
            behind = serial.distance(self._delivery_count, flow.delivery_count or 0)
            self.credit = max(0, flow.link_credit + behind)
        self.serve()
        if flow.drain and self.credit:
            self._delivery_count = serial.add(self._delivery_count, self.credit)
            self.credit = 0
        if flow.drain or flow.echo:
            credit = LinkCredit(self.handle, self._delivery_count, self.credit, drain=bool(flow.drain))
            self._session.send_flow(credit)

    def serve(self) -> None:
        """Send what there is, as far as credit and window go."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop delivering."""
        self.credit = 0

    def _use_credit(self) -> None:
        self.credit -= 1
        self._delivery_count = serial.add(self._delivery_count, 1)


class ResponseLink(OutboundLink):
    """Carries the answers of $cbs or $management."""

    def __init__(self, session: "Session", attach: Attach, *, path: str) -> None:
        super().__init__(session, attach)
        self.path = path
        self.reply_address = address_text(attach.target)
        self._answers: deque[bytes] = deque()

    def answer(self, message: bytes) -> None:
        """Send an encoded message, now or when there is credit."""
        self._answers.append(message)
        self.serve()

    def serve(self) -> None:
        """Send the answers that there is credit for."""
        while self._answers and self.credit:
            self._use_credit()
            self._session.send_delivery(
                self.handle, tag=_NO_TAG, settled=True, message=self._answers.popleft()
            )


class Consumer(OutboundLink):
    """Receives from a queue: under lock, or, when the client asks for settled deliveries, for good."""

    def __init__(self, session: "Session", attach: Attach, dispatcher: "Dispatcher") -> None:
        super().__init__(session, attach)
        self.dispatcher = dispatcher
        self.locks = attach.snd_settle_mode != SETTLED_MODE

    @property
    def is_blocked(self) -> bool:
        """Whether the session's window or the socket is full."""
        return self._session.is_blocked

    def serve(self) -> None:
        """Queue up for messages, in front: the newest flow comes from a client that listens now."""
        if self.credit:
            self.dispatcher.offer(self)
            self.dispatcher.dispatch()
        else:
            self.dispatcher.withdraw(self)

    def deliver(self, message: Message, payload: bytes) -> None:
        """Send one message of the queue; it is locked by its token or already removed."""
        self._use_credit()
        delivery_id = self._session.send_delivery(
            self.handle,
            tag=message.lock_token or _NO_TAG,
            settled=not self.locks,
            message=write_message(message, payload),
        )
        if message.lock_token is not None:
            self._session.await_settlement(delivery_id, self, message.lock_token)

    def close(self) -> None:
        """Leave the queue; locks stay until they expire."""
        super().close()
        self.dispatcher.withdraw(self)
