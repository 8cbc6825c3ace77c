"""What the broker does not do, it says; what is not AMQP, it survives."""

import socket

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusError

from tests.contract.servicebus.broker_process import BrokerProcess
from tests.contract.servicebus.conftest import Bus, Take

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"


def test_session_receivers_are_refused(impatient: ServiceBusClient, bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages(ServiceBusMessage("x", session_id="s"))
    receiver = impatient.get_queue_receiver(queue, session_id="s")
    with pytest.raises(ServiceBusError, match="no sessions"):
        receiver.receive_messages(max_wait_time=2)
    receiver.close()
    assert len(take(bus.receiver(queue), 1)) == 1


def test_subscriptions_are_refused(impatient: ServiceBusClient) -> None:
    receiver = impatient.get_subscription_receiver("topic", "subscription")
    with pytest.raises(ServiceBusError, match="no topics"):
        receiver.receive_messages(max_wait_time=2)
    receiver.close()


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="http"),
        pytest.param(b"AMQP\x03\x01\x00\x00" + b"\x00\x00\x00\x08\x02\x01\x00\x00", id="empty sasl-init"),
        pytest.param(AMQP_HEADER + b"\xff" * 64, id="a frame of 4 GB"),
        pytest.param(AMQP_HEADER + b"\x00\x00\x00\x04\x02\x00\x00\x00", id="a frame shorter than its header"),
        pytest.param(
            AMQP_HEADER + b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x10\xc0", id="a cut performative"
        ),
        pytest.param(
            AMQP_HEADER + b"\x00\x00\x01\x08\x02\x00\x00\x00" + b"\x00" * 256, id="descriptors for ever"
        ),
        pytest.param(AMQP_HEADER + b"\x00\x00\x00\x0c\x02\x00\x00\x01\x00\x53\x14\x45", id="a bare transfer"),
    ],
)
def test_garbage_closes_its_connection_only(server: BrokerProcess, bus: Bus, garbage: bytes) -> None:
    sender = bus.sender("undisturbed")
    sender.send_messages(ServiceBusMessage("before"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stranger:
        stranger.sendall(garbage)
        while stranger.recv(4096):
            pass  # until the broker has closed
    sender.send_messages(ServiceBusMessage("after"))
    assert server.is_running
