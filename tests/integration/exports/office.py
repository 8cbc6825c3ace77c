"""Where files of published tables are asked for, on a real database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.leases import HeldLease
from core.models.task import ClaimedTask
from geo_platform.exports import ExportDesk
from geo_platform.ports import PlatformOptions, PlatformParts
from infrastructure.repositories.published_tables import publish_table
from infrastructure.repositories.vectors import VectorRepository
from jobs.export_vector import ExportVector
from services.context import TaskContext
from services.registry import discover
from tests.blobs import DirectoryBlobStore
from tests.integration.engine.machine_under_test import Engine
from tools.stack.database import DatabaseUrls


@dataclass
class Office:
    """A desk where files are asked for, and the engine that makes them."""

    desk: ExportDesk
    engine: Engine
    blobs: DirectoryBlobStore
    parts: PlatformParts


@contextmanager
def office_on(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Office]:
    """An office on this database, with the files below `tmp_path`."""
    blobs = DirectoryBlobStore(tmp_path / "blobs")

    @contextmanager
    def context_of(claimed: ClaimedTask, lease: HeldLease) -> Iterator[TaskContext]:
        workspace = tmp_path / f"{claimed.task_id}-{claimed.attempt}"
        workspace.mkdir()
        yield TaskContext(
            job_id=claimed.job_id,
            task_id=claimed.task_id,
            attempt=claimed.attempt,
            open_workspace=lambda: workspace,
            storage=blobs,
            vectors=VectorRepository(engine.database),
            artefacts=engine.database.tasks,
            report=lease.report,
            is_cancelled=lease.lost.is_set,
        )

    engine = Engine(
        database_urls.app, job=ExportVector, handlers=dict(discover()), context_factory=context_of
    )
    parts = PlatformParts(
        options=PlatformOptions(public_base_url="https://hub.example"),
        transactions=engine.database.unit_of_work,
        storage=blobs,
        patient_storage=blobs,
        jobs={"export_vector": ExportVector},
        publish_table=publish_table,
        retry_job=lambda job_id, *, scope, from_stage: 0,
        require_listeners=lambda job_types: None,
    )
    with engine.database:
        yield Office(ExportDesk(parts), engine, blobs, parts)
