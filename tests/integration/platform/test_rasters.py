"""Chains of rasters: optional steps, promotion, holes, and which blobs are published."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from geo_platform.states import RequestStatus
from infrastructure.repositories.artefacts import ArtefactRepository
from tests.integration.platform.platform_under_test import BASE, PlatformUnderTest
from tests.integration.platform.results import PIXEL_BYTES
from tests.integration.platform.stored import delete_dataset, published

RASTER = {"request_type": "raster", "source_path": "bronze/dem.tif"}
LARGE = {"request_type": "large_raster", "source_path": "bronze/dem.tif"}
COLLECTION = {"request_type": "collection", "source_path": "bronze/scenes/2024/"}
EXTRAS = {"generate_tile_cache": True, "products": ["hillshade", "contours"]}


def chain_in(hub: PlatformUnderTest, request_id: str) -> list[str]:
    """The job types of the jobs that were made, by step."""
    query = (
        "SELECT job_type FROM platform.request_jobs JOIN app.jobs USING (job_id)"
        " WHERE request_id = %(id)s ORDER BY step"
    )
    return [row["job_type"] for row in hub.rows(query, id=request_id)]


def promoting(hub: PlatformUnderTest) -> None:
    """From now on every raster is a large one."""
    hub.parts = replace(hub.parts, options=replace(hub.parts.options, raster_large_bytes=PIXEL_BYTES - 1))


def test_a_raster_is_published_with_what_was_made_besides(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(**RASTER, processing_config=EXTRAS).answer.request_id
    hub.run_chain(request_id)

    assert chain_in(hub, request_id) == [
        "validate_raster",
        "process_raster",
        "generate_tile_cache",
        "terrain_products",
        "stac_catalog_raster",
    ]
    status = hub.router.status(request_id)
    prefix = f"azure://silver/rasters/{status.collection_id}/r1"
    assert published(hub, status.collection_id)["data_locations"] == {
        "blob": f"{prefix}/cog.tif",
        "tile_cache": f"{prefix}/cache.pmtiles",
        "products": {name: f"{prefix}/{name}.tif" for name in ("hillshade", "contours")},
        "stac_collection": "ddh_rasters",
        "stac_item": status.collection_id,
    }
    assert status.endpoints
    assert status.data_characteristics
    assert status.endpoints["contours"].endswith(f"/api/platform/data/{request_id}/download?f=contours")
    assert status.data_characteristics["tile_cache"]["maxzoom"] == 4
    assert [each["name"] for each in status.data_characteristics["products"]] == ["hillshade", "contours"]
    assert "azure://silver" not in status.model_dump_json()


def test_a_raster_that_turns_out_to_be_large_becomes_a_mosaic(hub: PlatformUnderTest) -> None:
    promoting(hub)
    request_id = hub.submit(**RASTER, processing_config=EXTRAS).answer.request_id
    before = hub.router.status(request_id)
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    assert chain_in(hub, request_id) == [
        "validate_raster",
        "process_large_raster",
        "generate_tile_cache",
        "stac_catalog_tiles",
    ]
    assert status.data_type == before.data_type == "raster"
    assert status.progress.total_steps == before.progress.total_steps == 5
    assert any("terrain products" in warning.lower() for warning in status.warnings)
    assert status.endpoints
    assert status.endpoints["tiles"].startswith(f"{BASE}/api/mosaic/{status.collection_id}/tiles/")
    assert "hillshade" not in status.endpoints
    assert published(hub, status.collection_id)["data_locations"]["mosaic"].endswith("/mosaic.json")


def test_the_percent_never_falls_and_the_steps_only_go_forward(hub: PlatformUnderTest) -> None:
    promoting(hub)
    request_id = hub.submit(**RASTER, processing_config=EXTRAS).answer.request_id
    seen = []
    for step in (0, 1, 2, 4):
        seen.append(hub.router.status(request_id))
        hub.completion.on_job_terminal(hub.run_step(request_id, step))
    seen.append(hub.router.status(request_id))

    percents = [status.progress_percent for status in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert [status.progress.steps_completed for status in seen] == [0, 1, 2, 4, 5]
    assert {status.progress.total_steps for status in seen} == {5}


def test_all_that_the_winning_attempts_made_is_published_and_nothing_else(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(**LARGE).answer.request_id
    hub.run_chain(request_id)

    rows = hub.rows("SELECT location, state FROM app.artefacts")
    state = {row["location"].rpartition("/")[2]: row["state"] for row in rows}
    winners = {name: state[name] for name in state if not name.endswith("-lost")}
    assert winners == {
        **{f"tile_{number}.tif": "published" for number in range(3)},
        **dict.fromkeys(("mosaic.json", "parts.jsonl", "overview.tif", "scheme.geojson"), "published"),
        "plan.json": "staged",
        "mosaic.json-items.jsonl": "staged",
    }
    assert {state[name] for name in state if name.endswith("-lost")} == {"staged"}

    with hub.parts.transactions() as tx:
        swept = ArtefactRepository(tx.connection).abandoned(keep_failed=timedelta(0), limit=100)
    names = {artefact["location"].rpartition("/")[2] for artefact in swept}
    assert names == {name for name in state if state[name] == "staged"}


@pytest.mark.parametrize("state", ["failed", "processing"])
def test_what_no_completed_task_has_made_is_not_published(hub: PlatformUnderTest, state: str) -> None:
    """The part of a hole, or of a task that still runs; and what the summary names must be there."""
    request_id = hub.submit(**LARGE).answer.request_id
    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    making = hub.run_step(request_id, 1)
    hub.execute(
        "UPDATE app.tasks SET status = %(state)s, finished_at = CASE %(state)s WHEN 'failed' THEN now() END,"
        " lease_until = CASE %(state)s WHEN 'processing' THEN now() END WHERE job_id = %(id)s",
        state=state,
        id=making,
    )
    hub.completion.on_job_terminal(making)
    last = hub.run_step(request_id, 2)
    hub.completion.on_job_terminal(last)

    status = hub.router.status(request_id)
    assert status.error
    assert status.error.code == "FINALIZE_FAILED"
    assert hub.value("SELECT count(*) FROM app.artefacts WHERE state = 'published'") == 0


def test_a_mosaic_is_a_stac_collection_of_its_own(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(**COLLECTION).answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    assert status.data_type == "raster_collection"
    assert status.stac_metadata
    assert (status.stac_metadata["type"], status.stac_metadata["id"]) == ("Collection", status.collection_id)
    assert items_of(hub, status.collection_id) == ["part_0", "part_1"]
    assert status.endpoints
    assert status.endpoints["stac_items"] == (f"{BASE}/api/stac/collections/{status.collection_id}/items")
    assert "stac_item" not in published(hub, status.collection_id)["data_locations"]
    assert {link.rel for link in status.links} >= {"collection", "report", "self"}


def items_of(hub: PlatformUnderTest, collection_id: str) -> list[str]:
    query = "SELECT id FROM pgstac.items WHERE collection = %(id)s ORDER BY id"
    return [row["id"] for row in hub.rows(query, id=collection_id)]


def test_a_new_revision_of_a_mosaic_replaces_its_items(hub: PlatformUnderTest) -> None:
    first = hub.submit(**LARGE).answer
    hub.run_chain(first.request_id)
    collection_id = hub.router.status(first.request_id).collection_id
    assert items_of(hub, collection_id) == ["part_0", "part_1", "part_2"]
    before = published(hub, collection_id)

    delete_dataset(hub)
    second = hub.submit(**COLLECTION).answer
    hub.run_chain(second.request_id)

    after = published(hub, collection_id)
    assert second.revision == 2
    assert items_of(hub, collection_id) == ["part_0", "part_1"]
    assert hub.value("SELECT count(*) FROM pgstac.collections") == 1
    assert after["data_locations"]["mosaic"] == before["data_locations"]["mosaic"].replace("/r1/", "/r2/")
    assert after["request_id"] == second.request_id
    states = hub.rows(
        "SELECT DISTINCT state, location LIKE '%%/r1/%%' AS old FROM app.artefacts WHERE state <> 'staged'"
    )
    assert {(row["state"], row["old"]) for row in states} == {("retired", True), ("published", False)}


@pytest.mark.parametrize(("first", "second"), [(RASTER, LARGE), (LARGE, RASTER)])
def test_a_revision_of_another_shape_leaves_no_stac_documents_behind(
    hub: PlatformUnderTest, first: dict[str, Any], second: dict[str, Any]
) -> None:
    hub.run_chain(hub.submit(**first).answer.request_id)
    delete_dataset(hub)
    request_id = hub.submit(**second).answer.request_id
    hub.run_chain(request_id)

    collection_id = hub.router.status(request_id).collection_id
    own = hub.value("SELECT count(*) FROM pgstac.items WHERE collection = %(id)s", id=collection_id)
    shared = hub.value("SELECT count(*) FROM pgstac.items WHERE collection = 'ddh_rasters'")
    assert (own, shared) == ((3, 0) if second is LARGE else (0, 1))


def test_nothing_of_a_mosaic_is_seen_when_its_items_are_not_all_there(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(**LARGE).answer.request_id
    for step in (0, 1):
        hub.completion.on_job_terminal(hub.run_step(request_id, step))
    last = hub.run_step(request_id, 2, item_count=4)
    hub.completion.on_job_terminal(last)

    status = hub.router.status(request_id)
    assert status.status is RequestStatus.FAILED
    assert hub.value("SELECT count(*) FROM pgstac.collections") == 0
    assert hub.value("SELECT count(*) FROM app.artefacts WHERE state = 'published'") == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: {**item, "collection": "ddh_rasters"},
        lambda item: {**item, "id": "part_1"},
    ],
)
def test_items_of_another_collection_or_named_twice_are_refused(hub: PlatformUnderTest, spoil: Any) -> None:
    request_id = hub.submit(**LARGE).answer.request_id
    for step in (0, 1):
        hub.completion.on_job_terminal(hub.run_step(request_id, step))
    last = hub.run_step(request_id, 2)
    uri = hub.value("SELECT result ->> 'items_uri' FROM app.jobs WHERE job_id = %(id)s", id=last)
    lines = b"".join(hub.blobs.open_range(uri)).decode().splitlines()
    lines[0] = json.dumps(spoil(json.loads(lines[0])))
    hub.blobs.put(uri, "\n".join(lines).encode())
    hub.completion.on_job_terminal(last)

    assert hub.router.status(request_id).status is RequestStatus.FAILED
    assert hub.value("SELECT count(*) FROM pgstac.items") == 0


def test_what_is_missing_is_said(hub: PlatformUnderTest) -> None:
    """One file was refused by the validation, another could not be converted."""
    request_id = hub.submit(**COLLECTION, processing_config={"max_failed_fraction": 0.5}).answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    assert status.status is RequestStatus.COMPLETED
    assert status.completed_with_errors is True
    assert status.warnings[0] == "2 of 4 parts are missing: bad (CRS_MISSING), torn (RASTER_UNREADABLE)."
    assert status.message == f"Published. {status.warnings[0]}"
    report = hub.router.report(request_id)
    assert report.missing.count == 2
    assert [part["name"] for part in report.missing.parts] == ["bad", "torn"]


def test_nothing_is_missing_of_what_is_whole(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(**LARGE).answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    assert status.completed_with_errors is False
    assert status.message == "Published."


def test_a_mosaic_without_an_overview_is_published_without_a_picture_of_the_whole(
    hub: PlatformUnderTest,
) -> None:
    request_id = hub.submit(**COLLECTION, processing_config={"generate_tile_cache": True}).answer.request_id
    hub.run_chain(request_id, create_mosaic_json={"overview_uri": None})

    status = hub.router.status(request_id)
    assert status.status is RequestStatus.COMPLETED
    assert "generate_tile_cache" not in chain_in(hub, request_id)
    assert status.endpoints
    assert not {"download", "preview", "tile_cache", "scheme"} & status.endpoints.keys()
    assert "overview" not in published(hub, status.collection_id)["data_locations"]
    assert any("no tile cache" in warning for warning in status.warnings)
