"""`./dev bench engine`: CoreMachine's latency and throughput, on real PostgreSQL, broker and Functions host.

The stack is one of its own, durable (fsync on). Beside the engine, the same run measures what the database
alone does on this machine for the same statements (claim + finish, several connections, one hot stage): the
rate that no engine of this design can pass.
"""

import argparse
import json
import os
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests
from rich.console import Console
from rich.table import Table

from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
LATENCY_BARS_MS = {"p50": 100.0, "p99": 500.0}
THROUGHPUT_BAR = 350.0
_WARM_UP = 40  # jobs until every worker process has opened its links to every queue
_STAMPS = """
SELECT status, extract(epoch FROM finished_at - created_at) * 1000,
       extract(epoch FROM finished_at - started_at)
FROM app.jobs WHERE job_id = %s
"""
_SEED = """
WITH job AS (
    INSERT INTO app.jobs (job_id, job_type, parameters, status, stage, total_stages, started_at)
    VALUES (%(job)s, 'bench', '{}', 'processing', 1, 1, now())
), stage AS (
    INSERT INTO app.stages (job_id, number, name, task_type, task_count) VALUES (%(job)s, 1, 's', 't', %(n)s)
)
INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters, max_attempts)
SELECT %(job)s || '-' || i, %(job)s, 1, i, 't', 'none', '{}', 3 FROM generate_series(0, %(n)s - 1) i
"""


@contextmanager
def laboratory(*, processes: int) -> Iterator[Stack]:
    """A durable stack of its own that runs the laboratory's app."""
    os.environ["FUNCTIONS_WORKER_PROCESS_COUNT"] = str(processes)
    stack = Stack(
        ROOT, ROOT / ".local" / "bench", Topology.STANDALONE, app_root=ROOT / "tools" / "lab" / "app"
    )
    stack.up()
    try:
        yield stack
    finally:
        stack.down()


class Client:
    """Submits laboratory jobs and waits for their end in the database."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"{stack.public_base_url}/api/jobs/submit"
        self._session = requests.Session()
        self._database = psycopg.connect(stack.database.urls().app, autocommit=True)

    def run(self, job_type: str, *, tasks: int, wait_seconds: float) -> dict[str, float]:
        """One job from submission to end; times by the database's clock."""
        parameters = {"run": uuid.uuid4().hex, "tasks": tasks}
        job_id = self._session.post(f"{self._url}/{job_type}", json=parameters, timeout=10).json()["job_id"]
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            status, wait_ms, total_ms, run_seconds = (
                self._database.execute(_STAMPS, (job_id,)).fetchone() or ()
            )
            if status == "completed":
                return {"wait_ms": float(wait_ms), "total_ms": float(total_ms), "seconds": float(run_seconds)}
            if status == "failed":
                raise RuntimeError(f"job {job_id} failed")
            time.sleep(0.01)
        raise TimeoutError(f"job {job_id} did not end within {wait_seconds} s")


def idle_latency(client: Client, *, jobs: int) -> dict[str, Any]:
    """One job of one task at a time, on an idle engine."""
    for _ in range(_WARM_UP):
        client.run("lab_one_stage", tasks=1, wait_seconds=30)
    totals = sorted(client.run("lab_one_stage", tasks=1, wait_seconds=30)["total_ms"] for _ in range(jobs))
    quantiles = statistics.quantiles(totals, n=100, method="inclusive")
    return {"jobs": jobs, "p50": quantiles[49], "p99": quantiles[98], "max": totals[-1]}


def throughput(client: Client, *, tasks: int, repeats: int) -> dict[str, Any]:
    """Three stages of no-op tasks; tasks per second from the first stage's opening to the job's end."""
    rates = [
        3 * tasks / client.run("lab_three_stages", tasks=tasks, wait_seconds=180)["seconds"]
        for _ in range(repeats)
    ]
    return {"tasks": 3 * tasks, "repeats": repeats, "median": statistics.median(rates), "rates": rates}


def database_alone(stack: Stack, *, tasks: int, connections: int) -> float:
    """Claim + finish per second on one hot stage, with nothing between the threads and the database."""
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
    return tasks / (time.monotonic() - started)


def _claim_and_finish(url: str, job: str, indexes: Sequence[int]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for index in indexes:
            task = f"{job}-{index}"
            connection.execute("SELECT app.claim_task(%s, 'bench', 'bench', interval '60 s')", (task,))
            finish = "SELECT app.finish_task(%s, 1, 'completed', '{}', NULL, NULL, 'geospatial-jobs')"
            connection.execute(finish, (task,))


def main(arguments: Sequence[str]) -> int:
    """Run, show a table, write `.local/bench/engine.json`; exit code 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="./dev bench engine", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100, help="jobs for the latency (default 100)")
    parser.add_argument("--tasks", type=int, default=1000, help="tasks in each of the three stages")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="worker processes of the host")
    options = parser.parse_args(arguments)
    with laboratory(processes=options.processes) as stack:
        client = Client(stack)
        latency = idle_latency(client, jobs=options.jobs)
        rate = throughput(client, tasks=options.tasks, repeats=options.repeats)
        alone = database_alone(stack, tasks=options.tasks, connections=4)
    report = {
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0], "python": sys.version.split()[0]},
        "idle_latency_ms": latency,
        "throughput_per_second": rate,
        "database_alone_per_second": alone,
        "share_of_database": rate["median"] / alone,
    }
    (ROOT / ".local" / "bench" / "engine.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
    return 0 if _show(report) else 1


def _show(report: dict[str, Any]) -> bool:
    latency, rate = report["idle_latency_ms"], report["throughput_per_second"]["median"]
    rows = [
        (f"idle job of one task, {name} (ms)", latency[name], f"<= {bar:g}", latency[name] <= bar)
        for name, bar in LATENCY_BARS_MS.items()
    ]
    rows.append(("no-op tasks per second", rate, f">= {THROUGHPUT_BAR:g}", rate >= THROUGHPUT_BAR))
    table = Table("measure", "value", "bar", "")
    for name, value, bar, is_met in rows:
        table.add_row(name, f"{value:.1f}", bar, "met" if is_met else "MISSED")
    table.add_row(
        "database alone, claim + finish per second", f"{report['database_alone_per_second']:.1f}", "", ""
    )
    table.add_row("share of it that the engine reaches", f"{report['share_of_database']:.2f}", "", "")
    Console().print(table)
    return all(row[3] for row in rows)
