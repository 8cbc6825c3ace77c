"""The tests' own hands on the broker: one client, with senders and receivers that stay open."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiver, ServiceBusSubQueue

from tests.contract.functions_host.running import RunningBroker


class Bus:
    """Sends orders to the sample app and looks at what is left. Closing a link of the SDK takes a second."""

    def __init__(self, client: ServiceBusClient, stack: ExitStack) -> None:
        self._client, self._stack = client, stack
        self._links: dict[tuple[str, str], Any] = {}

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

    def dead_letters(self) -> list[str | None]:
        """The ids in the dead-letter queue of `tasks`."""
        receiver: ServiceBusReceiver = self._link("dead_letters", "tasks")
        return [message.message_id for message in receiver.peek_messages(100, sequence_number=1)]

    def receive(self) -> ServiceBusMessage:
        """The next message of `tasks`."""
        message: ServiceBusMessage
        [message] = self._link("receiver", "tasks").receive_messages(1, max_wait_time=3)
        return message

    def _link(self, kind: str, queue: str) -> Any:
        if (kind, queue) not in self._links:
            self._links[kind, queue] = self._stack.enter_context(self._open(kind, queue))
        return self._links[kind, queue]

    def _open(self, kind: str, queue: str) -> Any:
        if kind == "sender":
            return self._client.get_queue_sender(queue)
        sub_queue = ServiceBusSubQueue.DEAD_LETTER if kind == "dead_letters" else None
        return self._client.get_queue_receiver(queue, sub_queue=sub_queue)


@contextmanager
def opened(broker: RunningBroker) -> Iterator[Bus]:
    """A client of `broker`, closed with the block."""
    with ServiceBusClient.from_connection_string(broker.connection_string) as client, ExitStack() as stack:
        yield Bus(client, stack)
