"""Completions that arrive together, from real processes with connections of their own."""

import multiprocessing
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

import psycopg

WORKERS = 8
FINISH = "SELECT app.finish_task(%s, %s, 'completed', '{}', NULL, NULL, 'geospatial-jobs')"
COMPLETE = "SELECT app.complete_tasks(ARRAY[%s], ARRAY[%s::integer], ARRAY['{}'::jsonb], 'geospatial-jobs')"

_SEED = """
WITH job AS (
    INSERT INTO app.jobs (job_id, job_type, parameters, status, stage, total_stages, started_at)
    SELECT 'race' || r, 'race', '{}', 'processing', 1, 1, now() FROM generate_series(1, %(rounds)s) r
), stage AS (
    INSERT INTO app.stages (job_id, number, name, task_type, task_count)
    SELECT 'race' || r, 1, 'race', 'race', %(tasks)s FROM generate_series(1, %(rounds)s) r
)
INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters, max_attempts,
                       status, attempt, lease_until)
SELECT 'race' || r || '-' || t, 'race' || r, 1, t, 'race', 'q', '{}', 3, 'processing', 1,
       now() + interval '1 hour'
FROM generate_series(1, %(rounds)s) r, generate_series(0, %(tasks)s - 1) t
"""
_OUTCOME = """
SELECT coalesce(advances, 0) AS advances, count(*) FROM app.jobs j
LEFT JOIN (SELECT body ->> 'job_id' AS job_id, count(*) AS advances FROM app.outbox GROUP BY 1) o
    USING (job_id)
GROUP BY 1
"""


@dataclass(frozen=True)
class Outcome:
    """How many rounds advanced never, once, and more than once."""

    lost: int
    once: int
    doubled: int


def race(url: str, *, statement: str, rounds: int, duplicates: int, prepares: bool = True) -> Outcome:
    """`rounds` stages; in each, `WORKERS` completions at once, `duplicates` of them of a named task.

    `prepares`: whether statements are prepared in the session, which a pooler may not allow.
    """
    tasks = WORKERS - duplicates
    threshold = 1 if prepares else None
    with psycopg.connect(url, prepare_threshold=threshold) as connection:
        connection.execute("TRUNCATE app.jobs, app.stages, app.tasks, app.outbox CASCADE")
        connection.execute(_SEED, {"rounds": rounds, "tasks": tasks})
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(WORKERS)
    processes = [
        spawn.Process(target=_worker, args=(url, threshold, statement, rounds, number % tasks, barrier))
        for number in range(WORKERS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0] * WORKERS
    with psycopg.connect(url, prepare_threshold=threshold) as connection:
        counts: dict[int, int] = dict(connection.execute(_OUTCOME).fetchall())
    return Outcome(
        lost=counts.get(0, 0),
        once=counts.get(1, 0),
        doubled=sum(n for times, n in counts.items() if times > 1),
    )


def _worker(
    url: str, threshold: int | None, statement: str, rounds: int, task: int, barrier: Barrier
) -> None:
    with psycopg.connect(url, autocommit=True, prepare_threshold=threshold) as connection:
        for number in range(1, rounds + 1):
            barrier.wait(timeout=60)
            connection.execute(statement, (f"race{number}-{task}", 1))
