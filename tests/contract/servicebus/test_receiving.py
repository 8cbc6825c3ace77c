"""Every message goes to one receiver, whatever way it is asked for."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusReceiver
from azure.servicebus.aio import ServiceBusClient as AsyncClient

from tests.contract.servicebus.broker_process import BrokerProcess
from tests.contract.servicebus.conftest import Bus, Take, nothing_comes


def test_iteration_with_prefetch(bus: Bus, queue: str) -> None:
    texts = [f"m{number}" for number in range(30)]
    bus.sender(queue).send_messages([ServiceBusMessage(text) for text in texts])
    receiver = bus.receiver(queue, prefetch_count=10, max_wait_time=1)
    received = []
    for message in receiver:
        received.append(str(message))
        receiver.complete_message(message)
    assert received == texts
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_receive_and_delete(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages([ServiceBusMessage(f"m{number}") for number in range(5)])
    receiver = bus.receiver(queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    assert [str(message) for message in take(receiver, 5)] == ["m0", "m1", "m2", "m3", "m4"]
    assert receiver.peek_messages(1, sequence_number=1) == []


def test_a_waiting_receiver_is_woken(bus: Bus, queue: str, take: Take) -> None:
    sender, receiver = bus.sender(queue), bus.receiver(queue)
    assert nothing_comes(receiver)
    sender.send_messages(ServiceBusMessage("warm"))
    receiver.complete_message(take(receiver, 1)[0])
    timer = threading.Timer(0.5, lambda: sender.send_messages(ServiceBusMessage("late")))
    timer.start()
    started = time.monotonic()
    (message,) = receiver.receive_messages(max_wait_time=20)
    timer.join()
    assert str(message) == "late"
    assert time.monotonic() - started < 15, "the message came when the wait ended, not when it was sent"


def test_four_receivers_share_400_messages(bus: Bus, queue: str) -> None:
    bus.sender(queue).send_messages([ServiceBusMessage(str(number)) for number in range(400)])
    receivers = [bus.receiver(queue) for _ in range(4)]

    def drain(receiver: ServiceBusReceiver) -> list[str]:
        mine: list[str] = []
        while messages := receiver.receive_messages(max_message_count=10, max_wait_time=1):
            for message in messages:
                mine.append(str(message))
                receiver.complete_message(message)
        return mine

    with ThreadPoolExecutor(max_workers=4) as pool:
        shares = list(pool.map(drain, receivers))
    assert sorted(int(text) for share in shares for text in share) == list(range(400))


def test_prefetched_messages_return_when_the_receiver_closes(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages([ServiceBusMessage(f"m{number}") for number in range(10)])
    first = bus.receiver(queue, prefetch_count=10)
    first.complete_message(take(first, 1)[0])
    first.close()
    second = bus.receiver(queue)
    messages = take(second, 9)
    assert sorted(str(message) for message in messages) == [f"m{number}" for number in range(1, 10)]


def test_peek_shows_all_and_locks_none(bus: Bus, queue: str, take: Take) -> None:
    bus.sender(queue).send_messages([ServiceBusMessage(f"m{number}") for number in range(5)])
    receiver = bus.receiver(queue)
    (locked,) = take(receiver, 1)
    peeked = receiver.peek_messages(10, sequence_number=1)
    assert [str(message) for message in peeked] == ["m0", "m1", "m2", "m3", "m4"]
    assert [message.sequence_number for message in receiver.peek_messages(2, sequence_number=3)] == [3, 4]
    receiver.complete_message(locked)
    assert len(take(receiver, 4)) == 4


def test_the_asyncio_client(server: BrokerProcess, queue: str) -> None:
    async def exchange() -> list[str]:
        async with AsyncClient.from_connection_string(server.connection_string) as client:
            async with client.get_queue_sender(queue) as sender:
                await sender.send_messages([ServiceBusMessage(f"m{number}") for number in range(3)])
            received: list[str] = []
            async with client.get_queue_receiver(queue) as receiver:
                while len(received) < 3:
                    for message in await receiver.receive_messages(max_message_count=3, max_wait_time=5):
                        received.append(str(message))
                        await receiver.complete_message(message)
            return received

    assert asyncio.run(exchange()) == ["m0", "m1", "m2"]
