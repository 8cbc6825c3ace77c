"""What a queue holds and what is done to it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

Clock = Callable[[], int]
"""Milliseconds since the Unix epoch: wall time, because locks and expiries outlive the process."""


class MessageState(IntEnum):
    """Values of the annotation x-opt-message-state."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class Outcome(StrEnum):
    """What a receiver asks for."""

    COMPLETE = "complete"
    ABANDON = "abandon"
    RELEASE = "release"
    DEFER = "defer"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class DeadLetterReason:
    """Why a message is a dead letter; both texts are optional, as they are for the client."""

    reason: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """An outcome, with the reason a dead letter carries."""

    outcome: Outcome
    why: DeadLetterReason = DeadLetterReason()


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as sent, not yet in a queue. ``payload`` is opaque to the engine."""

    message_id: str
    payload: bytes
    ttl_ms: int | None = None
    due_at: int | None = None


@dataclass(slots=True, eq=False)
class Message:
    """A message in a queue. Times are milliseconds since the epoch.

    ``payload`` is None when it is only on disk (see Storage.payload). A message is locked as long as it has a
    ``lock_token`` (16 bytes), whatever its state: a deferred message that was fetched is both.
    """

    queue_id: int
    sequence: int
    payload: bytes | None
    size: int
    message_id: str
    ttl_ms: int | None
    enqueued_at: int
    state: MessageState = MessageState.ACTIVE
    due_at: int | None = None
    expires_at: int | None = None
    delivery_count: int = 0
    why_dead: DeadLetterReason | None = None
    lock_token: bytes | None = None
    locked_until: int = 0

    @property
    def key(self) -> int:
        """The message's row: queue in the upper 16 bits, sequence number in the lower 48."""
        return self.queue_id << 48 | self.sequence


class QueueError(Exception):
    """LockLost | MessageNotFound | QuotaExceeded."""


class LockLost(QueueError):
    """The token locks nothing: expired, settled or never given."""


class MessageNotFound(QueueError):
    """No message with this sequence number in the state the operation needs."""


class QuotaExceeded(QueueError):
    """The queue holds its maximum of bytes."""
