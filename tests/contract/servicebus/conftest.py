"""One broker for the suite, one SDK client for it, and a queue of its own for each test.

Closing an SDK sender or receiver takes about a second, so all are closed together at the end.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver, ServiceBusSender

from tests.contract.servicebus.broker_process import PLAIN_QUEUES, BrokerProcess


class Bus:
    """SDK senders and receivers that are closed at the end of the suite, all at once."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._open: list[ServiceBusSender | ServiceBusReceiver] = []
        self._senders: dict[str, ServiceBusSender] = {}

    def sender(self, queue: str) -> ServiceBusSender:
        """Return the one sender of a queue."""
        if queue not in self._senders:
            self._senders[queue] = self._keep(self._client.get_queue_sender(queue))
        return self._senders[queue]

    def receiver(self, queue: str, **options: Any) -> ServiceBusReceiver:
        """Return a new receiver."""
        return self._keep(self._client.get_queue_receiver(queue, **options))

    def dead_letters(self, queue: str) -> ServiceBusReceiver:
        """Return a new receiver of the queue's dead letters."""
        return self.receiver(queue, sub_queue="deadletter")

    def close(self) -> None:
        """Close them all; one that fails to close fails the suite."""
        with ThreadPoolExecutor(max_workers=64) as pool:
            for closing in [pool.submit(handler.close) for handler in self._open]:
                closing.result()
        self._client.close()

    def _keep(self, handler: Any) -> Any:
        self._open.append(handler)
        return handler


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path_factory.mktemp("servicebus"))
    process.start()
    yield process
    assert process.is_running, "a client brought the broker down"
    assert process.stop() == 0


@pytest.fixture(scope="session")
def bus(broker: BrokerProcess) -> Iterator[Bus]:
    bus = Bus(ServiceBusClient.from_connection_string(broker.connection_string))
    yield bus
    bus.close()


@pytest.fixture(scope="session")
def _plain_queues() -> Iterator[str]:
    return iter([f"plain-{number:02}" for number in range(PLAIN_QUEUES)])


@pytest.fixture
def queue(_plain_queues: Iterator[str]) -> str:
    """A queue that no other test uses: lock 3 s, at most 3 deliveries."""
    return next(_plain_queues)


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


def nothing_comes(receiver: ServiceBusReceiver, *, seconds: float = 0.5) -> bool:
    """Whether the receiver gets no message for a while."""
    return not receiver.receive_messages(max_message_count=1, max_wait_time=seconds)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The SDK leaves the socket of a broken or refused connection to the garbage collector."""
    leak = pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    )
    for item in items:
        if "contract/servicebus" in item.path.as_posix():
            item.add_marker(leak)
