"""What was acknowledged outlives a kill of the broker, and clients come back by themselves."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from tests.contract.servicebus.broker_process import BrokerProcess
from tests.contract.servicebus.conftest import Take
from tests.contract.servicebus.wire_client import WireClient, text_message

QUEUE = "patient"


@pytest.fixture
def mortal_broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path)
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
def client(mortal_broker: BrokerProcess) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(mortal_broker.connection_string) as client:
        yield client


def test_a_lock_outlives_the_broker(
    mortal_broker: BrokerProcess, client: ServiceBusClient, take: Take
) -> None:
    sender, receiver = client.get_queue_sender(QUEUE), client.get_queue_receiver(QUEUE)
    sender.send_messages([ServiceBusMessage("mine"), ServiceBusMessage("free")])
    (mine,) = take(receiver, 1)
    mortal_broker.kill()
    mortal_broker.start()
    counts = mortal_broker.inspect()[QUEUE]
    assert (counts["locked"], counts["active"]) == (1, 1)
    (free,) = take(receiver, 1)
    assert str(free) == "free", "the locked message was delivered again"
    receiver.complete_message(mine)
    receiver.complete_message(free)
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_open_clients_survive_a_restart(
    mortal_broker: BrokerProcess, client: ServiceBusClient, take: Take
) -> None:
    sender, receiver = client.get_queue_sender(QUEUE), client.get_queue_receiver(QUEUE)
    sender.send_messages(ServiceBusMessage("before"))
    receiver.complete_message(take(receiver, 1)[0])
    mortal_broker.kill()
    restart = threading.Timer(1.0, mortal_broker.start)
    restart.start()
    sender.send_messages(ServiceBusMessage("after"))
    (message,) = take(receiver, 1)
    restart.join()
    receiver.complete_message(message)
    assert str(message) == "after"
    assert message.sequence_number == 2


def test_nothing_acknowledged_is_lost(
    mortal_broker: BrokerProcess, client: ServiceBusClient, take: Take
) -> None:
    """What was acknowledged is there; the one send that the kill cut may be there twice."""
    sender = client.get_queue_sender(QUEUE)
    acknowledged: list[str] = []

    def send() -> None:
        for number in range(400):
            sender.send_messages(ServiceBusMessage(f"m{number}"))
            acknowledged.append(f"m{number}")

    thread = threading.Thread(target=send)
    thread.start()
    while len(acknowledged) < 200:
        thread.join(0.001)
    mortal_broker.kill()
    mortal_broker.start()
    thread.join()
    assert len(acknowledged) == 400
    receiver = client.get_queue_receiver(QUEUE)
    received: list[str] = []
    while messages := receiver.receive_messages(max_message_count=200, max_wait_time=1):
        received += [str(message) for message in messages]
        for message in messages:
            receiver.complete_message(message)
    assert set(received) == set(acknowledged)
    assert len(received) - len(acknowledged) <= 1


def test_a_disk_that_is_full_stops_the_broker_before_it_lies(mortal_broker: BrokerProcess) -> None:
    mortal_broker.limit_file_size(300_000)
    acknowledged = 0
    with WireClient(mortal_broker.port) as client:
        client.attach(QUEUE, receive=False)
        for number in range(1000):
            client.transfer(number, text_message("x" * 500))
            try:
                client.next()
            except (StopIteration, ConnectionError):
                break
            acknowledged += 1
    assert 0 < acknowledged < 1000
    assert mortal_broker.wait() == 1
    mortal_broker.start()
    assert mortal_broker.inspect()[QUEUE]["active"] == acknowledged


def test_a_second_broker_on_the_same_file_is_refused(mortal_broker: BrokerProcess) -> None:
    rival = BrokerProcess(mortal_broker.data.parent)
    with pytest.raises(AssertionError, match="the broker said ''"):
        rival.start()
    assert rival.stop() == 1


@pytest.fixture
def releasing_broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path, "--release-on-disconnect")
    process.start()
    yield process
    assert process.stop() == 0


def test_locks_are_released_on_disconnect_when_asked(releasing_broker: BrokerProcess, take: Take) -> None:
    with ServiceBusClient.from_connection_string(releasing_broker.connection_string) as client:
        with client.get_queue_sender(QUEUE) as sender, client.get_queue_receiver(QUEUE) as receiver:
            sender.send_messages(ServiceBusMessage("x"))
            take(receiver, 1)
        with client.get_queue_receiver(QUEUE) as receiver:
            (again,) = take(receiver, 1)
            assert again.delivery_count == 0
