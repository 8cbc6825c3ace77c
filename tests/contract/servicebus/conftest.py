"""One broker for the suite, one SDK client for it, and a queue of its own for each test.

An SDK sender or receiver takes half a second to open and one to close, waiting. So they are opened some tests
ahead, and closed together at the end.
"""

import gc
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver, ServiceBusSender

from tests.contract.servicebus.broker_process import PLAIN_QUEUES, BrokerProcess

TESTS_AHEAD = 4


class Bus:
    """Open SDK senders and receivers, closed at the end of the suite."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._pool = ThreadPoolExecutor(max_workers=32)
        self._senders: dict[str, Future[Any]] = {}
        self._spare_receivers: dict[str, Future[ServiceBusReceiver]] = {}
        self._receivers: list[Future[Any]] = []

    def prepare(self, queue: str) -> None:
        """Begin to open what a test of this queue will use."""
        if queue not in self._senders:
            self._senders[queue] = self._pool.submit(self._open_sender, queue)
            self._spare_receivers[queue] = self._open_receiver(queue)

    def sender(self, queue: str) -> ServiceBusSender:
        """Return the one sender of a queue, open."""
        if queue not in self._senders:
            self._senders[queue] = self._pool.submit(self._open_sender, queue)
        sender: ServiceBusSender = self._senders[queue].result()
        return sender

    def receiver(self, queue: str, **options: Any) -> ServiceBusReceiver:
        """Return a receiver of its own, open."""
        if not options and queue in self._spare_receivers:
            return self._spare_receivers.pop(queue).result()
        return self._open_receiver(queue, **options).result()

    def dead_letters(self, queue: str) -> ServiceBusReceiver:
        """Return a receiver of the queue's dead letters, open."""
        return self.receiver(queue, sub_queue="deadletter")

    def close(self) -> None:
        """Close all that could be opened; one that fails to close fails the suite."""
        handlers = [*self._senders.values(), *self._receivers]
        with self._pool as pool:
            for closing in [
                pool.submit(handler.result().close) for handler in handlers if not handler.exception()
            ]:
                closing.result()
        self._client.close()

    def _open_sender(self, queue: str) -> ServiceBusSender:
        return self._client.get_queue_sender(queue).__enter__()

    def _open_receiver(self, queue: str, **options: Any) -> Future[ServiceBusReceiver]:
        opening = self._pool.submit(lambda: self._client.get_queue_receiver(queue, **options).__enter__())
        self._receivers.append(opening)
        return opening


def collect_leaked_sockets() -> None:
    """The SDK leaves the socket of a broken or refused connection to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def _leaked_sockets() -> Iterator[None]:
    yield
    collect_leaked_sockets()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path_factory.mktemp("servicebus"))
    process.start()
    yield process
    assert process.is_running, "a client brought the broker down"
    assert process.stop() == 0


@pytest.fixture(scope="session")
def bus(server: BrokerProcess) -> Iterator[Bus]:
    bus = Bus(ServiceBusClient.from_connection_string(server.connection_string))
    yield bus
    bus.close()
    del bus
    collect_leaked_sockets()


@pytest.fixture(scope="session")
def _plain_queues() -> list[str]:
    return [f"plain-{number:02}" for number in range(PLAIN_QUEUES)]


@pytest.fixture
def queue(_plain_queues: list[str], bus: Bus) -> str:
    """A queue that no other test uses: lock 3 s, at most 3 deliveries."""
    for name in _plain_queues[: 1 + TESTS_AHEAD]:
        bus.prepare(name)
    return _plain_queues.pop(0)


@pytest.fixture
def impatient(server: BrokerProcess) -> Iterator[ServiceBusClient]:
    """A client that takes the first answer: by default the SDK asks three more times after an error."""
    with ServiceBusClient.from_connection_string(server.connection_string, retry_total=0) as client:
        yield client


Take = Callable[..., list[ServiceBusReceivedMessage]]


@pytest.fixture
def take() -> Take:
    """Receive until ``count`` messages are there; the test fails when they do not come."""

    def take(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
        messages: list[ServiceBusReceivedMessage] = []
        while len(messages) < count:
            more = receiver.receive_messages(max_message_count=count - len(messages), max_wait_time=6)
            assert more, f"{len(messages)} of {count} messages came"
            messages += more
        return messages

    return take


def nothing_comes(receiver: ServiceBusReceiver, *, seconds: float = 0.3) -> bool:
    """Whether the receiver gets no message for a while."""
    return not receiver.receive_messages(max_message_count=1, max_wait_time=seconds)
