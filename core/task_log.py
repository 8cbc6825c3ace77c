"""What a task's handler logs: each record knows its task, and the attempt's records are kept.

`install(app_name)` is called once per process. Inside `collect(claimed)` every record of this thread says
`app`, `job_id`, `task_id` and `attempt` to whoever writes it, and the records worth keeping are gathered:
INFO and above of the handler and the libraries under it, warnings of the engine and of the Azure SDK. A
thread that a handler starts belongs to the task if it runs in a copy of the context
(`contextvars.copy_context().run`).
"""

import json
import logging
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from core.models.task import ClaimedTask

LOG = logging.getLogger(__name__)
MAX_ENTRIES = 500
MAX_BYTES = 64 * 1024
_MAX_MESSAGE = 4000

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record of an attempt; `seq` counts the attempt's records from 1."""

    seq: int
    at: datetime
    level: str
    message: str
    fields: Mapping[str, Plain]


class TaskLogStore(Protocol):
    """Where the records of attempts are kept."""

    def store(self, task_id: str, attempt: int, entries: Sequence[LogEntry]) -> None:
        """Keep the records of an attempt. Nothing happens if the task is gone, or they are kept already."""


class TaskLog:
    """The records of one attempt: the newest `MAX_ENTRIES`, of at most `MAX_BYTES`; older ones make room."""

    def __init__(self) -> None:
        self._kept: deque[tuple[LogEntry, int]] = deque()
        self._bytes = 0
        self._count = 0

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """What is kept, oldest first; a first `seq` above 1 says how many made room."""
        return tuple(entry for entry, _ in self._kept)

    def add(self, at: datetime, level: str, message: str, fields: Mapping[str, Plain]) -> None:
        """Append a record."""
        self._count += 1
        size = len(message.encode()) + len(json.dumps(dict(fields)))
        self._kept.append((LogEntry(self._count, at, level, message, fields), size))
        self._bytes += size
        while len(self._kept) > MAX_ENTRIES or self._bytes > MAX_BYTES:
            self._bytes -= self._kept.popleft()[1]

    def extend(self, entries: Iterable[LogEntry]) -> None:
        """Append what was collected elsewhere, such as in a child process."""
        for entry in entries:
            self.add(entry.at, entry.level, entry.message, entry.fields)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The attempt that the current thread works on."""

    ids: Mapping[str, Plain]
    log: TaskLog


_current: ContextVar[_Attempt | None] = ContextVar("task_log_attempt", default=None)


@contextmanager
def collect(claimed: ClaimedTask) -> Iterator[TaskLog]:
    """Gather what is logged in the block, on behalf of this attempt."""
    ids: dict[str, Plain] = {
        "job_id": claimed.job_id,
        "task_id": claimed.task_id,
        "stage": claimed.stage,
        "attempt": claimed.attempt,
    }
    attempt = _Attempt(ids, TaskLog())
    token = _current.set(attempt)
    try:
        yield attempt.log
    finally:
        _current.reset(token)


def keep(store: TaskLogStore, claimed: ClaimedTask, log: TaskLog) -> None:
    """Store what an attempt has logged, if anything. A log that cannot be stored fails no task."""
    if not (entries := log.entries):
        return
    try:
        store.store(claimed.task_id, claimed.attempt, entries)
    except Exception:
        LOG.warning("log of a task not stored", extra={"action": "task_log_lost"}, exc_info=True)


def install(app_name: str) -> logging.Handler:
    """Put the collecting handler before all others of the root logger, in the place of an earlier one."""
    root = logging.getLogger()
    for earlier in [handler for handler in root.handlers if isinstance(handler, _Collector)]:
        root.removeHandler(earlier)
    collector = _Collector(app_name)
    # First, because the handlers behind it write the ids that it puts on the records.
    root.handlers.insert(0, collector)
    return collector


class _Collector(logging.Handler):
    """Names the task on each record, and gathers those worth keeping. Not a stream: it writes nothing."""

    def __init__(self, app_name: str) -> None:
        super().__init__()
        self._app_name = app_name

    def handle(self, record: logging.LogRecord) -> bool:
        # `Handler.handle` takes a lock that all threads of the process would share; nothing here needs it.
        record.__dict__.setdefault("app", self._app_name)
        attempt = _current.get()
        if attempt is not None:
            for name, value in attempt.ids.items():
                record.__dict__.setdefault(name, value)
            if record.levelno >= _least_level(record.name):
                _gather(attempt.log, record)
        return True


LEVELS = ("INFO", "WARNING", "ERROR", "CRITICAL")
_LEVELS = tuple((logging.getLevelNamesMapping()[name], name) for name in reversed(LEVELS))

# The engine reports every task it ends, the SDK every request it sends: no part of a task's own story.
_QUIET = ("core", "azure", "urllib3")


def _least_level(logger: str) -> int:
    return logging.WARNING if logger.partition(".")[0] in _QUIET else logging.INFO


def _gather(log: TaskLog, record: logging.LogRecord) -> None:
    try:
        message = _safe(record.getMessage())
    except Exception:  # noqa: BLE001  a record with wrong arguments must not stop the task that wrote it
        message = _safe(str(record.msg))
    if record.exc_info and record.exc_info[0]:
        # The text of a foreign exception may hold anything: its class says enough here.
        message = f"{message} ({record.exc_info[0].__name__})"
    level = next(name for least, name in _LEVELS if record.levelno >= least)
    log.add(datetime.fromtimestamp(record.created, UTC), level, message, _fields(record))


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_KNOWN_ELSEWHERE = frozenset({"app", "job_id", "task_id", "attempt", "stage", "invocation_id"})


def _fields(record: logging.LogRecord) -> dict[str, Plain]:
    """The extras that can hold no secret: numbers, and the texts `action`, `code` and `*_id`."""
    return {
        name: _safe(value) if isinstance(value, str) else value
        for name, value in vars(record).items()
        if name not in _STANDARD | _KNOWN_ELSEWHERE and _is_harmless(name, value)
    }


def _is_harmless(name: str, value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)  # JSON has no NaN
    if isinstance(value, str):
        return name in ("action", "code") or name.endswith("_id")
    return isinstance(value, int)


# Signatures of blob URLs, keys of connection strings, passwords in URLs, bearer tokens.
_SECRETS = re.compile(
    r"(?i)(?P<name>\b(?:sig|sharedaccesskey|accountkey|password|pwd|secret|token|api[-_]?key)\s*[=:]\s*"
    r"|\bbearer\s+|://[^/\s:@]*:)(?P<value>[^\s&;,'\"@]+)"
)


def _safe(text: str) -> str:
    """Text that a database takes, not too long, with what looks like a secret replaced."""
    text = _SECRETS.sub(r"\g<name>***", text[:_MAX_MESSAGE])
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
