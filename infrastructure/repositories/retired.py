"""Removing what replaced revisions had published, once nobody can be reading it any more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from core.errors import AppError
from infrastructure.queries import load
from infrastructure.repositories.published_tables import drop_table

if TYPE_CHECKING:
    from infrastructure.database import Connection, Database

LOG = logging.getLogger(__name__)
_SQL = load("artefacts")


class RetiredArtefacts:
    """A janitor's duty. `grace` is how long readers who began with the old revision may go on with it."""

    def __init__(
        self,
        database: Database,
        *,
        grace: timedelta,
        remove_blob: Callable[[str], object],
        limit: int = 100,
    ) -> None:
        self._database = database
        self._grace = grace
        self._remove_blob = remove_blob
        self._limit = limit

    def sweep(self) -> int:
        """Remove tables and blobs that were retired long enough ago; how many.

        Each is a transaction of its own. What cannot be removed now is tried again after another grace: a
        table that somebody still reads, a blob whose store does not answer.
        """
        with self._database.connection() as connection:
            values = {"grace": self._grace, "limit": self._limit}
            due = connection.execute(_SQL["retired"], values).fetchall()
        return sum(self._remove(artefact) for artefact in due)

    def _remove(self, artefact: Mapping[str, Any]) -> bool:
        named = {"artefact_id": artefact["artefact_id"]}
        with self._database.connection() as connection:
            if connection.execute(_SQL["lock_retired"], named).fetchone() is None:
                return False  # another janitor has it
            is_gone = self._is_gone(connection, artefact)
            connection.execute(_SQL["discard_retired" if is_gone else "postpone_retired"], named)
        return is_gone

    def _is_gone(self, connection: Connection, artefact: Mapping[str, Any]) -> bool:
        if artefact["kind"] == "table":
            return self._drop(connection, artefact)
        try:
            self._remove_blob(artefact["location"])
        except AppError:
            LOG.warning(
                "retired blob not removed",
                extra={"action": "discard_failed", "location": artefact["location"]},
                exc_info=True,
            )
            return False
        return True

    def _drop(self, connection: Connection, artefact: Mapping[str, Any]) -> bool:
        """A name that older code uses for all revisions may be that of the table served now."""
        name = artefact["published_as"]

        def is_served() -> bool:
            values = {"artefact_id": artefact["artefact_id"], "name": name}
            found = connection.execute(_SQL["is_served"], values).fetchone()
            return found is not None and found["is_served"]

        return drop_table(connection, name, unless=is_served)
