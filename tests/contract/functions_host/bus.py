"""The tests' own hands on the broker.

The sample app names its queues with a prefix from its settings, so that many tests share one broker.
"""

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSubQueue,
)

from tests.contract.functions_host.running import PREFIXES, RunningBroker


class Bus:
    """The queues of one prefix: `tasks`, `batches`, `sync-tasks` and `buried`. Links open when first used."""

    def __init__(self, client: ServiceBusClient, *, prefix: str, connection_string: str) -> None:
        self._client, self._prefix = client, prefix
        self.settings = {"QUEUE_PREFIX": prefix, "Bus": connection_string}
        self.links: dict[tuple[str, str], Any] = {}

    def send(self, *messages: ServiceBusMessage | dict[str, Any], queue: str = "tasks") -> None:
        """Send messages; a mapping is the body of one."""
        ready = [
            message if isinstance(message, ServiceBusMessage) else ServiceBusMessage(json.dumps(message))
            for message in messages
        ]
        self._link("sender", queue).send_messages(ready)

    def left(self, queue: str = "tasks") -> int:
        """How many messages the queue holds, locked ones included."""
        return len(self._link("receiver", queue).peek_messages(100, sequence_number=1))

    def dead_letters(self, queue: str = "tasks") -> list[str | None]:
        """The ids in the dead-letter queue of a queue."""
        receiver: ServiceBusReceiver = self._link("dead_letters", queue)
        return [message.message_id for message in receiver.peek_messages(100, sequence_number=1)]

    def bury(self, message: ServiceBusMessage, *, reason: str, description: str) -> None:
        """Send a message to `buried`, receive it, and dead-letter it."""
        self.send(message, queue="buried")
        receiver: ServiceBusReceiver = self._link("receiver", "buried")
        [received] = receiver.receive_messages(1, max_wait_time=3)
        receiver.dead_letter_message(received, reason=reason, error_description=description)

    def receive(self) -> ServiceBusReceivedMessage:
        """The next message of `tasks`."""
        message: ServiceBusReceivedMessage
        [message] = self._link("receiver", "tasks").receive_messages(1, max_wait_time=3)
        return message

    def _link(self, kind: str, queue: str) -> Any:
        if (kind, queue) not in self.links:
            self.links[kind, queue] = self._open(kind, f"{self._prefix}-{queue}")
        return self.links[kind, queue]

    def _open(self, kind: str, queue: str) -> Any:
        if kind == "sender":
            return self._client.get_queue_sender(queue)
        sub_queue = ServiceBusSubQueue.DEAD_LETTER if kind == "dead_letters" else None
        return self._client.get_queue_receiver(queue, sub_queue=sub_queue)


class BusPark:
    """Hands out a Bus with queues of its own to each who asks."""

    def __init__(self, client: ServiceBusClient, connection_string: str) -> None:
        self._client, self._connection_string = client, connection_string
        self._prefixes = iter(PREFIXES)
        self._given: list[Bus] = []

    def next_bus(self) -> Bus:
        """A Bus whose queues nobody has used."""
        prefix = next(self._prefixes)
        self._given.append(Bus(self._client, prefix=prefix, connection_string=self._connection_string))
        return self._given[-1]

    def close(self) -> None:
        """Close every link, all at once: each takes the SDK a second."""
        links = list(itertools.chain.from_iterable(bus.links.values() for bus in self._given))
        with ThreadPoolExecutor(max(1, len(links))) as closers:
            list(closers.map(lambda link: link.close(), links))


@contextmanager
def opened(broker: RunningBroker) -> Iterator[BusPark]:
    """A client of `broker`, closed with the block."""
    client = ServiceBusClient.from_connection_string(broker.connection_string)
    park = BusPark(client, broker.connection_string)
    try:
        yield park
    finally:
        park.close()
        client.close()
