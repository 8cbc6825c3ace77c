"""One queue, or the dead-letter queue of one: a state machine over messages with an injected clock."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from tools.servicebus_broker.engine.deadlines import Deadlines
from tools.servicebus_broker.engine.definitions import QueueDefinition
from tools.servicebus_broker.engine.records import (
    Clock,
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
from tools.servicebus_broker.engine.storage import Storage

MAX_DELIVERIES = DeadLetterReason(
    "MaxDeliveryCountExceeded", "Message could not be consumed after the maximum number of delivery attempts."
)
EXPIRED = DeadLetterReason("TTLExpiredException", "The message expired and was dead lettered.")

FORGETTING_INTERVAL_MS = 2000


def _nothing() -> None:
    """Nobody is waiting for messages yet."""


class Queue:
    """Messages in sequence order; each is ready, locked, deferred or scheduled.

    Operations change memory and note the change in storage; they are durable after Storage.commit(). Ready
    messages are taken in sequence order, so one that comes back is the next to go. Nothing scans the queue.
    """

    def __init__(
        self,
        definition: QueueDefinition,
        *,
        storage: Storage,
        clock: Clock,
        name: str,
        dead_letters: "Queue | None",
    ) -> None:
        """Load the queue ``name``; without ``dead_letters`` it is a dead-letter queue itself."""
        properties = definition.properties
        self.name = name
        self.dead_letters = dead_letters
        self.on_ready: Callable[[], None] = _nothing
        self._storage, self._clock = storage, clock
        ttl = properties.default_message_time_to_live
        self._lock_ms = _milliseconds(properties.lock_duration)
        self._ttl_ms = None if ttl is None else _milliseconds(ttl)
        self._window_ms = _milliseconds(properties.duplicate_detection_history_time_window)
        self._next_forgetting = 0
        self._properties = properties
        self._quota = properties.max_size_in_megabytes << 20
        self._messages: dict[int, Message] = {}
        self._ready: Deadlines[int] = Deadlines()
        self._scheduled: Deadlines[int] = Deadlines()
        self._expiring: Deadlines[int] = Deadlines()
        self._locked: Deadlines[bytes] = Deadlines()
        self._by_token: dict[bytes, Message] = {}
        self._bytes = 0
        self._id, self._last_sequence = storage.queue(name)
        for message in storage.messages(self._id):
            self._index(message)

    # ---- sending

    def enqueue(self, drafts: Sequence[Draft]) -> list[int | None]:
        """Add messages, each at its due time if that is ahead; return their sequence numbers.

        None means that duplicate detection dropped one, which the sender does not get to know. Raises
        QuotaExceeded, and then adds none.
        """
        if self._bytes + sum(len(draft.payload) for draft in drafts) > self._quota:
            raise QuotaExceeded(f"queue {self.name} holds its maximum of {self._quota} bytes")
        now = self._clock()
        return [self._enqueue_one(draft, now) for draft in drafts]

    def cancel(self, sequence: int) -> None:
        """Remove a scheduled message. Raises MessageNotFound."""
        message = self._messages.get(sequence)
        if message is None or message.state is not MessageState.SCHEDULED:
            raise MessageNotFound(f"no scheduled message {sequence}")
        self._remove(message)

    # ---- receiving

    def take(self, *, lock: bool) -> Message | None:
        """Return the next ready message: locked, or, without ``lock``, removed from the queue."""
        while (sequence := self._ready.take_first()) is not None:
            message = self._messages[sequence]
            if message.expires_at is not None and message.expires_at <= self._clock():
                self._expire(message)
                continue
            return self._hand_out(message, lock=lock)
        return None

    def take_deferred(self, sequence: int, *, lock: bool) -> Message:
        """Like take, for the deferred message with this number. Raises MessageNotFound."""
        message = self._messages.get(sequence)
        if message is None or message.state is not MessageState.DEFERRED or message.lock_token is not None:
            raise MessageNotFound(f"no deferred message {sequence}")
        return self._hand_out(message, lock=lock)

    # ---- settling

    def settle(self, token: bytes, settlement: Settlement) -> None:
        """Apply an outcome to the message locked by ``token``. Raises LockLost."""
        message = self._holding(token)
        outcome = settlement.outcome
        if outcome is Outcome.COMPLETE:
            self._remove(message)
        elif outcome is Outcome.DEAD_LETTER and self.dead_letters is not None:
            self._bury(message, settlement.why)
        elif outcome is Outcome.RELEASE:
            self._unlock(message)
            self._return(message)
        elif outcome is Outcome.DEFER:
            self._unlock(message)
            message.state = MessageState.DEFERRED
            self._storage.update(message)
        else:
            self._fail_delivery(message)

    def renew(self, token: bytes) -> int:
        """Extend the lock to its full duration from now; return its new end. Raises LockLost."""
        message = self._holding(token)
        message.locked_until = self._clock() + self._lock_ms
        self._locked.add(message.locked_until, token)
        self._storage.note_lock(message)
        return message.locked_until

    # ---- time and sight

    def advance(self) -> None:
        """Do what is due: end locks, activate scheduled messages, expire, forget old message ids."""
        now = self._clock()
        for token in self._locked.take_due(now):
            self._fail_delivery(self._by_token[token])
        for sequence in self._scheduled.take_due(now):
            self._activate(self._messages[sequence])
        for sequence in self._expiring.take_due(now):
            self._expire_unless_locked(self._messages[sequence])
        if self._properties.requires_duplicate_detection and self.dead_letters is not None:
            self._forget_seen(now)

    def browse(self, first: int, limit: int) -> Iterator[Message]:
        """Yield up to ``limit`` messages in any state from sequence number ``first`` on."""
        for sequence in self._storage.sequences_from(self._id, first, limit):
            yield self._messages[sequence]

    def payload(self, message: Message) -> bytes:
        """Return the payload of a message of this queue."""
        return self._storage.payload(message)

    def __len__(self) -> int:
        return len(self._messages)

    # ---- transitions

    def _enqueue_one(self, draft: Draft, now: int) -> int | None:
        if self._properties.requires_duplicate_detection and not self._storage.first_seen(
            queue_id=self._id, message_id=draft.message_id, now=now, window_ms=self._window_ms
        ):
            return None
        return self._add(draft, now=now).sequence

    def _add(self, draft: Draft, *, now: int) -> Message:
        scheduled = draft.due_at is not None and draft.due_at > now
        message = Message(
            queue_id=self._id,
            sequence=self._next_sequence(),
            payload=draft.payload,
            size=len(draft.payload),
            message_id=draft.message_id,
            ttl_ms=_shorter(draft.ttl_ms, self._ttl_ms),
            enqueued_at=now,
            state=MessageState.SCHEDULED if scheduled else MessageState.ACTIVE,
            due_at=draft.due_at if scheduled else None,
        )
        if not scheduled:
            message.expires_at = _sum(now, message.ttl_ms)
        return self._insert(message)

    def _insert(self, message: Message) -> Message:
        self._storage.insert(message)
        self._index(message)
        return message

    def _index(self, message: Message) -> None:
        sequence = message.sequence
        self._messages[sequence] = message
        self._bytes += message.size
        if message.lock_token is not None:
            self._by_token[message.lock_token] = message
            self._locked.add(message.locked_until, message.lock_token)
        elif message.state is MessageState.ACTIVE:
            self._ready.add(sequence, sequence)
            self.on_ready()
        elif message.state is MessageState.SCHEDULED:
            self._scheduled.add(message.due_at or 0, sequence)
        if message.expires_at is not None:
            self._expiring.add(message.expires_at, sequence)

    def _activate(self, message: Message) -> None:
        """A scheduled message enters the queue as if sent now: at the end, with a new sequence number."""
        now = self._clock()
        payload = self._storage.payload(message)
        self._remove(message)
        draft = Draft(message_id=message.message_id, payload=payload, ttl_ms=message.ttl_ms)
        self._add(draft, now=now)

    def _hand_out(self, message: Message, *, lock: bool) -> Message:
        if not lock:
            message.payload = self._storage.payload(message)
            self._remove(message)
            return message
        message.lock_token = token = os.urandom(16)
        message.locked_until = self._clock() + self._lock_ms
        self._by_token[token] = message
        self._locked.add(message.locked_until, token)
        self._storage.note_lock(message)
        return message

    def _holding(self, token: bytes) -> Message:
        message = self._by_token.get(token)
        if message is None or message.locked_until <= self._clock():
            raise LockLost("the lock has expired, was settled already or was never given")
        return message

    def _unlock(self, message: Message) -> None:
        token, message.lock_token = message.lock_token, None
        if token is not None:
            del self._by_token[token]
            self._locked.drop(token)
            self._storage.note_lock(message)

    def _fail_delivery(self, message: Message) -> None:
        """Count a delivery that came to nothing; the last one allowed makes a dead letter."""
        self._unlock(message)
        message.delivery_count += 1
        self._storage.update(message)
        if self.dead_letters is not None and message.delivery_count >= self._properties.max_delivery_count:
            self._bury(message, MAX_DELIVERIES)
        else:
            self._return(message)

    def _return(self, message: Message) -> None:
        if message.expires_at is not None and message.expires_at <= self._clock():
            self._expire(message)
        elif message.state is MessageState.ACTIVE:
            self._ready.add(message.sequence, message.sequence)
            self.on_ready()

    def _expire_unless_locked(self, message: Message) -> None:
        """A locked message may still be completed; it expires when its lock ends otherwise."""
        if message.lock_token is None:
            self._expire(message)

    def _expire(self, message: Message) -> None:
        if self.dead_letters is not None and self._properties.dead_lettering_on_message_expiration:
            self._bury(message, EXPIRED)
        else:
            self._remove(message)

    def _bury(self, message: Message, why: DeadLetterReason) -> None:
        """Move the message to the dead-letter queue: new sequence number, same payload, no expiry."""
        assert self.dead_letters is not None
        payload = self._storage.payload(message)
        self._remove(message)
        self.dead_letters._receive_dead(message, payload, why)

    def _receive_dead(self, message: Message, payload: bytes, why: DeadLetterReason) -> None:
        dead = Message(
            queue_id=self._id,
            sequence=self._next_sequence(),
            payload=payload,
            size=message.size,
            message_id=message.message_id,
            ttl_ms=message.ttl_ms,
            enqueued_at=message.enqueued_at,
            delivery_count=message.delivery_count,
            why_dead=why,
        )
        self._insert(dead)

    def _remove(self, message: Message) -> None:
        sequence = message.sequence
        self._unlock(message)
        del self._messages[sequence]
        self._bytes -= message.size
        self._ready.drop(sequence)
        self._scheduled.drop(sequence)
        self._expiring.drop(sequence)
        self._storage.delete(message)

    def _forget_seen(self, now: int) -> None:
        """Housekeeping only: whether a record still counts is decided when an id comes again."""
        if now >= self._next_forgetting:
            self._next_forgetting = now + FORGETTING_INTERVAL_MS
            self._storage.forget_seen(queue_id=self._id, before=now - self._window_ms)

    def _next_sequence(self) -> int:
        self._last_sequence += 1
        return self._last_sequence


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)


def _shorter(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return first if second is None else second
    return min(first, second)


def _sum(first: int, second: int | None) -> int | None:
    return None if second is None else first + second
