"""Claims and completions that share a transaction: each task fares as if it were alone."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from core.errors import ContractViolation
from core.models.task import ClaimedTask, Completed, WorkerIdentity
from infrastructure.task_transactions import Claim, Completion, TaskTransactions
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import Engine
from tools.stack.database import DatabaseUrls

WORKER = WorkerIdentity("an-app", "w", timedelta(seconds=60))
APPLIED, REFUSED = Completed(applied=True), Completed(applied=False)


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    """An engine on a database of its own."""
    engine = Engine(database_urls.app)
    yield engine
    assert_invariants(engine.url)
    engine.database.close()


def _waiting(engine: Engine, *counts: int) -> list[str]:
    """The ids of the tasks of a new job's first stage, which wait to be claimed."""
    job_id = engine.submit(*counts)
    engine.deliver(engine.outbox()[0])
    engine.outbox()
    return [f"{job_id[:32]}-1-{index}" for index in range(counts[0])]


def _claim(task_id: str) -> Claim:
    return Claim(task_id, WORKER)


def _claimed(tasks: TaskTransactions, ids: list[str]) -> list[ClaimedTask]:
    found = tasks.claim_together([_claim(task_id) for task_id in ids])
    return [task for task in found if task is not None]


def test_a_task_that_is_asked_for_twice_at_once_is_given_once(engine: Engine) -> None:
    first, second, _ = _waiting(engine, 3)
    asked = [_claim(first), _claim(second), _claim(first), _claim("there is none")]
    got = engine.database.tasks.claim_together(asked)
    assert [task and task.task_id for task in got] == [first, second, None, None]
    assert [task.attempt for task in got if task] == [1, 1]


def test_the_last_of_several_completions_turns_out_the_lights_once(engine: Engine) -> None:
    tasks = engine.database.tasks
    done = [Completion(task, {"n": 1}) for task in _claimed(tasks, _waiting(engine, 4))]
    assert tasks.complete_together(done[:3]) == [APPLIED] * 3
    assert engine.outbox() == []
    assert tasks.complete_together([done[3], done[0]]) == [APPLIED, REFUSED]
    assert [message.queue for message in engine.outbox()] == ["q-jobs"]


def test_a_lost_lease_and_an_impossible_result_leave_their_neighbours_alone(engine: Engine) -> None:
    tasks = engine.database.tasks
    first, second, third = _claimed(tasks, _waiting(engine, 3))
    stale = Completion(first.model_copy(update={"attempt": 7}), {"n": 1})
    assert tasks.complete_together([stale, Completion(second, {"n": 1})]) == [REFUSED, APPLIED]
    bad = Completion(third, {"n": "\0"})  # PostgreSQL's jsonb holds no NUL
    fine, refused = tasks.complete_together([Completion(first, {"n": 1}), bad])
    assert fine == APPLIED
    assert isinstance(refused, ContractViolation)
    statuses = engine.rows("SELECT status FROM app.tasks ORDER BY task_index")
    assert [row["status"] for row in statuses] == ["completed", "completed", "processing"]


def test_a_row_that_is_locked_is_waited_for_alone(engine: Engine) -> None:
    """While a batch holds locks it waits for no row: that one is left out, and then asked for by itself."""
    with psycopg.connect(engine.url) as other:
        ids = _waiting(engine, 2)
        other.execute("SELECT 1 FROM app.tasks WHERE task_id = %s FOR UPDATE", (ids[0],))
        with engine.database.statement() as work:
            got = work.tasks.claim_all(ids, WORKER)
        assert list(got) == [ids[1]]
        other.rollback()
        (again,) = engine.database.tasks.claim_together([_claim(ids[0])])
        assert again is not None
        assert again.task_id == ids[0]
