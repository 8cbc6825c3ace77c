"""What the database says of itself, for `/api/health`."""

from collections.abc import Mapping
from typing import Any

from infrastructure.database import Database
from infrastructure.queries import load

_SQL = load("health")


class DatabaseHealth:
    """Each method asks one question and returns what it learnt; it raises when there is no answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, question: str) -> Mapping[str, Any]:
        """The answer to a named question of `sql/queries/health.sql`.

        Raises:
            Unavailable: the database does not answer.
            psycopg.Error: the answer is an error (an extension or a schema is missing).
        """
        with self._database.connection() as connection:
            return connection.execute(_SQL[question]).fetchone() or {}

    def outbox(self) -> Mapping[str, Any]:
        """How many promised messages wait, and the age of the oldest in seconds."""
        with self._database.unit_of_work() as work:
            backlog = work.outbox.backlog()
        return {"waiting": backlog["waiting"], "oldest_seconds": round(float(backlog["oldest_seconds"]), 1)}
