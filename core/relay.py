"""The relay: sends what transactions have promised, right after they commit.

A thread of its own does the sending, so that nobody who commits waits for the broker, and so that
messages of several transactions share a batch. What it cannot send, or had no time to send before the
process died, `sweep` sends later, by timer, from whichever app is alive.
"""

import itertools
import logging
import queue
import threading
from collections.abc import Sequence
from operator import attrgetter

from core.crashpoints import crashpoint
from core.errors import AppError
from core.ports import MessageSender, OutboxMessage, Transactions

LOG = logging.getLogger(__name__)
_BATCH = 1000


class Relay:
    """One per process. `promised` may be called from any thread and returns at once."""

    def __init__(
        self, transactions: Transactions, sender: MessageSender, *, statements: Transactions
    ) -> None:
        """`statements` gives units of work for a single statement, which cost fewer round trips."""
        self._transactions = transactions
        self._statements = statements
        self._sender = sender
        self._ids: queue.SimpleQueue[Sequence[int]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def promised(self, ids: Sequence[int]) -> None:
        """Send these outbox messages soon."""
        self._ids.put(ids)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="outbox-relay", daemon=True)
                self._thread.start()

    def sweep(self, *, limit: int = 1000) -> int:
        """Send messages that were left behind; the number sent. A message that fails is tried later."""
        with self._transactions() as tx:
            messages = tx.outbox.take_due(limit=limit)
            sent = 0
            for name, group in itertools.groupby(
                sorted(messages, key=attrgetter("queue")), attrgetter("queue")
            ):
                batch = list(group)
                ids = [message.outbox_id for message in batch]
                crashpoint("sweep_after_read_before_send")
                try:
                    self._sender.send(name, batch)
                except AppError as exc:
                    LOG.warning(
                        "sending failed", extra={"action": "sweep_failed", "queue": name}, exc_info=exc
                    )
                    tx.outbox.postpone(ids, error=f"{exc.code}: {exc.message}")
                else:
                    crashpoint("sweep_after_send_before_delete")
                    tx.outbox.delete(ids)
                    sent += len(ids)
        return sent

    def _run(self) -> None:
        while True:
            ids = list(self._ids.get())
            while len(ids) < _BATCH:
                try:
                    ids.extend(self._ids.get_nowait())
                except queue.Empty:
                    break
            try:
                self._send(ids)
            except Exception:
                # They stay in the outbox; the sweep sends them.
                LOG.warning("sending after commit failed", extra={"action": "relay_failed"}, exc_info=True)

    def _send(self, ids: Sequence[int]) -> None:
        with self._statements() as tx:
            messages = tx.outbox.read(ids)
        crashpoint("relay_after_read_before_send")
        for name, group in itertools.groupby(sorted(messages, key=attrgetter("queue")), attrgetter("queue")):
            batch: list[OutboxMessage] = list(group)
            self._sender.send(name, batch)
            crashpoint("relay_after_send_before_delete")
            with self._statements() as tx:
                tx.outbox.delete([message.outbox_id for message in batch])
