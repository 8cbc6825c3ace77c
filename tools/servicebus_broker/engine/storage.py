"""Durable state of all queues: one SQLite file in WAL mode.

Changes are collected as the final state of each message and written in one transaction by commit(). What was
committed survives a kill of the process; synchronous=NORMAL means that a power failure may lose the last
commits (never corrupt the file).
"""

import fcntl
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.servicebus_broker.engine.records import DeadLetterReason, Message, MessageState

CACHED_PAYLOAD_BYTES = 2048
"""Payloads up to this size stay in memory; larger ones are read from disk when delivered."""

_SEQUENCE_MASK = (1 << 48) - 1
_SCHEMA = Path(__file__).with_name("schema.sql")

_INSERT = "INSERT INTO messages VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_UPDATE = "UPDATE messages SET state = ?, due_at = ?, expires_at = ?, delivery_count = ? WHERE key = ?"
_DELETE = "DELETE FROM messages WHERE key = ?"
_LOCK = "INSERT OR REPLACE INTO locks VALUES (?,?,?)"
_UNLOCK = "DELETE FROM locks WHERE key = ?"
_SEEN = (
    "INSERT INTO seen VALUES (?,?,?) ON CONFLICT (queue_id, message_id) "
    "DO UPDATE SET seen_at = excluded.seen_at WHERE seen.seen_at < ?"
)
_FORGET = (
    "DELETE FROM seen WHERE (queue_id, message_id) IN "
    "(SELECT queue_id, message_id FROM seen WHERE queue_id = ? AND seen_at < ? ORDER BY seen_at LIMIT ?)"
)
_LOAD = (
    "SELECT m.key, CASE WHEN m.size <= ? THEN m.payload END, m.size, m.message_id, m.ttl_ms, m.enqueued_at, "
    "m.state, m.due_at, m.expires_at, m.delivery_count, m.is_dead, m.reason, m.description, "
    "l.token, l.locked_until "
    "FROM messages m LEFT JOIN locks l ON l.key = m.key WHERE m.key BETWEEN ? AND ? ORDER BY m.key"
)


class DataFileInUse(RuntimeError):
    """Another broker serves this data file."""


