"""Azure Service Bus through the unmodified SDK: sending in batches, and dead-lettering by lock token."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
)

from core.errors import ContractViolation, TransientError
from core.ports import OutboxMessage

LOG = logging.getLogger(__name__)

# What a second try cannot mend. Everything else of the SDK's family (timeouts, lost connections, a busy
# or full service) may pass.
_HOPELESS = (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)
# A batch may hold what the service accepts in one transfer (Standard tier: 256 KiB); ids only, so far less.
_BATCH_MESSAGES = 500


class ServiceBusAdapter:
    """`core.ports.MessageSender`, with one connection and one sender per queue, opened when needed."""

    def __init__(self, *, connection_string: str | None, namespace: str | None) -> None:
        self._connection_string = connection_string
        self._namespace = namespace
        self._lock = threading.RLock()
        self._client: ServiceBusClient | None = None
        self._senders: dict[str, ServiceBusSender] = {}
        self._probe: ServiceBusReceiver | None = None

    def send(self, queue: str, messages: Sequence[OutboxMessage]) -> None:
        """See `core.ports.MessageSender`."""
        with self._lock, self._translated(queue):
            sender = self._sender(queue)
            for start in range(0, len(messages), _BATCH_MESSAGES):
                batch = [_to_sdk(message) for message in messages[start : start + _BATCH_MESSAGES]]
                sender.send_messages(batch, timeout=10)

    def dead_letter(self, queue: str, lock_token: str, *, reason: str, description: str) -> None:
        """Move a message that this app holds under peek-lock to the dead-letter queue, with a reason.

        The Functions host owns the receiver and offers Python no way to dead-letter, so this goes over the
        queue's management link, as the SDK itself does when a receiver's link is gone.

        Raises:
            TransientError: the broker does not answer, or the lock was lost.
        """
        with self._translated(queue), self._open_client().get_queue_receiver(queue) as receiver:
            _settle_as_dead_letter(receiver, lock_token, reason=reason, description=description)

    def ping(self, queue: str, *, seconds: float) -> None:
        """Ask the broker for a look at the queue (peek). For one caller at a time.

        Raises:
            TransientError: it does not answer in time.
            ContractViolation: there is no such queue, or access is refused.
        """
        with self._translated(queue):
            if self._probe is None:
                self._probe = self._open_client().get_queue_receiver(queue)
            self._probe.peek_messages(1, timeout=seconds)

    def close(self) -> None:
        """Close the connection; a later call opens it again."""
        with self._lock:
            client, self._client, self._probe = self._client, None, None
            self._senders.clear()
        if client is not None:
            client.close()

    @contextmanager
    def _translated(self, queue: str) -> Iterator[None]:
        try:
            yield
        except _HOPELESS as exc:
            self.close()
            raise ContractViolation(
                f"Service Bus refuses queue {queue!r}: {type(exc).__name__}", code="CONFIG_ERROR"
            ) from exc
        except (ServiceBusError, OSError) as exc:
            self.close()
            raise TransientError(
                f"Service Bus does not answer for queue {queue!r}: {type(exc).__name__}",
                code="BROKER_UNAVAILABLE",
            ) from exc

    def _sender(self, queue: str) -> ServiceBusSender:
        if queue not in self._senders:
            self._senders[queue] = self._open_client().get_queue_sender(queue)
        return self._senders[queue]

    def _open_client(self) -> ServiceBusClient:
        with self._lock:
            if self._client is None:
                # The relay tries again itself and must not be held up for long.
                self._client = self._make_client()
            return self._client

    def _make_client(self) -> ServiceBusClient:
        options: dict[str, Any] = {"retry_total": 1, "retry_backoff_factor": 0.2}
        if self._connection_string is not None:
            return ServiceBusClient.from_connection_string(self._connection_string, **options)
        if self._namespace is None:
            raise ContractViolation(
                "set SERVICE_BUS_CONNECTION or SERVICE_BUS_CONNECTION__fullyQualifiedNamespace",
                code="CONFIG_ERROR",
            )
        from azure.identity import DefaultAzureCredential

        return ServiceBusClient(self._namespace, DefaultAzureCredential(), **options)


def _to_sdk(message: OutboxMessage) -> ServiceBusMessage:
    return ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        content_type="application/json",
        scheduled_enqueue_time_utc=message.deliver_after,
    )


def _settle_as_dead_letter(
    receiver: ServiceBusReceiver, lock_token: str, *, reason: str, description: str
) -> None:
    """`com.microsoft:update-disposition`, the operation behind the SDK's own fallback settlement."""
    receiver._open_with_retry()  # type: ignore[no-untyped-call]
    receiver._settle_message_via_mgmt_link(
        "suspended",
        [UUID(lock_token)],
        {"deadletter-reason": reason[:1024], "deadletter-description": description[:4096]},
    )
