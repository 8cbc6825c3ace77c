"""Tasks outside a unit of work: every call is a transaction of its own, or shares one with its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from core.errors import ContractViolation, Unavailable
from core.models.task import ClaimedTask, Completed, TaskRecord, TaskStatus, WorkerIdentity
from infrastructure.combining import Combiner

if TYPE_CHECKING:
    from infrastructure.database import Database


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants which task."""

    task_id: str
    worker: WorkerIdentity


@dataclass(frozen=True, slots=True)
class Completion:
    """An attempt that has done its work, and the worker that would go on with what waits behind it."""

    claimed: ClaimedTask
    result: Mapping[str, Any]
    take_for: WorkerIdentity | None = None

    @property
    def attempt(self) -> tuple[str, int]:
        """Which attempt it ends."""
        return self.claimed.task_id, self.claimed.attempt


_patiently = retry(
    retry=retry_if_exception_type(Unavailable),
    wait=wait_exponential_jitter(multiplier=0.2, max=3),
    stop=stop_after_delay(30),
    reraise=True,
)


class TaskTransactions:
    """`core.ports.TaskStore` and `ArtefactLog` in which every call is atomic by itself.

    Claims, and completions of one stage, that come at the same time share a transaction: two commits for
    each task are what bounds the engine otherwise (ADR 13).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims: Combiner[Claim, ClaimedTask | None] = Combiner(
            self.claim_together, key=lambda claim: claim.worker
        )
        self._completions: Combiner[Completion, Completed] = Combiner(
            self.complete_together, key=lambda done: (done.claimed.job_id, done.claimed.stage, done.take_for)
        )

    def claim(self, task_id: str, worker: WorkerIdentity) -> ClaimedTask | None:
        """See `core.ports.TaskStore`."""
        return self._claims(Claim(task_id, worker))

    @_patiently
    def complete(
        self, claimed: ClaimedTask, result: Mapping[str, Any], *, take_for: WorkerIdentity | None
    ) -> Completed:
        """See `core.ports.TaskStore`, and `finish` for its patience.

        Of what a commit has taken whose answer was lost, the worker knows nothing: it is taken over like
        that of a dead one.
        """
        return self._completions(Completion(claimed, result, take_for))

    @_patiently
    def finish(self, claimed: ClaimedTask, status: TaskStatus, **outcome: Any) -> bool:
        """See `core.ports.TaskStore`.

        Work that is done is worth some patience with a database that restarts. Whether a commit whose
        answer was lost took place does not matter: the second try is fenced out.
        """
        with self._database.statement() as work:
            return work.tasks.finish(claimed, status, **outcome)

    def renew(self, leases: Sequence[tuple[str, int, float]], *, lease: timedelta) -> set[str]:
        """See `core.ports.TaskStore`."""
        with self._database.statement() as work:
            return work.tasks.renew(leases, lease=lease)

    def list(self, job_id: str, *, stage: int | None, limit: int, offset: int) -> Sequence[TaskRecord]:
        """See `core.ports.TaskStore`."""
        with self._database.statement() as work:
            return work.tasks.list(job_id, stage=stage, limit=limit, offset=offset)

    def stage_table(self, name: str, *, job_id: str, task_id: str, attempt: int) -> None:
        """See `core.ports.ArtefactLog`."""
        with self._database.statement() as work:
            work.artefacts.stage("table", name, job_id=job_id, task_id=task_id, attempt=attempt)

    def stage_blob(
        self, uri: str, *, job_id: str, task_id: str, attempt: int, temporary: bool = False
    ) -> None:
        """See `core.ports.ArtefactLog`."""
        with self._database.statement() as work:
            work.artefacts.stage(
                "blob", uri, job_id=job_id, task_id=task_id, attempt=attempt, temporary=temporary
            )

    def claim_together(self, claims: Sequence[Claim]) -> Sequence[ClaimedTask | None]:
        """Claim tasks for one worker in one transaction; what each would get alone."""
        claimed = dict[str, ClaimedTask]()
        if len(claims) > 1:
            with self._database.statement() as work:
                claimed = work.tasks.claim_all([claim.task_id for claim in claims], claims[0].worker)
        # Two messages of one task may have come at once: the task goes to the first.
        return [claimed.pop(claim.task_id, None) or self._claim_alone(claim) for claim in claims]

    def complete_together(self, done: Sequence[Completion]) -> Sequence[Completed | Exception]:
        """Complete attempts of one stage, of one worker, in one transaction; what each would get alone."""
        applied: set[tuple[str, int]] = set()
        taken: Sequence[ClaimedTask] = ()
        with suppress(psycopg.DataError):
            applied, taken = self._complete_all(done)
        following = iter(taken)
        return [
            Completed(applied=True, taken=next(following, None))
            if each.attempt in applied
            else self._complete_alone(each)
            for each in done
        ]

    def _complete_all(self, done: Sequence[Completion]) -> tuple[set[tuple[str, int]], Sequence[ClaimedTask]]:
        results = [(each.claimed, each.result) for each in done]
        with self._database.statement() as work:
            if (worker := done[0].take_for) is not None:
                return work.tasks.complete_and_take(results, worker)
            return work.tasks.complete_all(results), ()

    def _claim_alone(self, claim: Claim) -> ClaimedTask | None:
        with self._database.statement() as work:
            return work.tasks.claim(claim.task_id, claim.worker)

    def _complete_alone(self, done: Completion) -> Completed | Exception:
        try:
            with self._database.statement() as work:
                return Completed(work.tasks.finish(done.claimed, TaskStatus.COMPLETED, result=done.result))
        except psycopg.DataError as exc:
            return ContractViolation(
                f"the result of {done.claimed.task_type} cannot be stored: {exc}", code="STAGE_RESULT_INVALID"
            )
