"""A collection of several kinds of files: one dataset of several mosaics, published and replaced as one."""

from typing import Any

import pytest

from core.errors import ContractViolation
from tests.integration.platform.platform_under_test import PlatformUnderTest
from tests.integration.platform.stored import delete_dataset, published

FOLDER = {"request_type": "raster_collection", "source_path": "bronze/scenes/2024/"}
OPTIONS = {"max_failed_fraction": 0.5, "generate_tile_cache": True}
SPLIT = {**FOLDER, "processing_config": {**OPTIONS, "on_mixed": "split"}}
PLAIN = {**FOLDER, "processing_config": OPTIONS}
VIEW = "SELECT * FROM platform.published_mosaics ORDER BY position"


def publish(hub: PlatformUnderTest, body: dict[str, Any]) -> Any:
    """Its status."""
    request_id = hub.submit(**body).answer.request_id
    hub.run_chain(request_id)
    status = hub.router.status(request_id)
    assert status.status == "completed", status.error
    return status


def test_the_first_mosaic_is_the_dataset_and_the_others_stand_beside_it(hub: PlatformUnderTest) -> None:
    status = publish(hub, SPLIT)
    first = published(hub, status.collection_id)
    (beside,) = hub.rows(VIEW)
    assert beside["collection_id"] == f"{status.collection_id}_m2"
    assert beside["dataset_collection_id"] == status.collection_id
    assert beside["request_id"] == status.request_id
    assert first["data_locations"].keys() - beside["data_locations"].keys() == {"stac_collection"}
    for place in ("mosaic", "parts", "overview", "tile_cache"):
        assert first["data_locations"][place] != beside["data_locations"][place], place
    known, other = first["data_characteristics"], beside["data_characteristics"]
    assert (known["classification"], other["classification"]) == ("rgb", "dem")
    assert "rendering" in other
    assert "mosaics" not in other
    assert not [name for name in other if name.endswith("_uri")]


def test_the_status_lists_all_mosaics_with_their_addresses(hub: PlatformUnderTest) -> None:
    status = publish(hub, SPLIT)
    first, second = status.data_characteristics["mosaics"]
    assert first["collection_id"] == status.collection_id
    assert first["tilejson"] == status.endpoints["tilejson"]
    (beside,) = hub.rows(VIEW)
    assert {name: second[name] for name in beside["endpoints"]} == beside["endpoints"]
    assert (second["collection_id"], second["title"]) == (beside["collection_id"], beside["title"])
    assert [each["part_count"] + each["missing_count"] for each in (first, second)] == [3, 1]
    assert second["missing"] == []


def test_what_is_missing_is_told_of_all_mosaics_together(hub: PlatformUnderTest) -> None:
    status = publish(hub, SPLIT)
    assert status.completed_with_errors
    assert status.warnings[0].startswith("2 of 4 parts are missing: bad (CRS_MISSING), torn (")
    report = hub.router.report(status.request_id)
    assert report.missing.count == 2
    assert report.processing
    assert [each["classification"] for each in report.processing["others"]] == ["dem"]


def test_the_blobs_of_all_mosaics_are_published(hub: PlatformUnderTest) -> None:
    publish(hub, SPLIT)
    rows = hub.rows("SELECT location FROM app.artefacts WHERE state = 'published' AND kind = 'blob'")
    kept = {row["location"].rpartition("/")[2] for row in rows}
    for end in ("", "_1"):
        assert {f"parts{end}.jsonl", f"mosaic{end}.json", f"overview{end}.tif", f"cache{end}.pmtiles"} <= kept


def test_a_blob_of_a_further_mosaic_that_nobody_announced_is_not_published(hub: PlatformUnderTest) -> None:
    """The sweeper would delete it under the readers."""
    request_id = hub.submit(**SPLIT).answer.request_id
    for step in range(2):
        hub.completion.on_job_terminal(hub.run_step(request_id, step))
    made = hub.run_step(request_id, 2)
    hub.execute("DELETE FROM app.artefacts WHERE location LIKE '%%/overview_1.tif'")
    hub.completion.on_job_terminal(made)
    for step in (3, 4):
        hub.completion.on_job_terminal(hub.run_step(request_id, step))
    status = hub.router.status(request_id)
    assert status.error
    assert (status.status, status.error.code) == ("failed", "FINALIZE_FAILED")
    assert status.error.context["cause"] == ContractViolation.default_code
    assert hub.rows(VIEW) == []


@pytest.mark.parametrize(
    ("before", "after", "left"), [(SPLIT, PLAIN, 0), (PLAIN, SPLIT, 1), (SPLIT, SPLIT, 1)]
)
def test_a_revision_replaces_all_mosaics_of_the_one_before(
    hub: PlatformUnderTest, before: dict[str, Any], after: dict[str, Any], left: int
) -> None:
    old = publish(hub, before)
    delete_dataset(hub)
    assert hub.rows(VIEW) == []
    new = publish(hub, after)
    assert new.collection_id == old.collection_id
    assert new.request_id != old.request_id
    assert [row["request_id"] for row in hub.rows(VIEW)] == [new.request_id] * left
    assert hub.value("SELECT count(*) FROM platform.mosaics") == left
    assert (
        hub.value("SELECT count(*) FROM app.artefacts WHERE state = 'published' AND location LIKE '%%/r1/%%'")
        == 0
    )


def test_rows_that_older_code_has_left_are_not_served(hub: PlatformUnderTest) -> None:
    """It replaces a revision without knowing of the table."""
    publish(hub, SPLIT)
    rows = hub.rows("SELECT * FROM platform.mosaics")
    delete_dataset(hub)
    new = publish(hub, PLAIN)
    hub.execute(
        "INSERT INTO platform.mosaics (collection_id, dataset_key, request_id, position, title, locations,"
        " characteristics, endpoints) VALUES (%(collection_id)s, %(dataset_key)s, %(request_id)s, 1, 't',"
        " '{}', '{}', '{}')",
        **{name: rows[0][name] for name in ("collection_id", "dataset_key", "request_id")},
    )
    assert hub.rows(VIEW) == []
    assert published(hub, new.collection_id)["request_id"] == new.request_id
