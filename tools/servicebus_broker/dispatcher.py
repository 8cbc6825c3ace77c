"""Who gets the next message of a queue."""

from collections import OrderedDict
from collections.abc import Callable

from tools.servicebus_broker.engine.queue import Queue
from tools.servicebus_broker.links import Consumer

MAX_BURST = 256
"""Most messages of one queue that are dispatched before other connections get a turn."""


class Dispatcher:
    """Consumers with credit, served newest flow first.

    A client that polls leaves unused credit behind; whoever asked last is the likeliest to be listening.
    """

    def __init__(self, queue: Queue, *, on_work: Callable[["Dispatcher"], None]) -> None:
        """``on_work`` is called when dispatch() should be called soon."""
        self.queue = queue
        self._waiting: OrderedDict[Consumer, None] = OrderedDict()
        self._on_work = on_work
        queue.on_ready = self._wake

    def offer(self, consumer: Consumer) -> None:
        """Put a consumer with credit in front."""
        self._waiting[consumer] = None
        self._waiting.move_to_end(consumer)

    def withdraw(self, consumer: Consumer) -> None:
        """Forget a consumer."""
        self._waiting.pop(consumer, None)

    def dispatch(self) -> None:
        """Hand out messages while there are both messages and consumers that can take one.

        A consumer that is blocked leaves; its session offers it again when it can go on.
        """
        for _ in range(MAX_BURST):
            consumer = self._next_consumer()
            if consumer is None:
                return
            message = self.queue.take(lock=consumer.locks)
            if message is None:
                return
            consumer.deliver(message, self.queue.payload(message))
        self._on_work(self)

    def _next_consumer(self) -> Consumer | None:
        while self._waiting:
            consumer = next(reversed(self._waiting))
            if consumer.credit > 0 and not consumer.is_blocked:
                return consumer
            del self._waiting[consumer]
        return None

    def _wake(self) -> None:
        if self._waiting:
            self._on_work(self)
