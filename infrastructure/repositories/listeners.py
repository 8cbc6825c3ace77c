"""Living apps in PostgreSQL (`core.listeners.ListenerStore`)."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from typing import Any

from core.listeners import Announcement
from infrastructure.database import Database
from infrastructure.queries import load

_SQL = load("listeners")


class ListenerRepository:
    """Each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce(self, announcement: Announcement) -> None:
        """See `ListenerStore`."""
        values = asdict(announcement) | {"queues": list(announcement.queues)}
        with self._database.connection() as connection:
            connection.execute(_SQL["announce"], values)

    def heard_queues(self) -> Set[str]:
        """See `ListenerStore`."""
        with self._database.connection() as connection:
            return {row["queue"] for row in connection.execute(_SQL["heard_queues"])}

    def living(self) -> Sequence[Mapping[str, Any]]:
        """The processes that have announced themselves within the last minute."""
        with self._database.connection() as connection:
            return connection.execute(_SQL["living"]).fetchall()

    def forget_dead(self) -> int:
        """Remove processes that have been silent for a day; how many."""
        with self._database.connection() as connection:
            return connection.execute(_SQL["forget_dead"]).rowcount
