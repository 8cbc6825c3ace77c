"""Postponement: a message that cannot be handled here and now goes back to its queue for a later time.

A message that is merely given back comes again at once, and is dead-lettered after ten times.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from core.ports import Transactions
from core.schema.queue import read_envelope

LOG = logging.getLogger(__name__)


class MessageStore(Protocol):
    """Statements on messages, inside the caller's transaction."""

    def promise(self, queue: str, body: bytes, *, delay: timedelta) -> None:
        """Promise to send `body`, a JSON object, to `queue`, to be delivered after `delay`."""

    def hint_task(self, task_id: str, *, delay: timedelta) -> bool:
        """Tell the janitor that a message about this task comes after `delay`; False if it is not open."""

    def hint_job(self, job_id: str, *, delay: timedelta) -> None:
        """The same of a job."""


class Postponement:
    """Sends messages again later, through the outbox.

    While versions are mixed, each message goes to either by chance: `pause` is what a wrong turn costs, and
    keeps older code, when it is alone, from being busy with messages that it must leave.
    """

    def __init__(
        self,
        transactions: Transactions,
        store_of: Callable[[Any], MessageStore],
        *,
        pause: timedelta = timedelta(seconds=2),
    ) -> None:
        self._transactions = transactions
        self._store_of = store_of
        self._pause = pause

    def postpone(self, queue: str, body: bytes) -> None:
        """Promise the same message again. The caller may settle its copy when this returns."""
        with self._transactions() as tx:
            promise_again(self._store_of(tx), queue, body, delay=self._pause)
        LOG.info("message left to another app", extra={"action": "message_postponed", "queue": queue})


def promise_again(store: MessageStore, queue: str, body: bytes, *, delay: timedelta) -> bool:
    """Promise the same message, and keep the janitor from sending one more meanwhile.

    False, and nothing is promised, when the message names a task that has ended or never was: otherwise a
    message that nobody here understands would come again for ever.
    """
    envelope = read_envelope(body)
    if envelope is not None and envelope.task_id is not None:
        if not store.hint_task(envelope.task_id, delay=delay):
            return False
    elif envelope is not None and envelope.job_id is not None:
        store.hint_job(envelope.job_id, delay=delay)
    store.promise(queue, body, delay=delay)
    return True
