"""`container_list`, from the submission to the sums, over a directory of blobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import services.registry
from core.errors import InvalidRequest
from core.leases import HeldLease
from core.models.job import JobRecord
from core.models.task import ClaimedTask
from core.schema.queue import QueueRole
from jobs.container_list import ContainerList
from services.context import TaskContext
from tests.blobs import DirectoryBlobStore, surroundings
from tests.integration.engine.machine_under_test import Engine
from tools.stack.database import DatabaseUrls

TASK_TYPES = {"list_container", "inspect_blobs"}


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(tmp_path / "blobs")


@pytest.fixture
def engine(database_urls: DatabaseUrls, storage: DirectoryBlobStore, tmp_path: Path) -> Iterator[Engine]:
    @contextmanager
    def context(claimed: ClaimedTask, lease: HeldLease) -> Iterator[TaskContext]:
        yield surroundings(tmp_path / "work", storage).context

    handlers = services.registry.discover()
    engine = Engine(
        database_urls.app,
        job=ContainerList,
        handlers={task_type: handlers[task_type] for task_type in TASK_TYPES},
        context_factory=context,
    )
    yield engine
    engine.database.close()


def listed(engine: Engine, **parameters: Any) -> JobRecord:
    job_id = engine.jobs.submit("container_list", parameters).job_id
    engine.run()
    return engine.job(job_id)


def test_blobs_are_summed_up_by_extension_and_format(engine: Engine, storage: DirectoryBlobStore) -> None:
    contents = {
        "in/a.tif": b"II*\x00....",
        "in/b.TIF": b"MM\x00+" + b"." * 96,
        "in/roads.gpkg": b"SQLite format 3\x00....",
        "in/roads.geojson": b'\xef\xbb\xbf {"type": "FeatureCollection"}',
        "in/fake.tif": b"<html>",
        "in/empty": b"",
        "out/other.tif": b"II*\x00",
    }
    for name, content in contents.items():
        storage.put(f"bronze/{name}", content)
    job = listed(engine, prefix="in/")
    assert job.result == {
        "container": "bronze",
        "prefix": "in/",
        "blob_count": 6,
        "total_bytes": sum(len(content) for name, content in contents.items() if name.startswith("in/")),
        "unreadable_count": 0,
        "limit_reached": False,
        "by_extension": {
            "": {"blob_count": 1, "total_bytes": 0},
            ".geojson": {"blob_count": 1, "total_bytes": 33},
            ".gpkg": {"blob_count": 1, "total_bytes": 20},
            ".tif": {"blob_count": 3, "total_bytes": 114},
        },
        "by_format": {"bigtiff": 1, "empty": 1, "json": 1, "sqlite": 1, "tiff": 1, "unknown": 1},
    }


def test_a_hundred_blobs_to_a_task_up_to_the_limit(engine: Engine, storage: DirectoryBlobStore) -> None:
    for number in range(260):
        storage.put(f"silver/{number:03}.tif", b"II*\x00")
    storage.put("silver/000.txt", b"?")
    job = listed(engine, container="silver", suffix=".tif", limit=250)
    assert job.result is not None
    assert (job.result["blob_count"], job.result["limit_reached"]) == (250, True)
    sizes = engine.rows(
        "SELECT jsonb_array_length(parameters->'names') AS n FROM app.tasks "
        "WHERE task_type = 'inspect_blobs' ORDER BY task_index"
    )
    assert [row["n"] for row in sizes] == [100, 100, 50]


def test_an_empty_container(engine: Engine, storage: DirectoryBlobStore) -> None:
    job = listed(engine)
    assert job.result is not None
    assert (job.status, job.result["blob_count"], job.result["by_extension"]) == ("completed", 0, {})


def test_a_blob_that_went_away_is_counted(
    engine: Engine, storage: DirectoryBlobStore, tmp_path: Path
) -> None:
    for name in ("a.tif", "b.tif"):
        storage.put(f"bronze/{name}", b"II*\x00")
    job_id = engine.jobs.submit("container_list", {}).job_id
    for _ in range(3):  # the start, the listing, the next stage
        for message in engine.outbox():
            engine.deliver(message)
    storage.delete("bronze/a.tif")
    engine.run()
    result = engine.job(job_id).result
    assert result is not None
    assert (result["blob_count"], result["unreadable_count"]) == (1, 1)


def test_a_container_that_is_not_ours_fails_the_job(engine: Engine) -> None:
    job = listed(engine, container="secrets")
    assert job.error is not None
    assert (job.status, job.error.code) == ("failed", "SOURCE_FORBIDDEN")


@pytest.mark.parametrize("parameters", [{"limit": 0}, {"limit": 10_001}, {"folder": "x"}, {"container": ""}])
def test_parameters_are_checked_at_submit(engine: Engine, parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        engine.jobs.submit("container_list", parameters)


def test_it_runs_where_workers_are_apps_of_their_own() -> None:
    """Only standalone apps hear the queue for all other tasks."""
    handlers = services.registry.discover()
    assert {handlers[task_type].queue for task_type in TASK_TYPES} == {QueueRole.VECTOR_TASKS}
