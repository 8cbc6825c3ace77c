"""Leases: a worker shows that it lives, and learns when its task is no longer its own."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from core.models.task import ClaimedTask
from core.ports import TaskStore

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class HeldLease:
    """One task in work: its progress (0 to 1), and whether the lease was lost."""

    task_id: str
    attempt: int
    progress: float = 0.0
    lost: threading.Event = field(default_factory=threading.Event)

    def report(self, fraction: float) -> None:
        """Remember the progress; it is stored with the next renewal and never goes back."""
        self.progress = max(self.progress, min(1.0, fraction))


class LeaseKeeper:
    """Renews all leases of this process in one statement, every third of their length."""

    def __init__(self, tasks: TaskStore, *, lease: timedelta) -> None:
        self._tasks = tasks
        self._lease = lease
        self._held: dict[tuple[str, int], HeldLease] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def hold(self, claimed: ClaimedTask) -> Iterator[HeldLease]:
        """Keep the lease of a claimed task alive while the block runs."""
        held = HeldLease(claimed.task_id, claimed.attempt)
        key = (claimed.task_id, claimed.attempt)
        with self._lock:
            self._held[key] = held
            self._ensure_thread()
        try:
            yield held
        finally:
            with self._lock:
                self._held.pop(key, None)

    def _ensure_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(self._lease.total_seconds() / 3):
            with self._lock:
                held = list(self._held.values())
            if held:
                self._renew(held)

    def _renew(self, held: list[HeldLease]) -> None:
        try:
            kept = self._tasks.renew(
                [(lease.task_id, lease.attempt, lease.progress) for lease in held], lease=self._lease
            )
        except Exception:
            # The next beat may succeed; if none does in time, another attempt fences this one out.
            LOG.warning("leases not renewed", extra={"action": "renew_failed"}, exc_info=True)
            return
        for lease in held:
            if lease.task_id not in kept:
                lease.lost.set()
