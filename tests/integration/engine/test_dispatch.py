"""Whose turn it is: windows, fair shares among tenants, priorities; and large stages."""

from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from core.listeners import Announcement
from core.models.job import JobStatus
from core.schema.queue import SCHEMA_VERSION, QueueRole
from infrastructure.repositories.listeners import ListenerRepository
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import QUEUES, Engine
from tools.stack.database import DatabaseUrls

QUEUE = QUEUES[QueueRole.LEGACY_TASKS]


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    engine = Engine(database_urls.app, window=10)
    yield engine
    engine.database.close()


def open_job(engine: Engine, number: int, *, tenant: str, priority: int = 0) -> str:
    """A job of one stage with `number` waiting tasks."""
    submitted = engine.jobs.submit(
        "counting", {"counts": [number, 0, len(tenant) + priority * 0]}, tenant=tenant, priority=priority
    )
    engine.machine.process_job_message(
        f'{{"message_type":"job_submit","job_id":"{submitted.job_id}"}}'.encode()
    )
    return submitted.job_id


def out_by_job(engine: Engine) -> Counter[str]:
    rows = engine.rows("SELECT job_id, count(*) AS n FROM app.tasks WHERE status = 'queued' GROUP BY job_id")
    return Counter({row["job_id"]: row["n"] for row in rows})


def test_no_more_than_the_window_is_out(engine: Engine) -> None:
    open_job(engine, 100, tenant="a")
    assert engine.dispatcher.release([QUEUE]) == 10
    assert engine.dispatcher.release([QUEUE]) == 0


def test_a_second_tenant_gets_its_share_whatever_waits_before_it(engine: Engine) -> None:
    flood = open_job(engine, 1000, tenant="a")
    engine.dispatcher.release([QUEUE])
    single = open_job(engine, 1, tenant="bb")
    engine.rows(
        "UPDATE app.tasks SET status = 'completed', finished_at = now() WHERE status = 'queued' AND seq < 3"
    )
    engine.dispatcher.release([QUEUE])
    assert out_by_job(engine) == {flood: 9, single: 1}


def test_tenants_share_alike(engine: Engine) -> None:
    first, second = open_job(engine, 100, tenant="a"), open_job(engine, 100, tenant="bb")
    engine.dispatcher.release([QUEUE])
    assert out_by_job(engine) == {first: 5, second: 5}


def test_a_higher_priority_goes_first_and_takes_all(engine: Engine) -> None:
    open_job(engine, 100, tenant="a")
    urgent = open_job(engine, 100, tenant="bb", priority=5)
    engine.dispatcher.release([QUEUE])
    assert out_by_job(engine) == {urgent: 10}


def test_the_window_grows_with_the_listeners(engine: Engine) -> None:
    ListenerRepository(engine.database).announce(
        Announcement("i1", "app", "worker_vector", "1", (QUEUE,), slots=30)
    )
    open_job(engine, 100, tenant="a")
    assert engine.dispatcher.release([QUEUE]) == 60


def test_two_releases_at_once_let_no_task_out_twice(engine: Engine) -> None:
    open_job(engine, 100, tenant="a")
    release, asked = b"SELECT * FROM app.release_tasks(%s, 10, %s)", (QUEUE, SCHEMA_VERSION)
    with psycopg.connect(engine.url) as one, psycopg.connect(engine.url) as other:
        first = one.execute(release, asked).fetchall()
        other.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(release, asked)
        other.rollback()
        one.commit()
        assert len(first) == 10
        assert other.execute(release, asked).fetchall() == []


@pytest.mark.slow
def test_a_stage_of_many_tasks_is_planned_from_pages_of_results(database_urls: DatabaseUrls) -> None:
    engine = Engine(database_urls.app, window=5000)
    job_id = engine.submit(5000, 2500, 1)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    assert_invariants(engine.url)
    engine.database.close()
