"""The Platform, the jobs, the handlers and PostGIS together: one file from its submission to its readers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
from psycopg.rows import dict_row
from pydantic import BaseModel

from core.registry import HandlerDefinition
from geo_platform.models import StatusAnswer
from geo_platform.states import RequestStatus
from infrastructure.database import Database
from infrastructure.repositories.vectors import VectorRepository
from services.context import TaskContext
from tests.integration.platform.platform_under_test import PlatformUnderTest
from tests.jobs_in_process import JobRun
from tests.vectors import BOW_TIE, SQUARE, write_geopackage


@dataclass(frozen=True)
class Chain:
    """Runs the jobs of requests with the real handlers, and tells the Platform of each."""

    hub: PlatformUnderTest
    database: Database

    def publish(self, source: str, content: bytes, **options: Any) -> StatusAnswer:
        self.hub.blobs.put(f"bronze/{source}", content)
        request_id = self.hub.submit(
            source_path=f"bronze/{source}", processing_config=options
        ).answer.request_id
        while True:
            status = self.hub.router.status(request_id)
            if status.status.is_terminal:
                return status
            self._run(self.hub.job_of(request_id, status.progress.steps_completed))

    def _run(self, job_id: str) -> None:
        (job,) = self.hub.rows("SELECT job_type, parameters FROM app.jobs WHERE job_id = %(id)s", id=job_id)
        run = JobRun(self.hub.directory / job_id, self.hub.blobs, run_task=self._task_of(job_id))
        self.hub.end_job(job_id, result=run.run(job["job_type"], job["parameters"]))
        self.hub.completion.on_job_terminal(job_id)

    def _task_of(self, job_id: str) -> Any:
        def run_task(definition: HandlerDefinition, parameters: BaseModel, context: TaskContext) -> BaseModel:
            task_id = f"{job_id[:16]}-{context.task_id.partition('-')[0]}"
            self._complete(job_id, task_id)
            return definition.function(
                parameters,
                replace(
                    context,
                    job_id=job_id,
                    task_id=task_id,
                    vectors=VectorRepository(self.database),
                    artefacts=self.database.tasks,
                ),
            )

        return run_task

    def _complete(self, job_id: str, task_id: str) -> None:
        """The row of a task that wins in its first attempt."""
        values = {"job_id": job_id, "task_id": task_id, "index": int(task_id.rpartition("-")[2])}
        self.hub.execute(
            "INSERT INTO app.stages (job_id, number, name, task_type, task_count)"
            " VALUES (%(job_id)s, 1, 's', 't', 1) ON CONFLICT DO NOTHING",
            **values,
        )
        self.hub.execute(
            "INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters,"
            " status, attempt, max_attempts, finished_at) VALUES (%(task_id)s, %(job_id)s, 1, %(index)s, 't',"
            " 'q', '{}', 'completed', 1, 3, clock_timestamp())",
            **values,
        )


@pytest.fixture
def chain(hub: PlatformUnderTest) -> Iterator[Chain]:
    hub.parts = replace(hub.parts, options=replace(hub.parts.options, max_source_bytes=10**6))
    with Database(hub.urls.app, pool_max=4, on_promised=lambda _: None) as database:
        yield Chain(hub, database)


def collections(hub: PlatformUnderTest) -> list[dict[str, Any]]:
    with psycopg.connect(hub.urls.reader, row_factory=dict_row) as reader:
        return reader.execute("SELECT * FROM platform.published_collections ORDER BY position").fetchall()


def count(hub: PlatformUnderTest, table: str) -> int:
    with psycopg.connect(hub.urls.reader) as reader:
        row = reader.execute(f'SELECT count(*), count(DISTINCT fid) FROM geo."{table}"'.encode()).fetchone()
    assert row
    assert row[0] == row[1]
    return int(row[0])


@pytest.fixture
def places(tmp_path: Path) -> bytes:
    """Two layers: a hundred points, and a square beside a bow tie."""
    path = tmp_path / "places.gpkg"
    points = list(shapely.points(np.arange(100) * 0.5, np.arange(100) * 0.25))
    write_geopackage(path, points, layer="wells", columns={"Name": [f"w{n}" for n in range(100)]})
    write_geopackage(path, [SQUARE, BOW_TIE], layer="areas", columns={"addr:city": ["Bonn", "Köln"]})
    return path.read_bytes()


def test_a_file_is_published_whole(chain: Chain, places: bytes) -> None:
    status = chain.publish("places.gpkg", places)

    assert status.status is RequestStatus.COMPLETED, status.error
    wells, areas = collections(chain.hub)
    assert (wells["layer"], count(chain.hub, wells["table_name"])) == ("wells", 100)
    assert (areas["layer"], count(chain.hub, areas["table_name"])) == ("areas", 2)
    columns: list[Mapping[str, Any]] = areas["characteristics"]["columns"]
    assert [(column["name"], column["source_name"]) for column in columns] == [("addr_city", "addr:city")]
    assert status.stac_metadata
    assert status.stac_metadata["id"] == status.collection_id
    report = chain.hub.router.report(status.request_id)
    assert report.processing
    assert [(t["read_count"], t["rejected_count"]) for t in report.processing["tables"]] == [(100, 0), (2, 0)]


def test_what_is_rejected_is_kept_beside_it(chain: Chain, places: bytes) -> None:
    status = chain.publish(
        "places.gpkg", places, layers=["areas"], invalid_geometry="reject", max_failed_fraction=0.5
    )

    assert status.status is RequestStatus.COMPLETED, status.error
    assert status.completed_with_errors
    assert status.endpoints
    assert "rejects" in status.endpoints
    (areas,) = collections(chain.hub)
    assert areas["collection_id"] == status.collection_id
    assert count(chain.hub, areas["table_name"]) == 1
    assert chain.hub.blobs.info(areas["data_locations"]["rejects"]).size_bytes > 0


def test_files_are_made_of_the_tables_before_they_are_published(chain: Chain, places: bytes) -> None:
    status = chain.publish("places.gpkg", places, exports=["gpkg", "csv"])

    assert status.status is RequestStatus.COMPLETED, status.error
    made = collections(chain.hub)[0]["data_locations"]["exports"]
    assert set(made) == {"gpkg", "csv"}
    assert all(chain.hub.blobs.info(uri).size_bytes > 0 for uri in made.values())


def test_a_layer_is_split_and_a_huge_geometry_has_a_companion(chain: Chain, tmp_path: Path) -> None:
    around = shapely.Point(10, 50).buffer(1, quad_segs=5_000)
    path = write_geopackage(tmp_path / "mixed.gpkg", [around, shapely.Point(1, 2)], layer="all")
    status = chain.publish("mixed.gpkg", path.read_bytes(), mixed_geometry="split", exports=["pmtiles"])

    assert status.status is RequestStatus.COMPLETED, status.error
    found = {row["family"]: row for row in collections(chain.hub)}
    assert set(found) == {"points", "polygons"}
    assert found["points"]["generalised_name"] is None
    companion = found["polygons"]["generalised_name"]
    assert companion == f"{found['polygons']['table_name']}_g"
    with psycopg.connect(chain.hub.urls.reader) as reader:
        row = reader.execute(f'SELECT count(*) FROM geo."{companion}"'.encode()).fetchone()
    assert row
    assert row[0] > 0
