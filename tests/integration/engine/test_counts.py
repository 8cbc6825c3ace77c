"""How many tasks of a stage are how far: as one would count them, at every moment of the work."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from _paths import ROOT
from core.control import RetryScope
from core.errors import PermanentTaskError, TransientError
from core.models.stage import FAIL_FAST
from core.models.task import TaskStatus, WorkerIdentity
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import Engine, Number
from tests.integration.engine.test_dispatch import QUEUE, open_job
from tests.integration.engine.test_policies import job_with
from tools.stack.database import DatabaseUrls

TASKS = 300  # marked three at a time

_FAILURES = {
    70: PermanentTaskError("fails", code="TEST_FAILURE", remedy="None."),
    20: TransientError("not yet", code="TEST_FAILURE"),
}


def _handle(parameters: Number, context: None) -> Number:
    if parameters.n in _FAILURES:
        raise _FAILURES[parameters.n]
    return parameters


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    """Ten tasks may be out; a worker goes on until a task fails; the first failure fails the stage."""
    engine = Engine(
        database_urls.app,
        handler=_handle,
        job=job_with(FAIL_FAST),
        window=10,
        follow_on=timedelta(hours=1),
    )
    yield engine
    engine.database.close()


def _untouched_from(engine: Engine) -> int:
    (row,) = engine.rows("SELECT untouched_from FROM app.stages WHERE number = 1")
    return int(row["untouched_from"])


def _statuses(engine: Engine) -> dict[str, int]:
    rows = engine.rows("SELECT status, count(*) AS number FROM app.tasks GROUP BY status")
    return {row["status"]: row["number"] for row in rows}


def _deliver_one(engine: Engine) -> None:
    """Let tasks out, give the first to a worker, and lose the other messages."""
    engine.deliver(next(message for message in engine.outbox() if message.queue == QUEUE))


def test_the_counts_are_right_at_every_moment(engine: Engine) -> None:
    open_job(engine, TASKS, tenant="a")
    assert_invariants(engine.url)
    assert _untouched_from(engine) == 0
    engine.dispatcher.release([QUEUE])
    assert_invariants(engine.url)
    assert _untouched_from(engine) == 10 + TASKS // 100
    _deliver_one(engine)  # one worker does the first, follows on to 20 and fails there
    assert_invariants(engine.url)
    assert 20 < _untouched_from(engine) < 30
    assert _statuses(engine) == {"completed": 11, "pending_queue": 279, "pending_retry": 1, "queued": 9}


def test_what_a_failure_cancels_is_counted_while_others_are_still_at_work(engine: Engine) -> None:
    job_id = open_job(engine, TASKS, tenant="a")
    engine.rows("UPDATE app.tasks SET parameters = '{\"n\": 70}' WHERE task_index = 0")
    engine.dispatcher.release([QUEUE])
    other = engine.database.tasks.claim(f"{job_id[:32]}-1-5", WorkerIdentity("a", "w", timedelta(hours=1)))
    assert other is not None
    _deliver_one(engine)
    assert _statuses(engine) == {"cancelled": TASKS - 2, "failed": 1, "processing": 1}
    assert_invariants(engine.url)
    assert engine.database.tasks.finish(other, TaskStatus.COMPLETED, result={"n": 5})
    engine.run()
    assert_invariants(engine.url)
    engine.control.retry(job_id, scope=RetryScope.FAILED_TASKS)
    assert_invariants(engine.url)
    engine.dispatcher.release([QUEUE])
    assert_invariants(engine.url)


def test_a_cancelled_job_has_no_task_that_waits(engine: Engine) -> None:
    job_id = open_job(engine, TASKS, tenant="a")
    engine.dispatcher.release([QUEUE])
    engine.control.cancel(job_id)
    assert_invariants(engine.url)


def test_where_older_code_opened_a_stage_all_is_counted(engine: Engine) -> None:
    open_job(engine, TASKS, tenant="a")
    engine.rows("UPDATE app.stages SET untouched_from = NULL")
    engine.dispatcher.release([QUEUE])
    _deliver_one(engine)
    assert_invariants(engine.url)


def test_a_migration_forgets_marks_that_older_functions_did_not_move(
    engine: Engine, database_urls: DatabaseUrls
) -> None:
    open_job(engine, TASKS, tenant="a")
    _deliver_one(engine)
    engine.rows("UPDATE app.stages SET untouched_from = 0")
    with psycopg.connect(database_urls.migrator) as connection:
        connection.execute((ROOT / "sql" / "functions" / "010_engine.sql").read_bytes())
    assert_invariants(engine.url)
