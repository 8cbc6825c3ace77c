"""Dead letters: messages that the broker has given up on. What they were about goes on, or ends with a code.

A message is only a hint, so that its loss loses no work; but whatever ten deliveries could not do will hardly
be done by the janitor's next hint. So each dead letter is recorded and compared with the database, and what
still waits for it is promised again, with growing pauses, until it is given up.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, assert_never

from core.models.results import ErrorClass, ErrorDetail
from core.ports import Transactions, UnitOfWork
from core.postponement import MessageStore, promise_again
from core.schema.queue import (
    JobsQueueMessage,
    JobSubmitMessage,
    JobTerminalMessage,
    MalformedMessage,
    NewerMessage,
    StageCompleteMessage,
    TaskMessage,
    parse_jobs_message,
    parse_task_message,
)

LOG = logging.getLogger(__name__)
_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 45))


class Outcome(StrEnum):
    """What was done about a dead letter; `sql/schema/010_engine.sql` holds the same list as a CHECK."""

    RECEIVED = "received"
    PROMISED_AGAIN = "promised_again"
    GIVEN_UP = "given_up"
    STALE = "stale"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message as it lies in the dead-letter queue of `queue`, and why it lies there."""

    queue: str
    body: bytes
    message_id: str | None = None
    sequence_number: int | None = None
    reason: str | None = None
    description: str | None = None
    delivery_count: int | None = None


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task that a message is to start, now or (after a failed attempt) when it is due."""

    task_id: str
    job_id: str
    stage: int
    due_in: timedelta


class DeadLetterStore(MessageStore, Protocol):
    """Statements on dead letters, inside the caller's transaction."""

    def record(self, letter: DeadLetter) -> int | None:
        """Write the dead letter down; its number, or None when that was done before."""

    def settle(self, number: int, outcome: Outcome, *, subject: str | None) -> None:
        """Note what was done about it, and what it was about."""

    def promises(self, subject: str) -> int:
        """How many dead letters about `subject` were promised again since it was last given up."""

    def lock_waiting_task(self, task_id: str) -> WaitingTask | None:
        """Lock the task; None unless it is open, out, and nobody works on it."""

    def give_up_task(self, task_id: str, error: ErrorDetail) -> None:
        """Fail the task if still nobody works on it; the last one of a stage closes the stage."""


class DeadLetterOffice:
    """Takes in dead letters. Each is one transaction, and safe to repeat.

    `pauses` are those before a message is delivered again; when they are used up, its task or job fails.
    """

    def __init__(
        self,
        transactions: Transactions,
        store_of: Callable[[Any], DeadLetterStore],
        *,
        jobs_queue: str,
        pauses: Sequence[timedelta] = _PAUSES,
    ) -> None:
        self._transactions = transactions
        self._store_of = store_of
        self._jobs_queue = jobs_queue
        self._pauses = pauses

    def receive(self, letter: DeadLetter) -> Outcome | None:
        """Record the dead letter and act on it; None when that was done before.

        Raises:
            Unavailable: the database does not answer; the dead letter must come again.
        """
        with self._transactions() as tx:
            store = self._store_of(tx)
            number = store.record(letter)
            if number is None:
                return None
            subject, outcome = self._reconcile(tx, store, letter)
            store.settle(number, outcome, subject=subject)
        LOG.warning(
            "dead letter",
            extra={
                "action": "dead_letter",
                "queue": letter.queue,
                "reason": letter.reason,
                "subject": subject,
                "outcome": outcome.value,
            },
        )
        return outcome

    def _reconcile(
        self, tx: UnitOfWork, store: DeadLetterStore, letter: DeadLetter
    ) -> tuple[str | None, Outcome]:
        try:
            message = self._parse(letter)
        except MalformedMessage:
            return None, Outcome.MALFORMED
        except NewerMessage:
            # Older code has let it die; whoever understands it may be alive by now.
            promised = promise_again(store, letter.queue, letter.body, delay=self._pauses[-1])
            return None, Outcome.PROMISED_AGAIN if promised else Outcome.STALE
        subject = _subject(message)
        return subject, _Case(tx, store, letter, subject, self._pauses).outcome(message)

    def _parse(self, letter: DeadLetter) -> JobsQueueMessage | TaskMessage:
        if letter.queue == self._jobs_queue:
            return parse_jobs_message(letter.body)
        return parse_task_message(letter.body)


def _subject(message: JobsQueueMessage | TaskMessage) -> str:
    match message:
        case TaskMessage():
            return f"task:{message.task_id}"
        case StageCompleteMessage():
            return f"stage_complete:{message.job_id}:{message.stage}"
        case JobSubmitMessage() | JobTerminalMessage():
            return f"{message.message_type}:{message.job_id}"
        case _:
            assert_never(message)


@dataclass(frozen=True, slots=True)
class _Case:
    """One dead letter whose message we understand, in its transaction."""

    tx: UnitOfWork
    store: DeadLetterStore
    letter: DeadLetter
    subject: str
    pauses: Sequence[timedelta]

    def outcome(self, message: JobsQueueMessage | TaskMessage) -> Outcome:
        match message:
            case TaskMessage():
                return self._of_task(message.task_id)
            case JobSubmitMessage():
                return self._of_standing_job(message.job_id, stage=0)
            case StageCompleteMessage():
                return self._of_standing_job(message.job_id, stage=message.stage)
            case JobTerminalMessage():
                return self._of_ended_job(message.job_id)
            case _:
                assert_never(message)

    def _of_task(self, task_id: str) -> Outcome:
        task = self.store.lock_waiting_task(task_id)
        if task is None:
            return Outcome.STALE
        if self._promised_again(least=task.due_in):
            return Outcome.PROMISED_AGAIN
        self.store.give_up_task(task_id, self._error(job_id=task.job_id, stage=task.stage, task_id=task_id))
        return Outcome.GIVEN_UP

    def _of_standing_job(self, job_id: str, *, stage: int) -> Outcome:
        if self.tx.jobs.lock_for_advance(job_id, completed_stage=stage) is None:
            return Outcome.STALE
        if self._promised_again():
            return Outcome.PROMISED_AGAIN
        if self.tx.jobs.fail(job_id, self._error(job_id=job_id, stage=stage or None)):
            self.tx.outbox.notify(JobTerminalMessage(job_id=job_id))
        return Outcome.GIVEN_UP

    def _of_ended_job(self, job_id: str) -> Outcome:
        """The janitor looks after requests whose job has ended, also when their messages are given up."""
        job = self.tx.jobs.get(job_id)
        if job is None or not job.status.is_terminal:
            return Outcome.STALE
        return Outcome.PROMISED_AGAIN if self._promised_again() else Outcome.GIVEN_UP

    def _promised_again(self, *, least: timedelta = timedelta(0)) -> bool:
        number = self.store.promises(self.subject)
        if number >= len(self.pauses):
            return False
        delay = max(self.pauses[number], least)
        promise_again(self.store, self.letter.queue, self.letter.body, delay=delay)
        return True

    def _error(self, **where: Any) -> ErrorDetail:
        return ErrorDetail(
            code="DEAD_LETTERED",
            message=f"Its message could not be handled, {len(self.pauses) + 1} times over "
            f"({self.letter.reason or 'no reason given'}).",
            remedy=f"See GET /api/admin/queues/{self.letter.queue}/dead-letter and the logs; then retry.",
            error_class=ErrorClass.TRANSIENT,
            context={"queue": self.letter.queue, "reason": self.letter.reason},
            **where,
        )
