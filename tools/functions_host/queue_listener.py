"""Receive from one queue or subscription, run the function, settle the messages.

Receivers are used by one task at a time ("lanes"): receive, run, settle, again. In azure-servicebus 7.15 a
settlement reads from the connection until it is confirmed; beside a pending receive on the same
receiver it takes the next message off the wire, which then lies unseen for up to 0.2 s. For the same reason a
lane asks for one message at a time: `receive_messages` for more waits 0.2 s for a gap after the first. Lanes
are opened as they are needed, up to the concurrency limit; two of them wait at the broker, the others rest.

prefetchCount of host.json is not applied: a message prefetched by a busy lane would wait behind it.
"""

import asyncio
import logging
from dataclasses import dataclass

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver

from tools.functions_host import message_conversion
from tools.functions_host.function_index import FunctionSpec
from tools.functions_host.held_messages import HeldMessages, OpenReceiver, Settlement
from tools.functions_host.invocation import InvocationFailed, Invoker
from tools.functions_host.turns import Turns

_logger = logging.getLogger("functions_host.service_bus")

RECEIVE_WAIT_SECONDS = 0.5
REOPEN_PAUSE_SECONDS = 0.5
RENEWAL_SCAN_SECONDS = 1.0
LEAVE_SECONDS = 3.0
WAITING_LANES = 2


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """How much one listener may hold; `concurrent_calls` is this worker's share."""

    concurrent_calls: int
    batch_size: int
    max_renewal_seconds: float


class QueueListener:
    """The messages of one function in this worker."""

    def __init__(
        self, spec: FunctionSpec, open_receiver: OpenReceiver, invoker: Invoker, limits: ListenerLimits
    ) -> None:
        self._spec, self._open_receiver, self._invoker = spec, open_receiver, invoker
        self._is_many = str(getattr(spec.trigger.cardinality, "value", "one")).lower() == "many"
        self._batch_size = limits.batch_size if self._is_many else 1
        # The Azure host runs one batch at a time.
        self._max_lanes = 1 if self._is_many else limits.concurrent_calls
        self._renew_for = limits.max_renewal_seconds
        self._turns = Turns(WAITING_LANES)
        self._lanes: set[asyncio.Task[None]] = set()
        self._held: set[HeldMessages] = set()
        self._stopping = asyncio.Event()
        self._opening = 0
        self._connected = False

    async def run(self) -> None:
        """Receive until `stop`; returns when every message in hand is settled."""
        renewal = asyncio.create_task(self._renew_locks())
        self._grow()
        await self._stopping.wait()
        self._turns.dismiss_waiting()
        while self._lanes:
            await asyncio.gather(*self._lanes)
        renewal.cancel()

    def stop(self) -> None:
        """Receive no more; what is held goes on."""
        self._stopping.set()

    async def abandon_held(self) -> None:
        """Give every message in hand back to the broker, once no lane of ours waits there to get it again."""
        self.stop()
        leaving = asyncio.get_running_loop().time() + LEAVE_SECONDS
        while len(self._lanes) > len(self._held) and asyncio.get_running_loop().time() < leaving:
            await asyncio.sleep(0.02)
        await asyncio.gather(*(held.settle(Settlement.ABANDON) for held in list(self._held)))

    def _grow(self) -> None:
        """Keep as many lanes in reserve as are busy, within the limit: opening one takes half a second."""
        wanted = min(self._max_lanes, len(self._lanes) + self._missing_reserve())
        while len(self._lanes) < wanted and not self._stopping.is_set():
            self._opening += 1
            lane = asyncio.create_task(self._lane())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    def _missing_reserve(self) -> int:
        return max(1, len(self._held)) - self._turns.resting - self._opening

    async def _lane(self) -> None:
        """Work with a receiver of its own; when the broker goes away one lane seeks it, the others leave."""
        while not self._stopping.is_set():
            was_open = False
            try:
                async with self._open_receiver() as receiver:
                    self._opening -= 1
                    was_open = True
                    return await self._work(receiver)
            except Exception as exc:  # noqa: BLE001 - whatever the SDK raises, the listener outlives the broker
                self._report_loss(exc)
                self._opening += was_open
                if self._opening > 1:
                    self._opening -= 1
                    return None
            await asyncio.sleep(REOPEN_PAUSE_SECONDS)
        return None

    async def _work(self, receiver: ServiceBusReceiver) -> None:
        """Take turns at the broker until `stop`, or until this lane is dismissed."""
        while not self._stopping.is_set() and await self._turns.take():
            try:
                messages = await self._next_messages(receiver)
            finally:
                self._turns.give_back()
            if messages:
                await self._process(messages, receiver)

    async def _next_messages(self, receiver: ServiceBusReceiver) -> list[ServiceBusReceivedMessage]:
        """Wait for messages. The lane keeps its turn meanwhile: the link has credit and must be read."""
        while not self._stopping.is_set():
            self._report_connection()
            messages: list[ServiceBusReceivedMessage] = await receiver.receive_messages(
                max_message_count=self._batch_size, max_wait_time=RECEIVE_WAIT_SECONDS
            )
            if messages:
                return messages
        return []

    async def _process(self, messages: list[ServiceBusReceivedMessage], receiver: ServiceBusReceiver) -> None:
        held = HeldMessages(messages, receiver, self._open_receiver, renew_for=self._renew_for)
        self._held.add(held)
        self._grow()
        try:
            await held.settle(await self._outcome(messages))
        finally:
            self._held.discard(held)

    async def _outcome(self, messages: list[ServiceBusReceivedMessage]) -> Settlement:
        """Run the function; how its messages are to be settled."""
        try:
            many = self._is_many
            argument = message_conversion.many(messages) if many else message_conversion.one(messages[0])
            await self._invoker.invoke(self._spec, argument)
        except InvocationFailed:
            return Settlement.ABANDON
        except Exception:
            _logger.exception(
                "%s: a message cannot be read", self._spec.name, extra={"action": "message_unreadable"}
            )
            return Settlement.ABANDON
        return Settlement.COMPLETE

    def _report_connection(self) -> None:
        if not self._connected:
            self._connected = True
            _logger.info("%s listens", self._spec.name, extra={"action": "listener_connected"})

    def _report_loss(self, exc: Exception) -> None:
        """Say once that the broker is gone, and let the lanes at rest go with it."""
        level = logging.WARNING if self._connected else logging.DEBUG
        extra = {"action": "listener_disconnected"}
        _logger.log(level, "%s lost the broker: %s", self._spec.name, exc, extra=extra)
        self._connected = False
        self._turns.dismiss_waiting()

    async def _renew_locks(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL_SCAN_SECONDS)
            due = [held for held in self._held if held.renewal_is_due()]
            await asyncio.gather(*(held.renew() for held in due))
