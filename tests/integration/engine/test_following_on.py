"""A worker that has completed a task takes the next one that waits, without a message for it."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from core.models.job import JobStatus
from core.schema.queue import SCHEMA_VERSION
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import Engine, Number
from tests.integration.engine.test_dispatch import QUEUE, open_job
from tools.stack.database import DatabaseUrls

WINDOW = 2


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    """Two tasks may be out; the worker of a message goes on for as long as it can."""
    engine = Engine(database_urls.app, window=WINDOW, follow_on=timedelta(hours=1))
    yield engine
    assert_invariants(engine.url)
    engine.database.close()


def _statuses(engine: Engine) -> dict[str, Counter[str]]:
    rows = engine.rows("SELECT tenant, status FROM app.tasks ORDER BY seq")
    return {
        tenant: Counter(row["status"] for row in rows if row["tenant"] == tenant)
        for tenant in {row["tenant"] for row in rows}
    }


def _first_message(engine: Engine) -> None:
    """Let tasks out, and give the first to a worker."""
    engine.dispatcher.release([QUEUE])
    engine.deliver(next(message for message in engine.outbox() if message.queue == QUEUE))


def test_one_message_brings_all_that_waits_behind_its_task(engine: Engine) -> None:
    open_job(engine, 50, tenant="a")
    _first_message(engine)
    assert _statuses(engine) == {"a": Counter(completed=49, queued=1)}
    rows = engine.rows("SELECT DISTINCT attempt, worker, executed_by_app FROM app.tasks WHERE attempt > 0")
    assert rows == [{"attempt": 1, "worker": "worker-1", "executed_by_app": "app-under-test"}]
    assert engine.rows("SELECT 1 FROM app.tasks WHERE attempt > 0 AND execution_started_at IS NULL") == []


def test_a_job_goes_through_its_stages_with_a_message_for_each(engine: Engine) -> None:
    job_id = engine.submit(30, 20, 10)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    assert engine.job(job_id).result == {"sum": sum(range(10))}


@pytest.mark.parametrize(("tenant", "priority"), [("bb", 0), ("A", 0), ("a", 1)])
def test_nobody_goes_on_past_somebody_else_whose_turn_it_may_be(
    engine: Engine, tenant: str, priority: int
) -> None:
    open_job(engine, 10, tenant="a")
    engine.dispatcher.release([QUEUE])
    open_job(engine, 3, tenant=tenant, priority=priority)
    _first_message(engine)
    assert sum(status["completed"] for status in _statuses(engine).values()) == 1


def test_a_lower_priority_is_no_reason_to_stop(engine: Engine) -> None:
    open_job(engine, 10, tenant="b", priority=5)
    engine.dispatcher.release([QUEUE])
    open_job(engine, 3, tenant="c")
    _first_message(engine)
    assert _statuses(engine) == {"b": Counter(completed=9, queued=1), "c": Counter(pending_queue=3)}


def test_tasks_of_newer_code_are_left_to_it(engine: Engine) -> None:
    open_job(engine, 10, tenant="a")
    engine.rows(
        "UPDATE app.tasks SET schema_version = %s WHERE task_index >= 5 RETURNING 1", SCHEMA_VERSION + 1
    )
    _first_message(engine)
    assert _statuses(engine) == {"a": Counter(completed=4, queued=1, pending_queue=5)}


def test_a_failure_ends_the_turn(database_urls: DatabaseUrls) -> None:
    def fail(parameters: Number, context: None) -> Number:
        if parameters.n == 3:
            raise RuntimeError("what?")
        return parameters

    engine = Engine(database_urls.app, handler=fail, window=WINDOW, follow_on=timedelta(hours=1))
    open_job(engine, 10, tenant="a")
    _first_message(engine)
    assert _statuses(engine) == {"a": Counter(completed=2, queued=1, pending_retry=1, pending_queue=6)}
    engine.database.close()


def test_the_turn_ends_with_its_time(database_urls: DatabaseUrls) -> None:
    engine = Engine(database_urls.app, window=WINDOW)
    open_job(engine, 10, tenant="a")
    _first_message(engine)
    assert _statuses(engine) == {"a": Counter(completed=1, queued=1, pending_queue=8)}
    engine.database.close()
