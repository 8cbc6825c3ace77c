"""The queues themselves, on a clock that the test turns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.servicebus_broker.engine.definitions import QueueDefinition
from tools.servicebus_broker.engine.engine import DEAD_LETTER_SUFFIX, Engine
from tools.servicebus_broker.engine.inspection import inspect
from tools.servicebus_broker.engine.queue import Queue
from tools.servicebus_broker.engine.records import (
    DeadLetterReason,
    Draft,
    LockLost,
    Message,
    MessageNotFound,
    MessageState,
    Outcome,
    QuotaExceeded,
    Settlement,
)
from tools.servicebus_broker.engine.storage import CACHED_PAYLOAD_BYTES, DataFileInUse, Storage

LOCK_MS = 60_000
START = 1_000_000
COMPLETE, ABANDON = Settlement(Outcome.COMPLETE), Settlement(Outcome.ABANDON)
RELEASE, DEFER = Settlement(Outcome.RELEASE), Settlement(Outcome.DEFER)


class World:
    """An engine with one queue, a clock, and a way to lose power."""

    def __init__(self, directory: Path) -> None:
        self.now = START
        self.path = directory / "data.sqlite"
        self.properties: dict[str, object] = {}
        self._engine: Engine | None = None

    def define(self, **properties: object) -> Queue:
        self.properties = properties
        return self.open()

    def open(self) -> Queue:
        definition = QueueDefinition.model_validate({"name": "Q", "properties": self.properties})
        self._engine = Engine([definition], storage=Storage(self.path), clock=lambda: self.now)
        return self.queue

    @property
    def engine(self) -> Engine:
        assert self._engine is not None
        return self._engine

    @property
    def queue(self) -> Queue:
        return self.engine.queues["q"]

    @property
    def dead(self) -> Queue:
        return self.engine.queues["q" + DEAD_LETTER_SUFFIX]

    def after(self, milliseconds: int) -> None:
        self.now += milliseconds
        self.engine.advance()

    def close(self, *, commit: bool = False) -> None:
        if self._engine is not None and commit:
            self._engine.close()
        elif self._engine is not None:
            self._engine.abort()
        self._engine = None

    def crash_and_reopen(self, *, committed: bool = True) -> Queue:
        if committed:
            self.engine.commit()
        self.engine.abort()
        return self.open()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def draft(text: str = "x", **values: Any) -> Draft:
    return Draft(message_id=text, payload=text.encode(), **values)


def take(queue: Queue) -> Message:
    message = queue.take(lock=True)
    assert message is not None
    return message


def token_of(message: Message) -> bytes:
    assert message.lock_token is not None
    return message.lock_token


def reason_of(message: Message) -> str | None:
    assert message.why_dead is not None
    return message.why_dead.reason


def take_all(queue: Queue, *, lock: bool = True) -> list[Message]:
    messages = []
    while (message := queue.take(lock=lock)) is not None:
        messages.append(message)
    return messages


def texts(messages: list[Message]) -> list[str]:
    return [message.message_id for message in messages]


def test_messages_come_in_order_once(world: World) -> None:
    queue = world.define()
    assert queue.enqueue([draft("a"), draft("b")]) == [1, 2]
    assert queue.enqueue([draft("c")]) == [3]
    assert texts(take_all(queue)) == ["a", "b", "c"]
    assert queue.take(lock=True) is None


def test_completing_removes(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    token = token_of(take(queue))
    queue.settle(token, COMPLETE)
    assert len(queue) == 0
    with pytest.raises(LockLost):
        queue.settle(token, COMPLETE)


def test_taking_without_lock_removes(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    message = queue.take(lock=False)
    assert message is not None
    assert message.payload == b"x"
    assert len(queue) == 0


def test_abandoned_messages_come_first_and_count(world: World) -> None:
    queue = world.define(maxDeliveryCount=3)
    queue.enqueue([draft("a"), draft("b")])
    for count in range(3):
        message = take(queue)
        assert (message.message_id, message.delivery_count) == ("a", count)
        queue.settle(token_of(message), ABANDON)
    assert texts(take_all(queue)) == ["b"]
    (dead,) = take_all(world.dead)
    assert reason_of(dead) == "MaxDeliveryCountExceeded"
    assert (dead.sequence, dead.delivery_count, world.dead.payload(dead)) == (1, 3, b"a")


def test_releasing_does_not_count(world: World) -> None:
    queue = world.define(maxDeliveryCount=1)
    queue.enqueue([draft()])
    for _ in range(5):
        message = take(queue)
        assert message.delivery_count == 0
        queue.settle(token_of(message), RELEASE)


def test_a_lock_ends_on_time(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    first = take(queue)
    token = token_of(first)
    assert first.locked_until == START + LOCK_MS
    world.after(LOCK_MS - 1)
    assert queue.take(lock=True) is None
    world.after(1)
    with pytest.raises(LockLost):
        queue.settle(token, COMPLETE)
    again = take(queue)
    assert again.delivery_count == 1
    assert again.lock_token != token


def test_a_lock_is_lost_on_time_even_before_the_next_tick(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    token = token_of(take(queue))
    world.now += LOCK_MS
    for use in (lambda: queue.settle(token, COMPLETE), lambda: queue.renew(token)):
        with pytest.raises(LockLost):
            use()


def test_renewing_moves_the_end(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    token = token_of(take(queue))
    for _ in range(3):
        world.after(LOCK_MS - 1)
        assert queue.renew(token) == world.now + LOCK_MS
    queue.settle(token, COMPLETE)
    assert len(queue) == 0


def test_deferred_messages_come_by_number(world: World) -> None:
    queue = world.define(maxDeliveryCount=2)
    queue.enqueue([draft()])
    queue.settle(token_of(take(queue)), DEFER)
    assert queue.take(lock=True) is None
    message = queue.take_deferred(1, lock=True)
    with pytest.raises(MessageNotFound):
        queue.take_deferred(1, lock=True)
    queue.settle(token_of(message), ABANDON)
    assert (message.state, message.delivery_count) == (MessageState.DEFERRED, 1)
    queue.take_deferred(1, lock=True)
    world.after(LOCK_MS)
    assert len(world.dead) == 1


def test_only_deferred_messages_come_by_number(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    for number in (1, 2):
        with pytest.raises(MessageNotFound):
            queue.take_deferred(number, lock=True)


def test_dead_lettering_gives_the_reason(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    why = DeadLetterReason("r", "d")
    queue.settle(token_of(take(queue)), Settlement(Outcome.DEAD_LETTER, why))
    dead = take(world.dead)
    assert dead.why_dead == why
    world.dead.settle(token_of(dead), Settlement(Outcome.DEAD_LETTER, why))
    assert len(world.dead) == 1, "a dead letter has nowhere else to go"


def test_scheduled_messages_enter_at_the_end_when_due(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft("later", due_at=START + 500, ttl_ms=1000), draft("now")])
    assert texts(take_all(queue, lock=False)) == ["now"]
    world.after(499)
    assert queue.take(lock=True) is None
    world.after(1)
    message = take(queue)
    assert (message.message_id, message.sequence, message.enqueued_at) == ("later", 3, START + 500)
    assert message.expires_at == START + 1500


def test_a_schedule_in_the_past_is_now(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft(due_at=START)])
    assert take(queue).state is MessageState.ACTIVE


def test_scheduled_messages_can_be_cancelled(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft(due_at=START + 500), draft("now")])
    queue.cancel(1)
    for number in (1, 2):
        with pytest.raises(MessageNotFound):
            queue.cancel(number)
    world.after(1000)
    assert texts(take_all(queue)) == ["now"]


@pytest.mark.parametrize("buried", [True, False])
def test_expiry(world: World, buried: bool) -> None:
    queue = world.define(defaultMessageTimeToLive="PT10S", deadLetteringOnMessageExpiration=buried)
    queue.enqueue([draft("short", ttl_ms=1000), draft("long", ttl_ms=99_000), draft("default")])
    world.after(1000)
    assert len(queue) == 2
    world.after(9000)
    assert len(queue) == 0
    dead = take_all(world.dead)
    assert texts(dead) == (["short", "long", "default"] if buried else [])
    assert all(reason_of(message) == "TTLExpiredException" for message in dead)
    world.after(1_000_000)
    assert len(world.dead) == len(dead), "dead letters do not expire"


def test_an_expired_message_is_not_delivered_before_the_next_tick(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft(ttl_ms=1000)])
    world.now += 1000
    assert queue.take(lock=True) is None


def test_a_locked_message_may_be_completed_after_its_expiry(world: World) -> None:
    queue = world.define(deadLetteringOnMessageExpiration=True)
    queue.enqueue([draft("a", ttl_ms=1000), draft("b", ttl_ms=1000)])
    a, b = take_all(queue)
    world.after(2000)
    queue.settle(token_of(a), COMPLETE)
    queue.settle(token_of(b), ABANDON)
    assert len(queue) == 0
    assert reason_of(take(world.dead)) == "TTLExpiredException"


def test_duplicates_are_dropped_within_the_window(world: World) -> None:
    queue = world.define(requiresDuplicateDetection=True, duplicateDetectionHistoryTimeWindow="PT10S")
    assert queue.enqueue([draft("a"), draft("a"), draft("b")]) == [1, None, 2]
    take_all(queue, lock=False)
    world.after(10_000)
    assert queue.enqueue([draft("a", due_at=world.now + 5)]) == [None]
    world.after(1)
    assert queue.enqueue([draft("a")]) == [3]
    assert queue.enqueue([draft("a")]) == [None]


def test_the_history_of_ids_is_durable_and_forgotten_in_time(world: World) -> None:
    queue = world.define(requiresDuplicateDetection=True, duplicateDetectionHistoryTimeWindow="PT10S")
    queue.enqueue([draft("a")])
    queue = world.crash_and_reopen()
    assert queue.enqueue([draft("a")]) == [None]
    world.after(20_000)
    world.engine.commit()
    rows = world.engine._storage._db.execute("SELECT count(*) FROM seen").fetchone()
    assert rows == (0,)


def test_a_full_queue_refuses_all_of_a_batch(world: World) -> None:
    queue = world.define(maxSizeInMegabytes=1)
    big = Draft(message_id="big", payload=bytes(600_000))
    queue.enqueue([big])
    with pytest.raises(QuotaExceeded):
        queue.enqueue([draft("small"), big])
    assert len(queue) == 1
    take_all(queue, lock=False)
    queue.enqueue([big])


def test_browsing_sees_every_state_and_changes_none(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft("locked"), draft("deferred"), draft("active"), draft("due", due_at=START + 9)])
    queue.take(lock=True)
    queue.settle(token_of(take(queue)), DEFER)
    assert texts(list(queue.browse(1, 10))) == ["locked", "deferred", "active", "due"]
    assert texts(list(queue.browse(2, 2))) == ["deferred", "active"]
    assert texts(take_all(queue)) == ["active"]


def test_everything_committed_outlives_a_crash(world: World) -> None:
    queue = world.define(maxDeliveryCount=2)
    big = "b" * (CACHED_PAYLOAD_BYTES + 1)
    queue.enqueue([draft("locked"), draft("deferred"), draft("dead"), draft("counted"), draft(big)])
    queue.enqueue([draft("due", due_at=START + 50_000)])
    locked, deferred, dead, counted, _ = take_all(queue)
    token = token_of(locked)
    queue.settle(token_of(deferred), DEFER)
    queue.settle(token_of(dead), Settlement(Outcome.DEAD_LETTER, DeadLetterReason("why")))
    queue.settle(token_of(counted), ABANDON)
    queue = world.crash_and_reopen()
    assert take(world.dead).why_dead == DeadLetterReason("why")
    assert queue.take_deferred(2, lock=False).message_id == "deferred"
    again = take(queue)
    assert (again.message_id, again.delivery_count) == ("counted", 1)
    queue.settle(token, COMPLETE)
    world.after(LOCK_MS)
    assert [queue.payload(message) for message in take_all(queue)] == [big.encode(), b"due"]
    assert queue.enqueue([draft("next")]) == [8], "sequence numbers are not used again"


def test_nothing_uncommitted_outlives_a_crash(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft("kept")])
    world.engine.commit()
    queue.enqueue([draft("lost")])
    queue.settle(token_of(take(queue)), COMPLETE)
    queue = world.crash_and_reopen(committed=False)
    assert texts(take_all(queue)) == ["kept"]


def test_a_number_given_and_deleted_in_one_commit_is_not_given_again(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft()])
    queue.take(lock=False)
    queue = world.crash_and_reopen()
    assert queue.enqueue([draft()]) == [2]


def test_two_engines_cannot_share_a_file(world: World) -> None:
    world.define()
    with pytest.raises(DataFileInUse):
        Storage(world.path)


def test_inspection_counts_each_message_once(world: World) -> None:
    queue = world.define()
    queue.enqueue([draft(name) for name in ("locked", "deferred", "dead", "active", "expired lock")])
    queue.enqueue([draft("due", due_at=START + 100_000)])
    take(queue)
    queue.settle(token_of(take(queue)), DEFER)
    queue.settle(token_of(take(queue)), Settlement(Outcome.DEAD_LETTER))
    world.engine.commit()
    expected = {"active": 2, "locked": 1, "scheduled": 1, "deferred": 1, "dead_letter": 1}
    assert inspect(world.path, now=START) == {"q": expected}
    later = inspect(world.path, now=START + LOCK_MS)["q"]
    assert (later["active"], later["locked"]) == (3, 0)


def test_inspection_of_a_closed_file_leaves_it_alone(world: World) -> None:
    world.define().enqueue([draft()])
    world.close(commit=True)
    before = world.path.read_bytes()
    assert inspect(world.path)["q"]["active"] == 1
    assert world.path.read_bytes() == before
