"""Counts per queue, read from the data file of a running or stopped broker without changing it."""

import sqlite3
import time
from pathlib import Path

from tools.servicebus_broker.engine.engine import DEAD_LETTER_SUFFIX
from tools.servicebus_broker.engine.records import MessageState

_COUNTS = """
SELECT q.name, m.state, l.locked_until > ?, count(*)
FROM queues q JOIN messages m ON m.key >> 48 = q.id LEFT JOIN locks l ON l.key = m.key
GROUP BY 1, 2, 3
"""
_STATES = {
    MessageState.ACTIVE: "active",
    MessageState.DEFERRED: "deferred",
    MessageState.SCHEDULED: "scheduled",
}


def inspect(path: Path, *, now: int | None = None) -> dict[str, dict[str, int]]:
    """Return {queue: {active, locked, scheduled, deferred, dead_letter}}; a message is counted once.

    Raises sqlite3.Error when ``path`` is not a data file of the broker.
    """
    moment = time.time_ns() // 1_000_000 if now is None else now
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        names = [name for (name,) in database.execute("SELECT name FROM queues ORDER BY id")]
        rows = database.execute(_COUNTS, (moment,)).fetchall()
    finally:
        database.close()
    counts = {name: _empty() for name in names if not name.endswith(DEAD_LETTER_SUFFIX)}
    for name, state, locked, count in rows:
        queue = counts.setdefault(name.removesuffix(DEAD_LETTER_SUFFIX), _empty())
        queue[_column(name, state, locked)] += count
    return counts


def _column(name: str, state: int, locked: int | None) -> str:
    if name.endswith(DEAD_LETTER_SUFFIX):
        return "dead_letter"
    return "locked" if locked else _STATES[MessageState(state)]


def _empty() -> dict[str, int]:
    return dict.fromkeys(("active", "locked", "scheduled", "deferred", "dead_letter"), 0)
