"""Submitting collections: what is looked at in the request, and what is left to a job."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.errors import InvalidRequest, NotFound, TransientError, Unavailable
from core.ports import BlobInfo
from geo_platform.errors import IdentityConflict
from tests.blobs import DirectoryBlobStore
from tests.integration.platform.platform_under_test import PlatformUnderTest, body_with
from tests.integration.platform.stored import counts, errors

FOLDER = {"request_type": "raster_collection", "source_path": "bronze/scenes/2024/"}
NAMES: dict[str, Any] = {
    "request_type": "mosaic",
    "source_path": None,
    "blob_paths": ["bronze/scenes/2024/b.tif", "bronze/scenes/2024/a.tif"],
}


def first_parameters(hub: PlatformUnderTest, request_id: str) -> dict[str, Any]:
    parameters: dict[str, Any] = hub.value(
        "SELECT parameters FROM app.jobs WHERE job_id = %(id)s", id=hub.job_of(request_id, 0)
    )
    return parameters


def test_a_folder_is_left_to_the_job(hub: PlatformUnderTest) -> None:
    hub.parts = replace(hub.parts, options=replace(hub.parts.options, collection_max_files=77))
    answer = hub.submit(**FOLDER, processing_config={"on_mixed": "groups", "max_failed_fraction": 0.1}).answer

    parameters = first_parameters(hub, answer.request_id)
    sources = {name: value for name, value in parameters["sources"].items() if value is not None}
    assert sources == {"prefix": "azure://bronze/scenes/2024"}
    assert (parameters["on_mixed"], parameters["max_files"]) == ("groups", 77)
    assert parameters["max_failed_fraction"] == 0.1


def test_names_reach_the_job_and_the_row_is_short(hub: PlatformUnderTest) -> None:
    answer = hub.submit(**NAMES).answer
    paths = first_parameters(hub, answer.request_id)["sources"]["paths"]
    assert paths == ["azure://bronze/scenes/2024/a.tif", "azure://bronze/scenes/2024/b.tif"]
    stored = hub.value("SELECT source_path FROM platform.requests")
    assert stored == "azure://bronze/scenes/2024/a.tif and 1 more"


def test_ten_thousand_names_are_taken(hub: PlatformUnderTest) -> None:
    paths = [f"bronze/scenes/2024/tile_{number:05}.tif" for number in range(10_000)]
    hub.blobs.put(paths[0], b"there")
    answer = hub.submit(**{**NAMES, "blob_paths": paths}).answer
    assert len(first_parameters(hub, answer.request_id)["sources"]["paths"]) == 10_000
    assert hub.router.status(answer.request_id).status == "pending"


@pytest.mark.parametrize(
    "changes",
    [
        {**FOLDER, "source_path": "bronze/nothing/here/"},
        {**FOLDER, "source_path": None, "blob_pattern": "bronze/nothing/*.tif"},
        {**NAMES, "blob_paths": ["bronze/nothing.tif"]},
    ],
)
def test_where_there_is_nothing_the_request_is_refused(
    hub: PlatformUnderTest, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotFound) as caught:
        hub.submit(**changes)
    assert errors(caught.value) == "SOURCE_NOT_FOUND"
    assert counts(hub) == {"datasets": 0, "requests": 0, "jobs": 0, "request_jobs": 0, "outbox": 0}


class OneGlance(DirectoryBlobStore):
    """Lists one blob, and breaks for whoever wants another."""

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        yield next(super().list_blobs(container, prefix))
        raise AssertionError("the listing is the job's work")


def test_a_listing_is_not_read_to_its_end_in_the_request(hub: PlatformUnderTest) -> None:
    hub.parts = replace(hub.parts, storage=OneGlance(hub.directory))
    hub.submit(**FOLDER)


def test_a_storage_that_is_down_is_no_fault_of_the_client(hub: PlatformUnderTest) -> None:
    class Silent(DirectoryBlobStore):
        def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
            raise TransientError("no answer", code="STORAGE_TIMEOUT")

    hub.parts = replace(hub.parts, storage=Silent(hub.directory))
    with pytest.raises(Unavailable):
        hub.submit(**FOLDER)


def test_other_blobs_of_the_same_number_are_another_content(hub: PlatformUnderTest) -> None:
    hub.submit(**NAMES)
    assert hub.submit(**{**NAMES, "blob_paths": sorted(NAMES["blob_paths"])}).replayed
    other = ["bronze/scenes/2024/a.tif", "bronze/scenes/2024/c.tif"]
    with pytest.raises(IdentityConflict) as caught:
        hub.submit(**{**NAMES, "blob_paths": other})
    assert [entry["loc"] for entry in caught.value.field_errors] == ["blob_paths"]


def test_a_plan_names_the_place_and_the_steps(hub: PlatformUnderTest) -> None:
    plan = hub.router.plan(body_with(**FOLDER, processing_config={"generate_tile_cache": True}))
    assert plan.source
    assert (plan.source.uri, plan.source.etag) == ("azure://bronze/scenes/2024/", None)
    assert [step.job_type for step in plan.plan][-2:] == ["generate_tile_cache", "stac_catalog_collection"]
    assert counts(hub)["requests"] == 0


def test_refused_options_leave_nothing(hub: PlatformUnderTest) -> None:
    with pytest.raises(InvalidRequest) as caught:
        hub.submit(**FOLDER, processing_config={"tile_size": 4096, "cog_teir": "archive"})
    assert {entry["loc"] for entry in caught.value.field_errors} == {
        "processing_config.tile_size",
        "processing_config.cog_teir",
    }
    assert counts(hub)["datasets"] == 0
