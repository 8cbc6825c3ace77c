"""A stack that runs the laboratory's app, as chaos tests and benchmarks drive it."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests
from tenacity import retry, retry_if_exception_type, stop_after_attempt

from tools.lab.invariants import broken_invariants
from tools.stack.stack import Stack

_LEDGER = Path(__file__).with_name("ledger.sql")
APP_ROOT = Path(__file__).with_name("app")

# Short patience, so that seconds show what an app at its defaults does in a minute.
SHORT_PATIENCE = {
    "ENGINE_LEASE_SECONDS": "2",
    "ENGINE_TASK_SILENCE_SECONDS": "3",
    "ENGINE_JOB_SILENCE_SECONDS": "3",
    "ENGINE_RETRY_BASE_SECONDS": "0.2",
    "ENGINE_SWEEP_SCHEDULE": "* * * * * *",
    "ENGINE_JANITOR_SCHEDULE": "* * * * * *",
    "ENGINE_KEEP_FAILED_SECONDS": "0",
}

_EFFECTS = "SELECT count(*), count(DISTINCT task_id) FROM ledger.effects"
_ADVANCES = "SELECT count(*), count(DISTINCT (job_id, stage)) FROM ledger.advances"
_ENDINGS = "SELECT count(*), count(DISTINCT job_id) FROM ledger.endings"


class SubmissionRefused(Exception):
    """The app did not take a job that it should have taken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a submission got; status 0 where there was no answer at all."""

    status: int
    seconds: float
    job_id: str = ""


@dataclass(frozen=True)
class Laboratory:
    """A running stack; its database keeps a history of effects."""

    stack: Stack

    def open(self) -> None:
        """Bring the stack up with empty queues, the functions of the checkout, and an empty history."""
        self.stack.down()
        self.stack.broker.discard_data()
        self.stack.up()
        self._begin_anew()

    @retry(retry=retry_if_exception_type(psycopg.errors.DeadlockDetected), stop=stop_after_attempt(20))
    def _begin_anew(self) -> None:
        """The host is up already, and wants the same tables in an order of its own."""
        functions = sorted((self.stack.root / "sql" / "functions").glob("*.sql"))
        with psycopg.connect(self.stack.database.urls().admin) as connection:
            for file in [*functions, _LEDGER]:  # a negative control may have left its own behind
                connection.execute(file.read_bytes())

    def submit(self, job_type: str, *, tasks: int, milliseconds: int = 0, leaves_blobs: bool = False) -> str:
        """Submit a job, through whatever the stack suffers from at the moment; its id."""
        answer = self.try_submit(job_type, tasks=tasks, milliseconds=milliseconds, leaves_blobs=leaves_blobs)
        if answer.status != 201:
            raise SubmissionRefused(f"the submission was answered {answer.status}")
        return answer.job_id

    def try_submit(
        self, job_type: str, *, tasks: int, milliseconds: int, leaves_blobs: bool = False
    ) -> Answer:
        """Submit a job that may be refused."""
        parameters: dict[str, str | int] = {
            "run": uuid.uuid4().hex,
            "tasks": tasks,
            "milliseconds": milliseconds,
            "leaves_blobs": leaves_blobs,
        }
        url = f"{self.stack.public_base_url}/api/jobs/submit/{job_type}"
        started = time.monotonic()
        try:
            answer = requests.post(url, json=parameters, timeout=30)
        except requests.RequestException:
            return Answer(0, time.monotonic() - started)
        seconds = time.monotonic() - started
        job_id = str(answer.json()["job_id"]) if answer.status_code == 201 else ""
        return Answer(answer.status_code, seconds, job_id)

    def cancel(self, job_id: str) -> int:
        """Cancel a job; the status of the answer."""
        url = f"{self.stack.public_base_url}/api/jobs/{job_id}/cancel"
        return requests.post(url, timeout=30).status_code

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, as the administrator sees them."""
        with psycopg.connect(self.stack.database.urls().admin) as connection:
            return connection.execute(statement, values).fetchall()

    def wait(self, job_ids: Sequence[str], *, seconds: float) -> dict[str, str]:
        """How each job ended, or stands when the time is over."""
        deadline = time.monotonic() + seconds
        unfinished = (
            "SELECT count(*) FROM app.jobs WHERE job_id = ANY(%s) AND status IN ('queued', 'processing')"
        )
        while time.monotonic() < deadline and self.query(unfinished, list(job_ids)) != [(0,)]:
            time.sleep(0.2)
        rows = self.query("SELECT job_id, status FROM app.jobs WHERE job_id = ANY(%s)", list(job_ids))
        return dict(rows)

    def faults(self, *, jobs: int, stages: int, tasks: int) -> list[str]:
        """What is wrong with the history and the state: each task must have taken effect once, each stage
        have been opened once, each job have ended once; `tasks` is the number in each stage.
        """
        expected = {_EFFECTS: jobs * stages * tasks, _ADVANCES: jobs * stages, _ENDINGS: jobs}
        found = []
        for statement, number in expected.items():
            ((total, distinct),) = self.query(statement)
            what = statement.rsplit(".", 1)[1]
            if distinct != number:
                found.append(f"{what}: {distinct} of {number}")
            if total != distinct:
                found.append(f"{what}: {total - distinct} doubled")
        broken = broken_invariants(self.stack.database.urls().admin)
        return [*found, *(f"{name}: {len(rows)} cases" for name, rows in broken.items())]
