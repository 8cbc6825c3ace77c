"""Credit, windows, frames and dispositions as amqp-core has them, where the SDK does not go."""

import time
from collections.abc import Iterator

import pytest

from tests.contract.servicebus.broker_process import BrokerProcess
from tests.contract.servicebus.wire_client import WireClient, text_message
from tools.servicebus_broker.amqp import performatives as p
from tools.servicebus_broker.amqp.types import Described, UInt

QUEUES = iter([f"wire-{number:02}" for number in range(20)])


@pytest.fixture
def queue() -> str:
    return next(QUEUES)


@pytest.fixture
def client(server: BrokerProcess) -> Iterator[WireClient]:
    with WireClient(server.port) as client:
        yield client


def fill(server: BrokerProcess, queue: str, *texts: str) -> None:
    with WireClient(server.port) as sender:
        sender.attach(queue, receive=False)
        for number, text in enumerate(texts):
            sender.transfer(number, text_message(text))
            accepted = sender.next()
            assert accepted[:4] == (p.ROLE_RECEIVER, number, number, True)
            assert accepted.state.descriptor == p.ACCEPTED


def test_frames_keep_to_the_clients_size(server: BrokerProcess, queue: str) -> None:
    fill(server, queue, "x" * 5000)
    with WireClient(server.port, max_frame_size=512) as client:
        client.attach(queue, receive=True)
        client.flow(1)
        _, message = client.message()
        assert message.endswith(b"x" * 5000)
        assert max(client.sizes) == 512
        assert len(client.sizes) > 10


def test_the_clients_window_is_kept_in_the_middle_of_a_message(server: BrokerProcess, queue: str) -> None:
    fill(server, queue, "x" * 2500, "second")
    with WireClient(server.port, max_frame_size=512, window=2) as client:
        client.attach(queue, receive=True)
        client.flow(5, window=2)
        parts = [client._transfer() for _ in range(2)]
        assert client.is_silent()
        client.flow(5, window=1000)
        parts += [client._transfer() for _ in range(4)]
        assert [transfer.more for transfer, _ in parts] == [True] * 5 + [False]
        assert b"".join(payload for _, payload in parts).endswith(b"x" * 2500)
        assert client.message()[1].endswith(b"second")


def test_credit_is_kept(server: BrokerProcess, client: WireClient, queue: str) -> None:
    fill(server, queue, "a", "b", "c", "d", "never")
    client.attach(queue, receive=True)
    client.flow(2)
    assert [client.message()[1][-1:] for _ in range(2)] == [b"a", b"b"]
    assert client.is_silent()
    client.flow(3, count=1)  # sent before the client saw the second message: two more, not three
    assert [client.message()[1][-1:] for _ in range(2)] == [b"c", b"d"]
    assert client.is_silent()
    client.flow(1, count=3)  # used up by the fourth message, which it does not know of
    assert client.is_silent()


def test_draining_gives_the_rest_of_the_credit_back(
    server: BrokerProcess, client: WireClient, queue: str
) -> None:
    fill(server, queue, "a", "b")
    client.attach(queue, receive=True)
    client.flow(10, drain=True)
    assert [client.message()[1][-1:] for _ in range(2)] == [b"a", b"b"]
    flow = client.next()
    assert (flow.handle, flow.delivery_count, flow.link_credit, flow.drain) == (0, 10, 0, True)
    fill(server, queue, "c")
    assert client.is_silent()


def test_a_range_is_settled_and_each_outcome_told(
    server: BrokerProcess, client: WireClient, queue: str
) -> None:
    fill(server, queue, "a", "b", "c")
    client.attach(queue, receive=True)
    client.flow(3)
    ids = [client.message()[0].delivery_id or 0 for _ in range(3)]
    client.settle(ids[0], ids[2], settled=False)
    for number in ids:
        outcome = client.next()
        assert outcome[:4] == (p.ROLE_SENDER, number, number, True)
        assert outcome.state == Described(p.ACCEPTED, [])
    client.settle(ids[0], ids[0], settled=False)
    error = client.next().state.value[0].value
    assert error[0] == "com.microsoft:message-lock-lost"
    assert len(error) == 3
    client.settle(0, 0xFFFFFFFE, settled=True)
    assert client.is_silent()


def test_the_newest_flow_is_served_first(server: BrokerProcess, queue: str) -> None:
    with WireClient(server.port) as first, WireClient(server.port) as second:
        for client in (first, second):
            client.attach(queue, receive=True)
        for client in (first, second, first):
            client.flow(1)
            assert client.is_silent(0.1)
        fill(server, queue, "a")
        assert first.message()[1].endswith(b"a")
        assert second.is_silent(0.1)
        fill(server, queue, "b")
        assert second.message()[1].endswith(b"b")


def test_an_aborted_delivery_is_forgotten(server: BrokerProcess, client: WireClient, queue: str) -> None:
    client.attach(queue, receive=False)
    client.transfer(0, b"half of a mess", more=True)
    client.transfer(0, b"", aborted=True)
    client.transfer(1, text_message("whole"))
    assert client.next().first == 1
    with WireClient(server.port) as receiver:
        receiver.attach(queue, receive=True)
        receiver.flow(5)
        assert receiver.message()[1].endswith(b"whole")
        assert receiver.is_silent()


def test_a_message_that_is_not_one_is_rejected(client: WireClient, queue: str) -> None:
    client.attach(queue, receive=False)
    client.transfer(0, b"not a section")
    rejected = client.next().state
    assert rejected.descriptor == p.REJECTED
    assert rejected.value[0].value[0] == "amqp:decode-error"
    client.transfer(1, text_message("good"))
    assert client.next().state.descriptor == p.ACCEPTED


def test_an_unattached_handle_closes_the_connection_with_the_reason(client: WireClient) -> None:
    client.transfer(0, text_message("x"))
    assert isinstance(client.next(), p.Close)
    with pytest.raises(StopIteration):
        client.next()


def test_a_client_with_a_time_out_hears_from_the_broker(server: BrokerProcess) -> None:
    with WireClient(server.port, idle_ms=400) as client:
        started = time.monotonic()
        assert client.next() is None
        assert time.monotonic() - started < 5


def test_transactions_are_refused(client: WireClient) -> None:
    coordinator = Described(UInt(0x30), [])
    client.send(p.ATTACH, "tx", UInt(0), p.ROLE_SENDER, None, None, Described(UInt(0x28), ["x"]), coordinator)
    assert client.next().target is None
    assert isinstance(client.next(), p.Detach)
