"""Latency of an idle engine, and rates: three stages, one hot stage, the database alone."""

import statistics
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import psycopg

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import EngineClient
from tools.stack.stack import Stack

_WARM_UP = 40  # jobs until every worker process has opened its links to every queue
_HOT_STAGE = """
SELECT count(*) / extract(epoch FROM max(finished_at) - min(execution_started_at))
FROM app.tasks WHERE job_id = %s AND status = 'completed'
"""
_SEED = """
WITH job AS (
    INSERT INTO app.jobs (job_id, job_type, parameters, status, stage, total_stages, started_at)
    VALUES (%(job)s, 'bench', '{}', 'processing', 1, 1, now())
), stage AS (
    INSERT INTO app.stages (job_id, number, name, task_type, task_count) VALUES (%(job)s, 1, 's', 't', %(n)s)
)
INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters, max_attempts,
                       status)
SELECT %(job)s || '-' || i, %(job)s, 1, i, 't', 'none', '{}', 3, 'queued' FROM generate_series(0, %(n)s - 1) i
"""


def idle_latency(client: EngineClient, *, jobs: int) -> tuple[list[Bar], dict[str, Any]]:
    """One job of one task at a time, on an idle engine."""
    for _ in range(_WARM_UP):
        client.run("lab_one_stage", tasks=1, wait_seconds=30)
    totals = sorted(client.run("lab_one_stage", tasks=1, wait_seconds=30)["total_ms"] for _ in range(jobs))
    quantiles = statistics.quantiles(totals, n=100, method="inclusive")
    bars = [
        Bar("idle job of one task, p50", quantiles[49], "ms", most=100),
        Bar("idle job of one task, p99", quantiles[98], "ms", most=500),
    ]
    return bars, {"jobs": jobs, "max_ms": totals[-1]}


def three_stages(client: EngineClient, *, tasks: int) -> float:
    """No-op tasks per second, from the first stage's opening to the job's end."""
    return 3 * tasks / client.run("lab_three_stages", tasks=tasks, wait_seconds=300)["seconds"]


def throughput(client: EngineClient, *, tasks: int, repeats: int) -> tuple[list[Bar], dict[str, Any]]:
    """Three stages of `tasks` each, `repeats` times: the median."""
    rates = [three_stages(client, tasks=tasks) for _ in range(repeats)]
    bar = Bar("no-op tasks, three stages", statistics.median(rates), "/s", least=350)
    return [bar], {"tasks": 3 * tasks, "rates": rates}


def hot_stage(client: EngineClient, *, tasks: int) -> tuple[list[Bar], dict[str, Any]]:
    """All tasks in one stage, so that every completion asks for the same lock."""
    job = client.submit("lab_one_stage", tasks=tasks)
    client.wait(job, seconds=300)
    rate = float(client.ask(_HOT_STAGE, job)[0])
    return [Bar("durable completions in one hot stage", rate, "/s", least=500)], {"tasks": tasks}


def database_alone(stack: Stack, *, tasks: int, connections: int) -> tuple[list[Bar], dict[str, Any]]:
    """Claim + finish on one hot stage with nothing between the threads and the database: the rate that no
    engine of this design can pass.
    """
    job, url = uuid.uuid4().hex, stack.database.urls().app
    with psycopg.connect(url) as connection:
        connection.execute(_SEED, {"job": job, "n": tasks})
    threads = [
        threading.Thread(target=_claim_and_finish, args=(url, job, range(start, tasks, connections)))
        for start in range(connections)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = tasks / (time.monotonic() - started)
    return [Bar("the database alone, claim + finish", rate, "/s")], {"connections": connections}


def _claim_and_finish(url: str, job: str, indexes: Sequence[int]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for index in indexes:
            task = f"{job}-{index}"
            connection.execute("SELECT app.claim_task(%s, 'bench', 'bench', interval '60 s')", (task,))
            finish = "SELECT app.finish_task(%s, 1, 'completed', '{}', NULL, NULL, 'geospatial-jobs')"
            connection.execute(finish, (task,))
