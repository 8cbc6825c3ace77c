"""The outbox: messages that a transaction promises, and the relay's view of them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from core.ports import OutboxMessage
from core.schema.queue import SCHEMA_VERSION, JobsQueueMessage
from infrastructure.queries import load

_SQL = load("outbox")


class OutboxRepository:
    """See `core.ports.Outbox`. `promised` lists the ids that this transaction has added."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]], *, jobs_queue: str) -> None:
        self._connection = connection
        self._jobs_queue = jobs_queue
        self.promised: list[int] = []

    def notify(self, message: JobsQueueMessage, *, delay: timedelta | None = None) -> None:
        """See `core.ports.Outbox`."""
        body = Jsonb(message.model_dump(mode="json"))
        self._promise("add", {"queue": self._jobs_queue, "body": body, "delay": delay})

    def release_tasks(self, queue: str, *, least_window: int) -> int:
        """See `core.ports.Outbox`."""
        return self._promise(
            "release_tasks",
            {"queue": queue, "least_window": least_window, "schema_version": SCHEMA_VERSION},
        )

    def _promise(self, statement: str, values: Mapping[str, Any]) -> int:
        ids = [row["id"] for row in self._connection.execute(_SQL[statement], values)]
        self.promised.extend(ids)
        return len(ids)

    def read(self, ids: Sequence[int]) -> Sequence[OutboxMessage]:
        """The messages of these ids that are still unsent."""
        return self._messages("read", {"ids": list(ids)})

    def take_due(self, *, limit: int) -> Sequence[OutboxMessage]:
        """Lock messages that were left behind; another relay takes others."""
        return self._messages("take_due", {"limit": limit})

    def delete(self, ids: Sequence[int]) -> None:
        """Forget messages that the broker has accepted."""
        self._connection.execute(_SQL["delete"], {"ids": list(ids)})

    def postpone(self, ids: Sequence[int], *, error: str) -> None:
        """Try these again later, with doubling pauses up to a minute."""
        self._connection.execute(_SQL["postpone"], {"ids": list(ids), "error": error[:500]})

    def backlog(self) -> Mapping[str, Any]:
        """How many messages wait, and the age of the oldest in seconds."""
        row = self._connection.execute(_SQL["backlog"]).fetchone()
        return row or {"waiting": 0, "oldest_seconds": 0}

    def _messages(self, statement: str, values: Mapping[str, Any]) -> Sequence[OutboxMessage]:
        rows = self._connection.execute(_SQL[statement], values)
        return [
            OutboxMessage(
                row["id"], row["queue"], row["message_id"], row["body"].encode(), row["deliver_after"]
            )
            for row in rows
        ]
