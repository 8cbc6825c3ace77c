"""The messages of one invocation: their locks are renewed while it runs, and it settles them at the end."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from enum import StrEnum

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageAlreadySettled, MessageLockLostError

_logger = logging.getLogger("functions_host.service_bus")

SHORTEST_RENEWAL_SECONDS = 1.0
SETTLEMENT_PAUSES_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0)

OpenReceiver = Callable[[], ServiceBusReceiver]


class Settlement(StrEnum):
    """How a message is settled."""

    COMPLETE = "complete"
    ABANDON = "abandon"


class HeldMessages:
    """Messages under lock; the receiver that got them is used by one call at a time.

    When its connection breaks, another receiver renews and settles by lock token.
    """

    def __init__(
        self,
        messages: Sequence[ServiceBusReceivedMessage],
        receiver: ServiceBusReceiver,
        open_receiver: OpenReceiver,
        *,
        renew_for: float,
    ) -> None:
        self.messages = messages
        self._receiver, self._open_receiver = receiver, open_receiver
        self._is_broken = False
        self._replacements = AsyncExitStack()
        self._using_link = asyncio.Lock()
        self._renew_until = time.monotonic() + renew_for
        self._renew_at = self._next_renewal()

    def renewal_is_due(self) -> bool:
        """Whether half of what was left of a lock has gone, and locks are still to be renewed."""
        now = time.monotonic()
        return self._renew_at <= now < self._renew_until

    async def renew(self) -> None:
        """Renew every lock. A failure is logged and tried again at the next scan."""
        async with self._using_link:
            for message in self.messages:
                try:
                    await (await self._link()).renew_message_lock(message)
                except Exception as exc:  # noqa: BLE001 - the SDK lets ValueError and AMQP errors through too
                    self._is_broken = True
                    _warn("lock_renewal_failed", "the lock of message %s was not renewed: %s", message, exc)
            if not self._is_broken:
                self._renew_at = self._next_renewal()

    async def settle(self, how: Settlement) -> None:
        """Settle every message; one that cannot be settled is logged and comes back with its lock's end."""
        async with self._using_link, self._replacements:
            for message in self.messages:
                await self._settle_one(message, how)

    async def _settle_one(self, message: ServiceBusReceivedMessage, how: Settlement) -> None:
        failure: Exception | None = None
        for pause in SETTLEMENT_PAUSES_SECONDS:
            if pause:
                await asyncio.sleep(pause)
            try:
                return await _operation(await self._link(), how)(message)
            except (MessageLockLostError, MessageAlreadySettled) as exc:
                failure = exc
                break
            except Exception as exc:  # noqa: BLE001 - as above
                failure = exc
                self._is_broken = True
        _warn("settlement_failed", "message %s was not settled and will come back: %s", message, failure)
        return None

    async def _link(self) -> ServiceBusReceiver:
        if self._is_broken:
            self._receiver = await self._replacements.enter_async_context(self._open_receiver())
            self._is_broken = False
        return self._receiver

    def _next_renewal(self) -> float:
        return time.monotonic() + min(_half_life(message) for message in self.messages)


def _operation(
    receiver: ServiceBusReceiver, how: Settlement
) -> Callable[[ServiceBusReceivedMessage], Awaitable[None]]:
    return receiver.complete_message if how is Settlement.COMPLETE else receiver.abandon_message


def _half_life(message: ServiceBusReceivedMessage) -> float:
    """Seconds until half of what is left of the lock has gone."""
    until = message.locked_until_utc
    if until is None:
        return float("inf")
    return max(SHORTEST_RENEWAL_SECONDS, (until - datetime.now(UTC)).total_seconds() / 2)


def _warn(action: str, text: str, message: ServiceBusReceivedMessage, exc: Exception | None) -> None:
    _logger.warning(text, message.message_id, exc, extra={"action": action})
