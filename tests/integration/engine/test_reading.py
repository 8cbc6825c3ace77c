"""How many rows the engine's statements read while very many tasks wait: few, whatever the planner believes.

The planner's statistics are those of some moment in the past. Taken while nothing waits, as they mostly are,
they say that any index of what waits holds next to nothing, and that reading all of it is cheap.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from core.schema.queue import SCHEMA_VERSION
from tests.integration.engine.machine_under_test import Engine
from tests.integration.engine.test_dispatch import QUEUE, open_job
from tools.stack.database import DatabaseUrls

WAITING = 50_000
MOST = 1_000  # far below what waits; a count reads a hundredth of the stage
WINDOW = 4

_ROWS: LiteralString = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables WHERE schemaname = 'app'
"""
_BLOCKS: LiteralString = """
SELECT sum(heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0))
FROM pg_statio_user_tables WHERE schemaname = 'app'
"""
_HISTORY = """
WITH job AS (
    INSERT INTO app.jobs (job_id, job_type, parameters, total_stages) VALUES (%(job)s, 'counting', '{}', 1)
    RETURNING job_id
), stage AS (
    INSERT INTO app.stages (job_id, number, name, task_type, task_count)
    SELECT job_id, 1, 's1', 'count', %(number)s FROM job RETURNING job_id
)
INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters, max_attempts,
                       status, finished_at)
SELECT job_id || n, job_id, 1, n, 'count', %(queue)s, '{}', 3, 'completed', now()
FROM stage, generate_series(0, %(number)s - 1) n
"""


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    """Four tasks may be out."""
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute("ALTER TABLE app.tasks SET (autovacuum_enabled = off)")
    engine = Engine(database_urls.app, window=WINDOW)
    yield engine
    engine.database.close()


def _analyze(urls: DatabaseUrls) -> None:
    with psycopg.connect(urls.admin, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE) app.tasks, app.jobs, app.stages")


def _work(connection: psycopg.Connection[Any], measure: LiteralString = _ROWS) -> Iterator[tuple[str, int]]:
    """Let tasks out, and do twelve of them: what each step is, and how much it has read."""
    before = _read(connection, measure)
    for name in _steps(connection):
        connection.commit()
        after = _read(connection, measure)
        yield name, after - before
        before = after


def _steps(connection: psycopg.Connection[Any]) -> Iterator[str]:
    released = _rows(connection, "SELECT app.release_tasks(%s, %s, %s)", QUEUE, WINDOW, SCHEMA_VERSION)
    assert len(released) == WINDOW
    yield "release"
    bodies = _rows(connection, "SELECT body FROM app.outbox WHERE id = ANY (%s)", [i for (i,) in released])
    ids = [body["task_id"] for (body,) in bodies]
    claim = "SELECT 1 FROM app.claim_tasks(%s, 'w', 'a', interval '1 hour', %s)"
    assert len(_rows(connection, claim, ids, SCHEMA_VERSION)) == WINDOW
    yield "claim"
    for _ in range(2):
        done = _rows(
            connection,
            """SELECT taken FROM app.complete_and_take(
                   %s, %s, %s::jsonb[], %s, 'w', 'a', interval '1 hour', %s)""",
            *_results(ids),
            SCHEMA_VERSION,
        )
        ids = [taken["task_id"] for (taken,) in done if taken]
        assert len(ids) == WINDOW
        yield "complete and take"
    _rows(connection, "SELECT 1 FROM app.complete_tasks(%s, %s, %s::jsonb[], %s)", *_results(ids))
    yield "complete"
    counts = "SELECT 1 FROM app.tasks t, app.task_counts(t.job_id, t.stage) WHERE t.task_id = %s"
    assert len(_rows(connection, counts, ids[0])) == 2  # completed ones, and those that wait
    yield "count"


def _results(ids: list[str]) -> tuple[list[str], list[int], list[str], str]:
    return ids, [1] * len(ids), [json.dumps({"n": 1})] * len(ids), "geospatial-jobs"


def _rows(connection: psycopg.Connection[Any], statement: str, *values: Any) -> list[tuple[Any, ...]]:
    return connection.execute(statement, values).fetchall()


def _read(connection: psycopg.Connection[Any], measure: LiteralString) -> int:
    """What was read of our tables so far."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.commit()
    ((rows,),) = _rows(connection, measure)
    return int(rows)


def _open_crowd(engine: Engine, urls: DatabaseUrls) -> None:
    """Very many jobs at work, and behind them one with very many tasks."""
    with psycopg.connect(urls.admin) as connection:
        connection.execute(
            """INSERT INTO app.jobs (job_id, job_type, parameters, total_stages, status, hinted_at)
               SELECT 'earlier' || n, 'counting', '{}', 1, 'processing', now() - interval '1 hour'
               FROM generate_series(1, %s) n""",
            (WAITING // 10,),
        )
    open_job(engine, WAITING, tenant="a")


def _nothing(engine: Engine, urls: DatabaseUrls) -> None:
    _open_crowd(engine, urls)


def _of_an_idle_time(engine: Engine, urls: DatabaseUrls) -> None:
    _remember_an_idle_time(urls)
    _open_crowd(engine, urls)


def _remember_an_idle_time(urls: DatabaseUrls) -> None:
    with psycopg.connect(urls.admin) as connection:
        connection.execute(_HISTORY, {"job": "history", "number": 2 * WAITING, "queue": QUEUE})
    _analyze(urls)


def _of_now(engine: Engine, urls: DatabaseUrls) -> None:
    _open_crowd(engine, urls)
    _analyze(urls)


@pytest.mark.parametrize("statistics", [_nothing, _of_an_idle_time, _of_now])
def test_few_rows_are_read_whatever_the_statistics(
    engine: Engine, database_urls: DatabaseUrls, statistics: Callable[[Engine, DatabaseUrls], None]
) -> None:
    statistics(engine, database_urls)
    with psycopg.connect(database_urls.app) as connection:
        read = [step for _ in range(7) for step in _work(connection)]  # plans become generic with the sixth
    assert [step for step in read if step[1] > MOST] == []


def test_plans_that_were_made_while_nothing_waited_serve_a_crowd(
    engine: Engine, database_urls: DatabaseUrls
) -> None:
    first = open_job(engine, 100, tenant="a")
    with psycopg.connect(database_urls.app) as connection:
        for _ in range(7):
            assert len(list(_work(connection))) == 6
        engine.control.cancel(first)
        _open_crowd(engine, database_urls)
        read = list(_work(connection))
    assert [step for step in read if step[1] > MOST] == []


def test_a_reader_who_stays_does_not_make_each_task_cost_more(
    engine: Engine, database_urls: DatabaseUrls
) -> None:
    """For as long as a snapshot is open, entries of what is done stay in the indexes of what is at work."""
    _remember_an_idle_time(database_urls)
    open_job(engine, 2_000, tenant="a")
    with psycopg.connect(database_urls.app) as reader, psycopg.connect(database_urls.app) as connection:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM app.tasks")
        touched = [dict(_work(connection, _BLOCKS)) for _ in range(60)]
    for name in ("claim", "complete and take", "complete"):
        assert touched[-1][name] < 2 * touched[10][name]
