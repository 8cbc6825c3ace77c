"""What follows the end of a job: once, in order, all or nothing, and never silence."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import psycopg
import pytest

from core.errors import TransientError, Unavailable
from geo_platform.completion import MAX_FINALIZE_ATTEMPTS
from infrastructure.repositories.published_tables import publish_table
from tests.integration.platform.platform_under_test import BASE, PlatformUnderTest

NOTHING = {"table": False, "item": False, "dataset": False, "completed": False, "version": 0}
EVERYTHING = {"table": True, "item": True, "dataset": True, "completed": True, "version": 1}


def visible(hub: PlatformUnderTest, request_id: str) -> dict[str, Any]:
    """What a reader with a connection of its own sees of the dataset, in one statement."""
    return hub.rows(
        """
        SELECT to_regclass(format('geo.%%I', d.collection_id || '_r' || r.revision)) IS NOT NULL AS "table",
               EXISTS (SELECT 1 FROM pgstac.items i WHERE i.id = d.collection_id) AS item,
               EXISTS (SELECT 1 FROM platform.published_datasets p
                       WHERE p.dataset_key = d.dataset_key) AS dataset,
               r.status = 'completed' AS completed,
               (SELECT version FROM platform.catalog_version) AS version
        FROM platform.requests r JOIN app.datasets d USING (dataset_key) WHERE r.request_id = %(id)s
        """,
        id=request_id,
    )[0]


def job_types(hub: PlatformUnderTest) -> list[str]:
    return [row["job_type"] for row in hub.rows("SELECT job_type FROM app.jobs ORDER BY created_at")]


def artefacts(hub: PlatformUnderTest) -> list[tuple[str, bool]]:
    """(state, is it what a lost attempt left?) of each artefact."""
    rows = hub.rows("SELECT state, location LIKE '%%-lost' AS lost FROM app.artefacts ORDER BY artefact_id")
    return [(row["state"], row["lost"]) for row in rows]


def test_a_vector_chain_is_published(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    assert status.status == "completed"
    assert status.progress_percent == 100
    assert status.endpoints == status.api_endpoints
    collection = f"{BASE}/api/ogc/features/collections/{status.collection_id}"
    assert status.endpoints
    assert status.endpoints["items"] == f"{collection}/items"
    assert status.data_characteristics
    assert status.data_characteristics["feature_count"] == 1
    assert "table" not in status.data_characteristics
    assert status.warnings == ("one name was shortened",)
    assert status.stac_metadata
    assert status.stac_metadata["collection"] == "ddh_vectors"
    assert visible(hub, request_id) == EVERYTHING
    of_plan = [("staged", True), ("staged", False)]
    assert artefacts(hub) == [("staged", True), ("published", False), *of_plan]
    with psycopg.connect(hub.urls.reader) as reader:
        assert reader.execute(f'SELECT count(*) FROM geo."{status.collection_id}_r1"').fetchone() == (1,)


def test_a_raster_chain_is_published(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(request_type="raster", source_path="bronze/dem.tif").answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    published = hub.rows("SELECT * FROM platform.published_datasets")[0]
    assert status.status == "completed"
    assert published["blob_uri"] == f"azure://silver/rasters/{status.collection_id}/r1/cog.tif"
    assert published["stac_collection"] == "ddh_rasters"
    assert status.warnings == ("no overviews",)
    assert job_types(hub) == ["validate_raster", "process_raster", "stac_catalog_raster"]
    assert artefacts(hub) == [("staged", True), ("published", False)]


def test_the_search_path_of_the_session_does_not_matter(hub: PlatformUnderTest) -> None:
    def on_a_bare_path(connection: Any, staging: str, collection_id: str) -> None:
        publish_table(connection, staging, collection_id)
        connection.execute("SET LOCAL search_path = staging")

    hub.parts = replace(hub.parts, publish_table=on_a_bare_path)
    request_id = hub.submit().answer.request_id
    hub.run_chain(request_id)

    assert visible(hub, request_id) == EVERYTHING


def test_the_collection_spans_its_items(hub: PlatformUnderTest) -> None:
    hub.run_chain(hub.submit().answer.request_id)
    extent = "SELECT content #> '{extent,spatial,bbox,0}' FROM pgstac.collections WHERE id = 'ddh_vectors'"
    assert hub.value(extent) == [1.0, 2.0, 1.0, 2.0]

    hub.execute(
        "UPDATE pgstac.collections"
        " SET content = jsonb_set(content, '{extent,spatial,bbox,0}', '[-5, 0, 0, 1]')"
    )
    hub.run_chain(hub.submit(version_id="v2").answer.request_id)
    assert hub.value(extent) == [-5, 0, 1.0, 2.0]


def test_every_word_of_an_end_counts_once(hub: PlatformUnderTest) -> None:
    """Eight times at once after each step, and once more for the first step at the very end."""
    request_id = hub.submit().answer.request_id
    for step in (0, 1):
        tell_at_once(hub, hub.run_step(request_id, step), times=8)
    hub.completion.on_job_terminal(hub.job_of(request_id, 0))

    assert job_types(hub) == ["ingest_vector", "stac_catalog_vectors"]
    assert visible(hub, request_id) == EVERYTHING
    assert [entry["status"] for entry in hub.value("SELECT status_history FROM app.datasets")] == [
        "requested",
        "provisioning",
        "processing",
        "ready",
    ]


def test_a_word_that_comes_too_early_or_for_no_request_changes_nothing(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.completion.on_job_terminal(hub.job_of(request_id, 0))
    hub.completion.on_job_terminal("0" * 64)

    assert job_types(hub) == ["ingest_vector"]
    assert hub.router.status(request_id).status == "pending"


def test_nothing_is_seen_before_all_of_it_is(hub: PlatformUnderTest) -> None:
    seen: list[dict[str, Any]] = []

    def publish_and_look(connection: Any, staging: str, collection_id: str) -> None:
        publish_table(connection, staging, collection_id)
        seen.append(
            hub.rows(
                "SELECT (SELECT count(*) FROM platform.published_datasets) AS datasets,"
                " (SELECT version FROM platform.catalog_version) AS version,"
                " to_regclass(%(name)s) IS NULL AS absent",
                name=f'geo."{collection_id}"',
            )[0]
        )

    hub.parts = replace(hub.parts, publish_table=publish_and_look)
    request_id = hub.submit().answer.request_id
    hub.run_chain(request_id)

    assert seen == [{"datasets": 0, "version": 0, "absent": True}]
    assert visible(hub, request_id) == EVERYTHING


def lose_the_artefact(hub: PlatformUnderTest) -> None:
    hub.execute("DELETE FROM app.artefacts")


def rename_the_item(hub: PlatformUnderTest) -> None:
    hub.execute(
        """UPDATE app.jobs SET result = jsonb_set(result, '{item,id}', '"other"') WHERE result ? 'item'"""
    )


def steal_the_dataset(hub: PlatformUnderTest) -> None:
    hub.execute("UPDATE app.datasets SET status = 'failed'")


@pytest.mark.parametrize("break_it", [lose_the_artefact, rename_the_item, steal_the_dataset])
def test_a_broken_promise_publishes_nothing_and_fails_the_request(
    hub: PlatformUnderTest, break_it: Callable[[PlatformUnderTest], None]
) -> None:
    request_id = ready_to_publish(hub)
    break_it(hub)
    hub.completion.on_job_terminal(hub.job_of(request_id, 1))

    status = hub.router.status(request_id)
    assert visible(hub, request_id) == NOTHING
    assert status.status == "failed"
    assert status.error
    assert (status.error.code, status.error.context) == ("FINALIZE_FAILED", {"cause": "CONTRACT_VIOLATION"})
    assert hub.value("SELECT status FROM app.datasets") == "failed"


def test_an_unexpected_fault_is_tried_again_and_then_given_up(hub: PlatformUnderTest) -> None:
    def fall_over(connection: Any, staging: str, collection_id: str) -> None:
        publish_table(connection, staging, collection_id)
        raise RuntimeError("password=hunter2")

    request_id = ready_to_publish(hub)
    sound, hub.parts = hub.parts, replace(hub.parts, publish_table=fall_over)
    last = hub.job_of(request_id, 1)
    for _ in range(MAX_FINALIZE_ATTEMPTS - 1):
        with pytest.raises(TransientError):
            hub.completion.on_job_terminal(last)
        assert hub.router.status(request_id).status == "processing"
    hub.completion.on_job_terminal(last)

    status = hub.router.status(request_id)
    assert status.error
    assert status.error.code == "FINALIZE_FAILED"
    assert "hunter2" not in status.model_dump_json()
    assert visible(hub, request_id) == NOTHING
    hub.parts = sound
    hub.completion.on_job_terminal(last)
    assert visible(hub, request_id) == NOTHING


def test_a_fault_that_passes_is_no_failure(hub: PlatformUnderTest) -> None:
    def refuse(connection: Any, staging: str, collection_id: str) -> None:
        raise RuntimeError

    request_id = ready_to_publish(hub)
    last = hub.job_of(request_id, 1)
    sound, hub.parts = hub.parts, replace(hub.parts, publish_table=refuse)
    with pytest.raises(TransientError):
        hub.completion.on_job_terminal(last)
    hub.parts = sound
    hub.completion.on_job_terminal(last)

    assert visible(hub, request_id) == EVERYTHING


def test_a_lock_that_is_held_is_waited_for_and_not_counted(hub: PlatformUnderTest) -> None:
    request_id = ready_to_publish(hub)
    with psycopg.connect(hub.urls.admin) as other:
        other.execute("SELECT 1 FROM platform.catalog_version FOR UPDATE")
        with pytest.raises(Unavailable):
            hub.completion.on_job_terminal(hub.job_of(request_id, 1))
    hub.completion.on_job_terminal(hub.job_of(request_id, 1))

    assert visible(hub, request_id) == EVERYTHING
    assert "finalize_attempts" not in hub.value("SELECT processing_metadata FROM platform.requests")


@pytest.mark.parametrize(
    ("status", "error", "code", "dataset"),
    [
        (
            "failed",
            {"code": "CRS_MISSING", "message": "No CRS.", "remedy": "Add one.", "stage": 1, "task_id": "t1"},
            "CRS_MISSING",
            "failed",
        ),
        ("cancelled", None, "CANCELLED", "cancelled"),
    ],
)
def test_a_job_that_ends_badly_ends_the_request(
    hub: PlatformUnderTest, status: str, error: dict[str, Any] | None, code: str, dataset: str
) -> None:
    request_id = hub.submit().answer.request_id
    job_id = hub.job_of(request_id, 0)
    hub.end_job(job_id, status=status, error=error)
    tell_at_once(hub, job_id, times=4)

    answer = hub.router.status(request_id)
    assert answer.status == "failed"
    assert answer.error
    assert answer.error.code == code
    assert answer.error.remedy
    assert answer.error.step == "ingest_vector"
    assert answer.endpoints is None
    assert hub.value("SELECT status FROM app.datasets") == dataset
    assert job_types(hub) == ["ingest_vector"]


def test_what_nobody_was_told_is_found(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.run_step(request_id, 0)

    assert hub.completion.catch_up(timedelta(minutes=1)) == 0
    assert hub.completion.catch_up(timedelta(0)) == 1
    assert hub.completion.catch_up(timedelta(0)) == 0
    assert job_types(hub) == ["ingest_vector", "stac_catalog_vectors"]


def test_publications_at_once_all_arrive(hub: PlatformUnderTest) -> None:
    """They meet in the STAC collection, its partition, and the version of the catalogue."""
    ids = [hub.submit(version_id=f"v{number}").answer.request_id for number in range(6)]
    for request_id in ids:
        hub.completion.on_job_terminal(hub.run_step(request_id, 0))
        hub.run_step(request_id, 1)
    barrier = Barrier(len(ids))

    def publish(request_id: str) -> None:
        barrier.wait()
        hub.completion.on_job_terminal(hub.job_of(request_id, 1))

    with ThreadPoolExecutor(len(ids)) as pool:
        for future in [pool.submit(publish, request_id) for request_id in ids]:
            future.result()

    assert hub.value("SELECT count(*) FROM platform.published_datasets") == len(ids)
    assert hub.value("SELECT count(*) FROM pgstac.items") == len(ids)
    assert hub.value("SELECT version FROM platform.catalog_version") == len(ids)


def ready_to_publish(hub: PlatformUnderTest) -> str:
    """A vector request of which the last job has ended, and nobody has been told."""
    request_id = hub.submit().answer.request_id
    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    hub.run_step(request_id, 1)
    return request_id


def tell_at_once(hub: PlatformUnderTest, job_id: str, *, times: int) -> None:
    """Say that a job has ended, several times at the same moment."""
    barrier = Barrier(times)

    def tell() -> None:
        barrier.wait()
        hub.completion.on_job_terminal(job_id)

    with ThreadPoolExecutor(times) as pool:
        for future in [pool.submit(tell) for _ in range(times)]:
            future.result()
