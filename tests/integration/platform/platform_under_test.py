"""The Platform on a real database, with CoreMachine's part played by the test: it ends jobs as it likes."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

import jobs.registry
import services.registry
from core.control import JobControl
from core.dispatcher import Dispatcher
from core.orchestration_manager import OrchestrationManager
from core.schema.queue import QueueRole
from geo_platform.completion import CompletionHandler
from geo_platform.ports import PlatformOptions, PlatformParts, PlatformUnitOfWork
from geo_platform.retrying import reopen_for
from geo_platform.router import PlatformRouter, Submitted
from infrastructure.database import Database
from infrastructure.repositories.published_tables import publish_table
from tests.blobs import DirectoryBlobStore
from tests.integration.platform.results import left_by
from tools.stack.database import DatabaseUrls

BASE = "https://hub.example"
Transactions = Callable[[], AbstractContextManager[PlatformUnitOfWork]]


@dataclass
class PlatformUnderTest:
    """Router and completion over real repositories; `sent` counts the messages that were promised."""

    urls: DatabaseUrls
    directory: Path
    blobs: DirectoryBlobStore
    parts: PlatformParts
    control: JobControl
    sent: list[int] = field(default_factory=list)

    @property
    def router(self) -> PlatformRouter:
        return PlatformRouter(self.parts)

    @property
    def completion(self) -> CompletionHandler:
        return CompletionHandler(self.parts)

    def submit(self, **changes: Any) -> Submitted:
        """Submit a vector request, or what `changes` make of it."""
        retry_failed = changes.pop("retry_failed", False)
        return self.router.submit(body_with(**changes), retry_failed=retry_failed)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Ask the database, as its superuser."""
        with psycopg.connect(self.urls.admin, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def value(self, query: str, **values: Any) -> Any:
        """The only value of the only row."""
        (row,) = self.rows(query, **values)
        (value,) = row.values()
        return value

    def execute(self, statement: str, **values: Any) -> None:
        """Change the database by hand, as the application's role."""
        with psycopg.connect(self.urls.app) as connection:
            connection.execute(statement.encode(), values)

    def job_of(self, request_id: str, step: int) -> str:
        """The id of the job that serves a step."""
        job_id: str = self.value(
            "SELECT job_id FROM platform.request_jobs WHERE request_id = %(request_id)s AND step = %(step)s",
            request_id=request_id,
            step=step,
        )
        return job_id

    def end_job(
        self,
        job_id: str,
        *,
        result: Mapping[str, Any] | None = None,
        status: str = "completed",
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """What the engine does when a job's last stage is closed."""
        self.execute(
            "UPDATE app.jobs SET status = %(status)s, result = %(result)s, error = %(error)s,"
            " started_at = coalesce(started_at, clock_timestamp()), finished_at = clock_timestamp()"
            " WHERE job_id = %(job_id)s",
            job_id=job_id,
            status=status,
            result=json.dumps(result) if result is not None else None,
            error=json.dumps(error) if error is not None else None,
        )

    def run_step(self, request_id: str, step: int, **changes: Any) -> str:
        """End the job of a step well, with what its handlers would have made; nobody has been told yet.

        `changes` replace parts of the result.
        """
        job_id = self.job_of(request_id, step)
        job = self.rows("SELECT job_type, parameters FROM app.jobs WHERE job_id = %(id)s", id=job_id)[0]
        left = left_by(job["job_type"], job["parameters"], job_id=job_id)
        self._complete_a_task(job_id)
        for table in left.tables:
            self._stage_table(job_id, table)
        for uri in left.blobs:
            self._stage("blob", uri, job_id=job_id)
        for uri in left.temporary:
            self._stage("blob", uri, job_id=job_id, temporary=True)
        for uri, content in left.contents.items():
            self.blobs.put(uri, content.encode())
        self.end_job(job_id, result=left.result | changes)
        return job_id

    def run_chain(self, request_id: str, **changes: Mapping[str, Any]) -> str:
        """All steps, told to the Platform; the id of the last job.

        `changes` replace parts of the result of the job of that type.
        """
        job_id, chain = (
            "",
            "SELECT job_chain, current_job_index AS step FROM platform.requests WHERE request_id = %(id)s",
        )
        while True:
            (row,) = self.rows(chain, id=request_id)
            if row["step"] >= len(row["job_chain"]):
                return job_id
            job_type = row["job_chain"][row["step"]]["job_type"]
            job_id = self.run_step(request_id, row["step"], **changes.get(job_type, {}))
            self.completion.on_job_terminal(job_id)

    def _complete_a_task(self, job_id: str) -> None:
        """The job's only task, in its second attempt: the first one was lost."""
        self.execute(
            "INSERT INTO app.stages (job_id, number, name, task_type, task_count, status, closed_at)"
            " VALUES (%(job_id)s, 1, 's', 't', 1, 'closed', clock_timestamp())",
            job_id=job_id,
        )
        self.execute(
            "INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters,"
            " status, attempt, max_attempts, finished_at)"
            " VALUES (%(task_id)s, %(job_id)s, 1, 0, 't', 'q', '{}', 'completed', 2, 3, clock_timestamp())",
            job_id=job_id,
            task_id=_task_of(job_id),
        )

    def _stage_table(self, job_id: str, name: str) -> None:
        self._stage("table", name, job_id=job_id)
        self.execute(
            f'CREATE TABLE staging."{name}" (fid bigint PRIMARY KEY, name text, geom geometry(Point, 4326))'
        )
        self.execute(f"INSERT INTO staging.\"{name}\" VALUES (1, 'a', ST_SetSRID(ST_Point(1, 2), 4326))")

    def _stage(self, kind: str, location: str, *, job_id: str, temporary: bool = False) -> None:
        for attempt, where in enumerate((f"{location}-lost", location), start=1):
            self.execute(
                "INSERT INTO app.artefacts (job_id, task_id, attempt, kind, location, temporary)"
                " VALUES (%(job_id)s, %(task_id)s, %(attempt)s, %(kind)s, %(location)s, %(temporary)s)",
                job_id=job_id,
                task_id=_task_of(job_id),
                attempt=attempt,
                kind=kind,
                location=where,
                temporary=temporary,
            )


def _control(database: Database) -> JobControl:
    return JobControl(
        database.unit_of_work,
        OrchestrationManager(
            jobs=jobs.registry.discover(),
            handlers=services.registry.discover(),
            queue_names={role: role.value for role in QueueRole},
            max_attempts=3,
        ),
        dispatcher=Dispatcher(database.unit_of_work, least_window=1),
        max_attempts=3,
        on_restart=reopen_for,
    )


def _task_of(job_id: str) -> str:
    return f"{job_id[:32]}-1-0"


def body_with(**changes: Any) -> dict[str, Any]:
    """A body of S1's shape; None takes a field out."""
    body = {
        "dataset_id": "flood-2024",
        "resource_id": "extent",
        "version_id": "v1.0",
        "request_type": "vector",
        "source_path": "bronze/floods/extent.gpkg",
        "processing_config": {},
    } | changes
    return {name: value for name, value in body.items() if value is not None}


@contextmanager
def platform_on(urls: DatabaseUrls, directory: Path) -> Iterator[PlatformUnderTest]:
    """A Platform over this database, with a vector and a raster source in place."""
    sent: list[int] = []
    blobs = DirectoryBlobStore(directory)
    blobs.put("bronze/floods/extent.gpkg", b"not looked at by the Platform")
    blobs.put("bronze/dem.tif", b"nor this")
    for name in ("a.tif", "b.tif", "notes.txt"):
        blobs.put(f"bronze/scenes/2024/{name}", b"nor these")
    with Database(urls.app, pool_max=12, connect_seconds=20, on_promised=sent.extend) as database:
        control = _control(database)
        parts = PlatformParts(
            options=PlatformOptions(public_base_url=BASE, max_source_bytes=1000),
            transactions=database.unit_of_work,
            storage=blobs,
            patient_storage=blobs,
            jobs=jobs.registry.discover(),
            publish_table=publish_table,
            require_listeners=lambda job_types: None,
            retry_job=control.retry,
        )
        yield PlatformUnderTest(urls, directory, blobs, parts, control, sent)
