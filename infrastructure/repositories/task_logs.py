"""What handlers logged, in PostgreSQL (`core.task_log.TaskLogStore`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.task_log import LogEntry
from infrastructure.database import Database
from infrastructure.queries import load
from infrastructure.repositories.jobs import json_dumps

_SQL = load("task_logs")


class TaskLogRepository:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(self, task_id: str, attempt: int, entries: Sequence[LogEntry]) -> None:
        """See `TaskLogStore`."""
        values = {
            "task_id": task_id,
            "attempt": attempt,
            "seqs": [entry.seq for entry in entries],
            "moments": [entry.at for entry in entries],
            "levels": [entry.level for entry in entries],
            "messages": [entry.message for entry in entries],
            "fields": [json_dumps(dict(entry.fields)) for entry in entries],
        }
        with self._database.connection() as connection:
            connection.execute(_SQL["store"], values)

    def page(
        self,
        task_id: str,
        *,
        levels: Sequence[str],
        attempt: int | None,
        after: tuple[int, int],
        limit: int,
    ) -> Sequence[Mapping[str, Any]]:
        """Records of a task behind `after` (attempt and seq), in the order in which they were written."""
        values = {
            "task_id": task_id,
            "levels": list(levels),
            "attempt": attempt,
            "after_attempt": after[0],
            "after_seq": after[1],
            "limit": limit,
        }
        with self._database.connection() as connection:
            return connection.execute(_SQL["page"], values).fetchall()
