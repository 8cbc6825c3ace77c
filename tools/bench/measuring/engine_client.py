"""A durable stack with the laboratory's app, and a client whose clock is the database's."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from tools.stack.processes import leftovers
from tools.stack.stack import Stack
from tools.stack.topology import Topology

_STATUS = "SELECT status FROM app.jobs WHERE job_id = %s"
_STAMPS = """
SELECT extract(epoch FROM finished_at - created_at) * 1000, extract(epoch FROM finished_at - started_at)
FROM app.jobs WHERE job_id = %s
"""
_DISCARD = "TRUNCATE app.jobs, app.stages, app.tasks, app.outbox, app.artefacts CASCADE"


class NotMeasured(Exception):
    """What happened is not what was to be measured."""


@contextmanager
def engine_stack(
    root: Path, state_dir: Path, *, processes: int, settings: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """A stack of its own with fsync on, its queues empty, its host with so many worker processes."""
    os.environ["FUNCTIONS_WORKER_PROCESS_COUNT"] = str(processes)
    app_root = root / "tools" / "lab" / "app"
    stack = Stack(root, state_dir, Topology.STANDALONE, app_root=app_root, settings=settings)
    stack.down()
    stack.broker.discard_data()
    stack.up()
    try:
        with psycopg.connect(stack.database.urls().admin) as connection:
            connection.execute(_DISCARD)
        yield stack
    finally:
        stack.down()


class EngineClient:
    """Submits laboratory jobs and waits for their end in the database."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._session = requests.Session()
        self._database = psycopg.connect(stack.database.urls().app, autocommit=True)

    def submit(self, job_type: str, *, tasks: int, tenant: str = "", milliseconds: int = 0) -> str:
        """A new job; its id."""
        answer = self._session.post(
            f"{self._stack.public_base_url}/api/jobs/submit/{job_type}",
            json={"run": uuid.uuid4().hex, "tasks": tasks, "milliseconds": milliseconds},
            params={"tenant": tenant} if tenant else {},
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["job_id"])

    def wait(self, job_id: str, *, seconds: float) -> dict[str, float]:
        """Until the job is completed; its times by the database's clock."""
        deadline = time.monotonic() + seconds
        while (status := self.ask(_STATUS, job_id)[0]) != "completed":
            if status in ("failed", "cancelled"):
                raise NotMeasured(f"job {job_id} ended {status}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job_id} did not end within {seconds} s")
            time.sleep(0.01)
        total_ms, run_seconds = self.ask(_STAMPS, job_id)
        return {"total_ms": float(total_ms), "seconds": float(run_seconds)}

    def run(self, job_type: str, *, tasks: int, wait_seconds: float, tenant: str = "") -> dict[str, float]:
        """One job from submission to end."""
        return self.wait(self.submit(job_type, tasks=tasks, tenant=tenant), seconds=wait_seconds)

    def ask(self, statement: str, *values: Any) -> tuple[Any, ...]:
        """One row, in a transaction of its own."""
        row = self._database.execute(statement, values).fetchone()
        return row or ()

    def ask_named(self, statement: Any, **values: Any) -> tuple[Any, ...]:
        """The same, of a statement whose values have names."""
        return self._database.execute(statement, values).fetchone() or ()

    @retry(retry=retry_if_exception_type(psycopg.errors.DeadlockDetected), stop=stop_after_attempt(20))
    def discard(self) -> None:
        """Forget all jobs, also those that run: their messages find nothing to do.

        The workers hold and want the same tables in an order of their own.
        """
        with psycopg.connect(self._stack.database.urls().admin) as connection:
            connection.execute(_DISCARD)

    def worker_processes(self) -> list[int]:
        """The processes of the host, without the parent that only looks after them."""
        host = self._stack.part("standalone")
        parent = host.status().pid
        return [pid for pid in leftovers(self._stack.state.pid_file(host.name)) if pid != parent]
