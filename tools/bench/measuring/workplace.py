"""A durable stack with the platform's own app, and a client of it whose clock is the database's."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests
from azure.storage.blob import BlobServiceClient

from tools.bench.measuring.engine_client import NotMeasured
from tools.stack.processes import leftovers
from tools.stack.stack import Stack
from tools.stack.topology import APPS, Topology

_REQUEST = "SELECT status, error FROM platform.requests WHERE request_id = %s"
_STATUS = "SELECT status, error ->> 'code' FROM app.jobs WHERE job_id = %s"
_SECONDS = "SELECT extract(epoch FROM finished_at - created_at) FROM app.jobs WHERE job_id = %s"
_TASKS = """
SELECT task_type, count(*), extract(epoch FROM max(finished_at) - min(execution_started_at))
FROM app.tasks WHERE job_id = %s GROUP BY task_type, stage ORDER BY stage
"""
_POLL_SECONDS = 0.02
_JOB_POLL_SECONDS = 0.1  # the database's clock tells when it ended


class Workplace:
    """What a part measures with.

    Attributes:
        stack: runs, with empty queues.
        directory: for sources and outputs; sources stay there for the next run.
    """

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack = stack
        self.directory = directory
        self._session = requests.Session()
        self._database = psycopg.connect(stack.database.urls().admin, autocommit=True)
        self._blobs = BlobServiceClient.from_connection_string(stack.azurite.connection_string)

    def put(self, path: Path, *, container: str = "bronze") -> str:
        """Upload under a name that was never used; the URI."""
        name = f"bench/{uuid.uuid4().hex}{path.suffix}"
        with path.open("rb") as file:
            self._blobs.get_blob_client(container, name).upload_blob(file, max_concurrency=2)
        return f"azure://{container}/{name}"

    def delete(self, uri: str) -> None:
        """Remove a blob, so that the disk holds out."""
        container, _, name = uri.removeprefix("azure://").partition("/")
        self._blobs.get_blob_client(container, name).delete_blob()

    def run_job(self, job_type: str, parameters: Mapping[str, Any], *, patience_seconds: float) -> "JobTimes":
        """Submit a job and wait for its end.

        Raises:
            NotMeasured: it failed, or took longer.
        """
        answer = self._session.post(
            f"{self.stack.public_base_url}/api/jobs/submit/{job_type}", json=dict(parameters), timeout=30
        )
        if answer.status_code >= 400:
            raise NotMeasured(f"{job_type} was not taken: {answer.text[:500]}")
        return self.times_of(str(answer.json()["job_id"]), patience_seconds=patience_seconds)

    def times_of(self, job_id: str, *, patience_seconds: float) -> "JobTimes":
        """Wait for the end of a job."""
        deadline = time.monotonic() + patience_seconds
        while (row := self._row(_STATUS, job_id))[0] != "completed":
            if row[0] in ("failed", "cancelled"):
                raise NotMeasured(f"job {job_id} ended {row[0]} with {row[1]}")
            if time.monotonic() > deadline:
                raise NotMeasured(f"job {job_id} did not end within {patience_seconds} s")
            time.sleep(_JOB_POLL_SECONDS)
        stages = self._database.execute(_TASKS, [job_id]).fetchall()
        return JobTimes(
            job_id,
            float(self._row(_SECONDS, job_id)[0]),
            {name: float(seconds) for name, _, seconds in stages},
        )

    def publish(self, body: Mapping[str, Any], *, patience_seconds: float) -> float:
        """Submit to the Platform and wait until it is published; the seconds that took.

        It is the database that is asked for the end: a status over HTTP fifty times a second would take a
        fifth of a processor from what is measured.

        Raises:
            NotMeasured: it failed, or took longer.
        """
        begin = time.monotonic()
        answer = self._session.post(
            f"{self.stack.public_base_url}/api/platform/submit", json=dict(body), timeout=30
        )
        if answer.status_code >= 400:
            raise NotMeasured(f"the request was not taken: {answer.text[:500]}")
        request_id = answer.json()["request_id"]
        while (row := self._row(_REQUEST, request_id))[0] != "completed":
            if row[0] == "failed" or time.monotonic() - begin > patience_seconds:
                raise NotMeasured(f"the request ended {row[0]}: {row[1]}")
            time.sleep(_POLL_SECONDS)
        return time.monotonic() - begin

    def worker_processes(self) -> list[int]:
        """The processes of the hosts and the children of their tasks."""
        hosts = [app.part for app in APPS[self.stack.topology]]
        return [pid for host in hosts for pid in leftovers(self.stack.state.pid_file(host))]

    def result_of(self, job_id: str) -> dict[str, Any]:
        """The result of a completed job."""
        return dict(self._row("SELECT result FROM app.jobs WHERE job_id = %s", job_id)[0])

    def _row(self, statement: str, *values: Any) -> tuple[Any, ...]:
        return self._database.execute(statement, values).fetchone() or (None, None)


class JobTimes:
    """From submission to end, and within each stage from the first start to the last end."""

    def __init__(self, job_id: str, seconds: float, stages: dict[str, float]) -> None:
        self.job_id = job_id
        self.seconds = seconds
        self.stages = stages


@contextmanager
def workplace(root: Path, state_dir: Path, *, name: str, processes: int) -> Iterator[Workplace]:
    """A stack of its own with fsync on, its host with so many worker processes."""
    os.environ["FUNCTIONS_WORKER_PROCESS_COUNT"] = str(processes)
    stack = Stack(root, state_dir / name, Topology.STANDALONE)
    stack.down()
    stack.broker.discard_data()
    stack.azurite.discard_data()
    stack.up()
    try:
        yield Workplace(stack, state_dir / "sources")
    finally:
        stack.down()
