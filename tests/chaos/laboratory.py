"""The laboratory's stack as the chaos tests drive it."""

import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests

from tests.integration.engine.invariants import assert_invariants
from tools.stack.stack import Stack

LEDGER = Path(__file__).with_name("ledger.sql")

# Short patience, so that a test sees in seconds what an app at its defaults does in a minute.
SETTINGS = {
    "ENGINE_LEASE_SECONDS": "2",
    "ENGINE_TASK_SILENCE_SECONDS": "3",
    "ENGINE_JOB_SILENCE_SECONDS": "3",
    "ENGINE_RETRY_BASE_SECONDS": "0.2",
    "ENGINE_SWEEP_SCHEDULE": "* * * * * *",
    "ENGINE_JANITOR_SCHEDULE": "* * * * * *",
}
# What the laboratory's app does to its own messages.
FAULTS = {
    "LAB_SEND_FAILURES": "0.05",
    "LAB_DUPLICATES": "0.2",
    "LAB_SEED": "20251120",
}


@dataclass(frozen=True)
class Laboratory:
    """A running stack with faults; its database keeps a history of effects."""

    stack: Stack

    def submit(self, job_type: str, *, tasks: int, milliseconds: int) -> str:
        """Submit a job, through whatever the stack suffers from at the moment."""
        parameters: dict[str, str | int] = {
            "run": uuid.uuid4().hex,
            "tasks": tasks,
            "milliseconds": milliseconds,
        }
        url = f"{self.stack.public_base_url}/api/jobs/submit/{job_type}"
        answer = requests.post(url, json=parameters, timeout=10)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["job_id"])

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, as the administrator sees them."""
        with psycopg.connect(self.stack.database.urls().admin) as connection:
            return connection.execute(statement, values).fetchall()

    def ended(self, job_id: str) -> str | None:
        """The status in which the job ended, or None."""
        ((status,),) = self.query("SELECT status FROM app.jobs WHERE job_id = %s", job_id)
        return status if status in ("completed", "failed", "cancelled") else None

    def wait(self, job_ids: list[str], *, seconds: float) -> dict[str, str | None]:
        """How each job ended; None for one that did not in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(self.ended(job_id) for job_id in job_ids):
            time.sleep(0.2)
        return {job_id: self.ended(job_id) for job_id in job_ids}

    def assert_history(self, *, jobs: int, stages: int, tasks: int) -> None:
        """Each task took effect once, each stage was opened once, each job ended once."""
        counts = {
            "effects": self.query("SELECT count(*), count(DISTINCT task_id) FROM ledger.effects"),
            "advances": self.query("SELECT count(*), count(DISTINCT (job_id, stage)) FROM ledger.advances"),
            "endings": self.query("SELECT count(*), count(DISTINCT job_id) FROM ledger.endings"),
        }
        expected = {"effects": jobs * stages * tasks, "advances": jobs * stages, "endings": jobs}
        assert counts == {name: [(number, number)] for name, number in expected.items()}
        assert_invariants(self.stack.database.urls().admin)
