"""Dead letters in PostgreSQL: what the office writes, and what operators read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from core.dead_letters import DeadLetter, Outcome, WaitingTask
from core.models.results import ErrorDetail
from infrastructure.database import Database, UnitOfWork
from infrastructure.queries import load
from infrastructure.repositories.messages import MessageRepository

_SQL = load("dead_letters")
_MAX_BODY_CHARACTERS = 65_536


class DeadLetterRepository(MessageRepository):
    """See `core.dead_letters.DeadLetterStore`: works in the transaction of a unit of work."""

    def __init__(self, work: UnitOfWork, *, jobs_queue: str) -> None:
        super().__init__(work)
        self._jobs_queue = jobs_queue

    def record(self, letter: DeadLetter) -> int | None:
        """See `DeadLetterStore`. Of the body, what PostgreSQL can hold as text, cut to 64 Ki characters."""
        values = {
            "queue": letter.queue,
            "message_id": letter.message_id,
            "sequence_number": letter.sequence_number,
            "body": _text(letter.body.decode(errors="replace")),
            "reason": _text(letter.reason),
            "description": _text(letter.description),
            "delivery_count": letter.delivery_count,
        }
        row = self._work.connection.execute(_SQL["record"], values).fetchone()
        return int(row["dead_letter_id"]) if row else None

    def settle(self, number: int, outcome: Outcome, *, subject: str | None) -> None:
        """See `DeadLetterStore`."""
        values = {"dead_letter_id": number, "outcome": outcome.value, "subject": subject}
        self._work.connection.execute(_SQL["settle"], values)

    def promises(self, subject: str) -> int:
        """See `DeadLetterStore`."""
        row = self._work.connection.execute(_SQL["promises"], {"subject": subject}).fetchone()
        return int(row["number"]) if row else 0

    def lock_waiting_task(self, task_id: str) -> WaitingTask | None:
        """See `DeadLetterStore`."""
        row = self._work.connection.execute(_SQL["lock_waiting_task"], {"task_id": task_id}).fetchone()
        return WaitingTask(**row) if row else None

    def give_up_task(self, task_id: str, error: ErrorDetail) -> None:
        """See `DeadLetterStore`."""
        values = {
            "task_id": task_id,
            "error": Jsonb(error.model_dump(mode="json")),
            "jobs_queue": self._jobs_queue,
        }
        for row in self._work.connection.execute(_SQL["give_up_task"], values):
            self._work.outbox.promised.extend(row["outbox_ids"])


def _text(value: str | None) -> str | None:
    """PostgreSQL's text holds everything but NUL."""
    return None if value is None else value[:_MAX_BODY_CHARACTERS].replace("\x00", "\ufffd")


class DeadLetterReport:
    """What operators ask; each call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, queue: str, *, before: int | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """The dead letters of a queue, newest first, from below the number `before` on."""
        values = {"queue": queue, "before": before, "limit": limit}
        with self._database.connection() as connection:
            return connection.execute(_SQL["page"], values).fetchall()

    def recent(self) -> Mapping[str, Any]:
        """How many there were within the last hour, and on which queues."""
        with self._database.connection() as connection:
            return connection.execute(_SQL["recent"]).fetchone() or {}

    def queues(self, names: Iterable[str]) -> Sequence[Mapping[str, Any]]:
        """The state of each queue as the database knows it."""
        with self._database.connection() as connection:
            return connection.execute(_SQL["queues"], {"queues": list(names)}).fetchall()
