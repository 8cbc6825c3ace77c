"""Which apps are alive, and whether anybody would work on a job's tasks."""

import logging
import threading
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import Protocol

from core.errors import Unavailable

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Announcement:
    """One process of an app: what it listens to, and how many tasks it works on at once."""

    instance: str
    app_name: str
    app_mode: str
    version: str
    queues: tuple[str, ...]
    slots: int


class ListenerStore(Protocol):
    """The list of living apps."""

    def announce(self, announcement: Announcement) -> None:
        """Say that this process is alive."""

    def heard_queues(self) -> Set[str]:
        """The queues that some app has announced within the last minute."""


class Announcer:
    """Announces this process when it starts and every `seconds` from then on, in a thread of its own."""

    def __init__(self, store: ListenerStore, announcement: Announcement, *, seconds: float = 15) -> None:
        self._store = store
        self._announcement = announcement
        self._seconds = seconds
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self._store.announce(self._announcement)
                wait = self._seconds
            except Exception:
                LOG.warning("not announced", extra={"action": "announce_failed"}, exc_info=True)
                wait = 2.0
            pause.wait(wait)


class ListenerCheck:
    """Refuses jobs whose tasks would wait for ever."""

    def __init__(
        self, store: ListenerStore, *, own_queues: Set[str], queues_of: Callable[[str], frozenset[str]]
    ) -> None:
        self._store = store
        self._own_queues = own_queues
        self._queues_of = queues_of

    def __call__(self, job_types: Iterable[str]) -> None:
        """Check that every queue that jobs of these types need is listened to.

        Raises:
            Unavailable: (NO_LISTENER_FOR_QUEUE) naming the queues that nobody listens to.
        """
        needed = frozenset().union(*(self._queues_of(job_type) for job_type in job_types))
        if needed <= self._own_queues:
            return
        if missing := sorted(needed - self._own_queues - self._store.heard_queues()):
            raise Unavailable(
                f"No app listens to {', '.join(missing)}; the work would wait for ever.",
                code="NO_LISTENER_FOR_QUEUE",
                remedy="Start an app whose APP_MODE listens to the queues in context.queues.",
                context={"queues": missing},
            )