class Storage:
    """The data file. Not thread-safe; after an sqlite3.Error from commit() nothing may be acknowledged."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, creating it if need be. Raises DataFileInUse."""
        self._guard = path.with_name(path.name + ".lock").open("w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            self._guard.close()
            raise DataFileInUse(f"another broker serves {path}") from exc
        self._db = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-32768", "busy_timeout=5000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA.read_text())
        self._in_transaction = False
        self._forget_pending()

    def _forget_pending(self) -> None:
        self._inserts: dict[int, Message] = {}
        self._updates: dict[int, Message] = {}
        self._deletes: set[int] = set()
        self._locks: dict[int, Message | None] = {}
        self._sequences: dict[int, int] = {}

    def queue(self, name: str) -> tuple[int, int]:
        """Return (id, last sequence number used) of a queue, registering it when new."""
        self._begin()
        self._db.execute("INSERT OR IGNORE INTO queues (name) VALUES (?)", (name,))
        row = self._db.execute("SELECT id, last_sequence FROM queues WHERE name = ?", (name,)).fetchone()
        return row[0], row[1]

    def messages(self, queue_id: int) -> Iterator[Message]:
        """Yield what the queue holds, in sequence order."""
        low = queue_id << 48
        for row in self._db.execute(_LOAD, (CACHED_PAYLOAD_BYTES, low, low | _SEQUENCE_MASK)):
            yield _message(row)

    def insert(self, message: Message) -> None:
        """Add a new message with the next sequence number."""
        self._inserts[message.key] = message
        self._sequences[message.queue_id] = message.sequence

    def update(self, message: Message) -> None:
        """Note a change of anything but lock and payload."""
        if message.key not in self._inserts:
            self._updates[message.key] = message

    def delete(self, message: Message) -> None:
        """Remove the message; its lock is removed by ``note_lock``."""
        key = message.key
        self._updates.pop(key, None)
        if self._inserts.pop(key, None) is None:
            self._deletes.add(key)

    def note_lock(self, message: Message) -> None:
        """Note the message's present lock, or that it has none."""
        self._locks[message.key] = message if message.lock_token is not None else None

    def payload(self, message: Message) -> bytes:
        """Return the payload, from memory or disk."""
        if message.payload is not None:
            return message.payload
        row = self._db.execute("SELECT payload FROM messages WHERE key = ?", (message.key,)).fetchone()
        return bytes(row[0])

    def first_seen(self, *, queue_id: int, message_id: str, now: int, window_ms: int) -> bool:
        """Record a message id; False when it was recorded within the window before ``now``."""
        self._begin()
        cursor = self._db.execute(_SEEN, (queue_id, message_id, now, now - window_ms))
        return cursor.rowcount > 0

    def forget_seen(self, *, queue_id: int, before: int, limit: int = 5000) -> None:
        """Delete up to ``limit`` records of message ids older than ``before``."""
        self._begin()
        self._db.execute(_FORGET, (queue_id, before, limit))

    def sequences_from(self, queue_id: int, first: int, limit: int) -> list[int]:
        """Return up to ``limit`` sequence numbers of the queue from ``first`` on, in order."""
        self._write_pending()
        low = queue_id << 48
        query = "SELECT key FROM messages WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"
        rows = self._db.execute(query, (low + max(first, 0), low | _SEQUENCE_MASK, limit))
        return [key & _SEQUENCE_MASK for (key,) in rows]

    def commit(self) -> None:
        """Make everything since the last commit durable; cheap when there is nothing."""
        self._write_pending()
        if self._in_transaction:
            self._db.execute("COMMIT")
            self._in_transaction = False

    def close(self) -> None:
        """Commit and close; the file can be opened by another broker afterwards."""
        self.commit()
        self.abort()

    def abort(self) -> None:
        """Close without writing what is pending."""
        self._db.close()
        self._guard.close()

    def _begin(self) -> None:
        if not self._in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
            self._in_transaction = True

    def _write_pending(self) -> None:
        if not (self._sequences or self._updates or self._deletes or self._locks):
            return
        self._begin()
        many = self._db.executemany
        many(_DELETE, [(key,) for key in self._deletes])
        many(_INSERT, [_row(message) for message in self._inserts.values()])
        many(_UPDATE, [_changes(message) for message in self._updates.values()])
        many(_UNLOCK, [(key,) for key, message in self._locks.items() if message is None])
        many(_LOCK, [(k, m.lock_token, m.locked_until) for k, m in self._locks.items() if m is not None])
        many("UPDATE queues SET last_sequence = ? WHERE id = ?", [(n, q) for q, n in self._sequences.items()])
        for message in self._inserts.values():
            if message.size > CACHED_PAYLOAD_BYTES:
                message.payload = None
        self._forget_pending()


def _row(message: Message) -> tuple[object, ...]:
    why = message.why_dead
    return (
        message.key,
        message.size,
        message.message_id,
        message.ttl_ms,
        message.enqueued_at,
        int(message.state),
        message.due_at,
        message.expires_at,
        message.delivery_count,
        why is not None,
        why.reason if why else None,
        why.description if why else None,
        message.payload,
    )


def _changes(message: Message) -> tuple[object, ...]:
    return int(message.state), message.due_at, message.expires_at, message.delivery_count, message.key


def _message(row: tuple[Any, ...]) -> Message:
    key, payload, size, message_id, ttl_ms, enqueued_at, state, due_at, expires_at, count = row[:10]
    is_dead, reason, description, token, locked_until = row[10:]
    return Message(
        queue_id=key >> 48,
        sequence=key & _SEQUENCE_MASK,
        payload=payload,
        size=size,
        message_id=message_id,
        ttl_ms=ttl_ms,
        enqueued_at=enqueued_at,
        state=MessageState(state),
        due_at=due_at,
        expires_at=expires_at,
        delivery_count=count,
        why_dead=DeadLetterReason(reason, description) if is_dead else None,
        lock_token=token,
        locked_until=locked_until or 0,
    )
