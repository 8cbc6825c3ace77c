"""Sessions (amqp-core v1.0, section 2.5): windows, handles and unsettled deliveries of one channel."""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.servicebus_broker import serial
from tools.servicebus_broker.amqp.errors import AmqpError, ProtocolError
from tools.servicebus_broker.amqp.performatives import (
    ROLE_SENDER,
    TRANSFER_BYTES,
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Transfer,
    rejected_state,
    write_attach,
    write_begin,
    write_detach,
    write_disposition,
    write_flow,
    write_transfer,
)
from tools.servicebus_broker.engine.records import LockLost, Settlement
from tools.servicebus_broker.links import MAX_MESSAGE_BYTES, Consumer, InboundLink, LinkCredit, ResponseLink
from tools.servicebus_broker.nodes import Node, QueueNode, RequestNode, refuse_filters, resolve
from tools.servicebus_broker.outcomes import RELEASE, echo, read_outcome

if TYPE_CHECKING:
    from tools.servicebus_broker.connection import Connection

WINDOW = 8192
"""Transfers that the client may send ahead."""

MAX_LINKS = 1024

Link = InboundLink | ResponseLink | Consumer


class Session:
    """One channel of a connection. Our handles are the client's: each link has the same number both ways."""

    def __init__(self, connection: "Connection", channel: int, begin: Begin) -> None:
        self.channel = channel
        self._connection = connection
        self._links: dict[int, Link] = {}
        self._unsettled: dict[int, tuple[Consumer, bytes]] = {}
        self._left: list[tuple[Consumer, bytes]] = []
        self._waiting: deque[bytes] = deque()
        self._next_incoming = begin.next_outgoing_id
        self._received_in_window = 0
        self._next_outgoing = 0
        self._next_delivery = 0
        self._room = begin.incoming_window
        body = write_begin(remote_channel=channel, next_outgoing_id=0, window=WINDOW)
        connection.send(channel, body)

    # ---- from the client

    def on_attach(self, attach: Attach) -> None:
        """Open a link, or answer with an empty terminus and a detach that says why not."""
        if attach.handle in self._links or len(self._links) >= MAX_LINKS:
            raise ProtocolError("amqp:session:handle-in-use", f"handle {attach.handle} cannot be attached")
        try:
            node = self._node(attach)
        except AmqpError as error:
            self._send(write_attach(attach, refused=True, max_message_size=MAX_MESSAGE_BYTES))
            self._send(write_detach(handle=attach.handle, error=error))
            return
        self._send(write_attach(attach, refused=False, max_message_size=MAX_MESSAGE_BYTES))
        link = self._links[attach.handle] = self._link(attach, node)
        if isinstance(link, InboundLink):
            link.give_credit()

    def on_flow(self, flow: Flow) -> None:
        """Take the client's window, then, for a link, its credit."""
        was_blocked = self.is_blocked
        self._room = serial.distance(self._next_outgoing, (flow.next_incoming_id or 0) + flow.incoming_window)
        if was_blocked:
            self.resume()
        if flow.handle is None:
            if flow.echo:
                self.send_flow()
            return
        link = self._links.get(flow.handle)
        if link is not None:
            link.on_flow(flow)

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Pass a transfer to its link and keep the client's window open."""
        link = self._links.get(transfer.handle)
        if not isinstance(link, InboundLink):
            raise ProtocolError("amqp:session:unattached-handle", f"no link has handle {transfer.handle}")
        self._next_incoming = serial.add(self._next_incoming, 1)
        self._received_in_window += 1
        link.on_transfer(transfer, payload)
        if self._received_in_window >= WINDOW // 2:
            self.send_flow()

    def on_disposition(self, disposition: Disposition) -> None:
        """Settle deliveries. A range is walked over what is unsettled, whatever the client states."""
        if disposition.role is ROLE_SENDER:
            return
        settlement = read_outcome(disposition.state)
        if settlement is None and not disposition.settled:
            return
        last = disposition.first if disposition.last is None else disposition.last
        for delivery_id in self._ids(disposition.first, last):
            self._settle(delivery_id, disposition, settlement or RELEASE)

    def on_detach(self, detach: Detach) -> None:
        """Close a link and confirm. Deliveries not settled stay locked until their locks expire."""
        link = self._links.pop(detach.handle, None)
        if link is None:
            return
        link.close()
        if self._connection.broker.release_on_disconnect:
            self._left += [value for value in self._unsettled.values() if value[0] is link]
        self._unsettled = {key: value for key, value in self._unsettled.items() if value[0] is not link}
        self._send(write_detach(handle=detach.handle))

    def end(self) -> None:
        """Close all links; give the locks of this client back at once if the broker is to do so."""
        release = self._connection.broker.release_on_disconnect
        for link in self._links.values():
            link.close()
        self._links.clear()
        released = (*self._unsettled.values(), *self._left) if release else ()
        for consumer, token in released:
            try:
                consumer.dispatcher.queue.settle(token, RELEASE)
            except LockLost:
                continue
        self._unsettled.clear()

    # ---- to the client

    @property
    def is_blocked(self) -> bool:
        """Whether transfers have to wait for the client's window or its socket."""
        return self._room <= 0 or bool(self._waiting) or self._connection.is_paused

    def resume(self) -> None:
        """Send what waited for the window, then let the links go on."""
        while self._waiting and self._room > 0:
            self._send_transfer(self._waiting.popleft())
        if self.is_blocked:
            return
        for link in self._links.values():
            if not isinstance(link, InboundLink) and link.credit:
                link.serve()

    def send_delivery(self, handle: int, *, tag: bytes, settled: bool, message: bytes) -> int:
        """Send a message in as many frames as it needs; return its delivery id."""
        delivery_id = self._next_delivery
        self._next_delivery = serial.add(delivery_id, 1)
        room = self._connection.max_frame_size - TRANSFER_BYTES - 8
        for start in range(0, len(message), room):
            more = start + room < len(message)
            head = write_transfer(handle=handle, delivery_id=delivery_id, tag=tag, settled=settled, more=more)
            self._queue_transfer(head + message[start : start + room])
        return delivery_id

    def await_settlement(self, delivery_id: int, consumer: Consumer, token: bytes) -> None:
        """Remember what a later disposition of this delivery settles."""
        self._unsettled[delivery_id] = (consumer, token)

    def send_disposition(self, delivery_id: int, state: bytes, *, as_receiver: bool) -> None:
        """Settle one delivery with an encoded state."""
        self._send(write_disposition(role=as_receiver, delivery_id=delivery_id, state=state))

    def send_flow(self, link: LinkCredit | None = None) -> None:
        """Tell the client the session's windows and, for a link, its credit."""
        self._received_in_window = 0
        flow = Flow(self._next_incoming, WINDOW, self._next_outgoing, WINDOW)
        if link is not None:
            flow = flow._replace(
                handle=link.handle,
                delivery_count=link.delivery_count,
                link_credit=link.credit,
                drain=link.drain,
            )
        self._send(write_flow(flow))

    def response_link(self, path: str, reply_to: str | None) -> ResponseLink | None:
        """Return the link that answers of a request node go to."""
        links = [
            link for link in self._links.values() if isinstance(link, ResponseLink) and link.path == path
        ]
        named = [link for link in links if link.reply_address == reply_to]
        return next(iter(named or links), None)

    # ---- inside

    def _node(self, attach: Attach) -> Node:
        queues = self._connection.broker.queues
        if attach.role is not ROLE_SENDER:
            refuse_filters(attach.source)
            return resolve(attach.source, queues)
        node = resolve(attach.target, queues)
        if isinstance(node, QueueNode) and node.queue.dead_letters is None:
            raise AmqpError("amqp:not-allowed", "messages cannot be sent to a dead-letter queue")
        return node

    def _link(self, attach: Attach, node: Node) -> Link:
        broker = self._connection.broker
        if attach.role is ROLE_SENDER:
            return InboundLink(self, attach, broker.acceptor(node, self))
        if isinstance(node, RequestNode):
            return ResponseLink(self, attach, path=node.path)
        return Consumer(self, attach, broker.dispatcher(node.queue))

    def _ids(self, first: int, last: int) -> Iterator[int]:
        span = serial.distance(first, last)
        if span <= 2 * len(self._unsettled):
            yield from (serial.add(first, offset) for offset in range(span + 1))
        else:
            yield from [key for key in self._unsettled if 0 <= serial.distance(first, key) <= span]

    def _settle(self, delivery_id: int, disposition: Disposition, settlement: Settlement) -> None:
        state = echo(disposition.state)
        try:
            self._apply(delivery_id, settlement)
        except LockLost as exc:
            state = rejected_state(AmqpError("com.microsoft:message-lock-lost", str(exc)))
        if not disposition.settled:
            self.send_disposition(delivery_id, state, as_receiver=False)

    def _apply(self, delivery_id: int, settlement: Settlement) -> None:
        consumer, token = self._unsettled.pop(delivery_id, (None, b""))
        if consumer is None:
            raise LockLost("the delivery is not known or was settled already")
        consumer.dispatcher.queue.settle(token, settlement)

    def _queue_transfer(self, body: bytes) -> None:
        if self._waiting or self._room <= 0:
            self._waiting.append(body)
        else:
            self._send_transfer(body)

    def _send_transfer(self, body: bytes) -> None:
        self._room -= 1
        self._next_outgoing = serial.add(self._next_outgoing, 1)
        self._send(body)

    def _send(self, body: bytes) -> None:
        self._connection.send(self.channel, body)
