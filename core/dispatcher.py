"""The dispatcher: lets waiting tasks out to their queues, a window at a time, by fair shares.

A stage of a hundred thousand tasks does not go to the broker at once: it would stand in front of everybody
else's work. The database keeps what waits; `app.release_tasks` decides whose turn it is.
"""

import logging
import threading
from collections.abc import Iterable

from core.crashpoints import crashpoint
from core.ports import Transactions

LOG = logging.getLogger(__name__)


class Dispatcher:
    """One per process. `wake` may be called from any thread and returns at once.

    Calls that come while a release is under way or shortly after are served by one release, so that under
    load each brings several tasks and costs little.
    """

    def __init__(self, transactions: Transactions, *, least_window: int, pause_seconds: float = 0.02) -> None:
        self._transactions = transactions
        self._least_window = least_window
        self._pause_seconds = pause_seconds
        self._waiting: set[str] = set()
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def wake(self, queue: str) -> None:
        """A place has become free on this queue, or tasks have come for it."""
        with self._condition:
            self._waiting.add(queue)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
                self._thread.start()
            self._condition.notify()

    def release(self, queues: Iterable[str]) -> int:
        """Let tasks out now; the number. The timer calls this for all queues."""
        released = 0
        for queue in queues:
            with self._transactions() as tx:
                if number := tx.outbox.release_tasks(queue, least_window=self._least_window):
                    crashpoint("dispatcher_before_release_commit")
            if number:
                crashpoint("dispatcher_after_release_commit")
            released += number
        return released

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._condition:
                while not self._waiting:
                    self._condition.wait()
                queues, self._waiting = self._waiting, set()
            try:
                self.release(queues)
            except Exception:
                # The timer tries again.
                LOG.warning("tasks not released", extra={"action": "release_failed"}, exc_info=True)
            pause.wait(self._pause_seconds)
