"""Messages that go back to their queue (`core.postponement.MessageStore`)."""

import json
from datetime import timedelta

from psycopg.types.json import Jsonb

from infrastructure.database import UnitOfWork
from infrastructure.queries import load

_SQL = load("messages")


class MessageRepository:
    """Works in the transaction of a unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    def promise(self, queue: str, body: bytes, *, delay: timedelta) -> None:
        """See `MessageStore`."""
        values = {"queue": queue, "body": Jsonb(json.loads(body)), "delay": delay}
        rows = self._work.connection.execute(_SQL["promise"], values)
        self._work.outbox.promised.extend(row["id"] for row in rows)

    def hint_task(self, task_id: str, *, delay: timedelta) -> bool:
        """See `MessageStore`."""
        values = {"task_id": task_id, "delay": delay}
        return self._work.connection.execute(_SQL["hint_task"], values).rowcount > 0

    def hint_job(self, job_id: str, *, delay: timedelta) -> None:
        """See `MessageStore`."""
        self._work.connection.execute(_SQL["hint_job"], {"job_id": job_id, "delay": delay})
