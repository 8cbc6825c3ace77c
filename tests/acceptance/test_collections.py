"""A collection of rasters, one of which cannot be published: what the client gets, and that it answers."""

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import requests
from azure.storage.blob import BlobServiceClient
from rasterio.transform import from_origin

from tests.acceptance.hub import Hub

pytestmark = pytest.mark.filterwarnings("ignore:The dataset has no Overviews")
_PLACE = {"z": 9, "x": 268, "y": 180, "lon": 9.03, "lat": 46.985}


@pytest.fixture(scope="module")
def folder(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three neighbours of 300 x 300 pixels in UTM, the last of them without a CRS; and a note."""
    directory = tmp_path_factory.mktemp("scenes")
    name = uuid.uuid4().hex[:8]
    with BlobServiceClient.from_connection_string(hub.stack.azurite.connection_string) as service:
        bronze = service.get_container_client("bronze")
        for number, crs in enumerate(("EPSG:32632", "EPSG:32632", None)):
            bronze.upload_blob(f"{name}/scene_{number}.tif", _scene(directory, number, crs))
        bronze.upload_blob(f"{name}/readme.txt", b"three scenes")
    return f"bronze/{name}/"


def _scene(directory: Path, number: int, crs: str | None) -> bytes:
    path = directory / f"{number}.tif"
    values = np.random.default_rng(number).integers(1, 2000, (300, 300)).astype("int16")
    with rasterio.open(
        path, "w", driver="GTiff", width=300, height=300, count=1, dtype="int16", nodata=0, crs=crs,
        transform=from_origin(500_000 + number * 3000, 5_205_000, 10, 10),
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return path.read_bytes()


@pytest.fixture(scope="module")
def status(hub: Hub, folder: str) -> dict[str, Any]:
    options = {"max_failed_fraction": 0.4, "generate_tile_cache": True, "default_colormap": "magma"}
    return hub.publish("mosaic", folder, processing_config=options)


def test_one_file_of_three_is_missing_and_named(hub: Hub, status: dict[str, Any]) -> None:
    assert status["data_type"] == "raster_collection"
    assert status["completed_with_errors"] is True
    assert status["warnings"][0].startswith("1 of 3 parts is missing: scene_2 (")
    report = hub.get(next(link["href"] for link in status["links"] if link["rel"] == "report")).json()
    assert report["published_as"] == "mosaic"
    assert report["missing"]["count"] == 1
    assert report["validation"]["file_count"] == 2
    assert {step["status"] for step in report["steps"]} == {"completed"}


def test_the_same_collection_without_patience_is_refused(hub: Hub, folder: str) -> None:
    answer = hub.submit(hub.body("collection", folder))
    ended = hub.wait(answer.json()["status_url"])
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "COLLECTION_FILES_REFUSED"
    assert ended["error"]["remedy"]


def test_every_address_answers(hub: Hub, status: dict[str, Any]) -> None:
    for name, url in status["endpoints"].items():
        answer = hub.get(url.format(**_PLACE, name="scene_0"))
        assert answer.status_code == 200, (name, answer.url, answer.text[:200])
        assert answer.content, name


def test_the_catalogue_has_the_files_as_items(hub: Hub, status: dict[str, Any]) -> None:
    collection = hub.get(status["endpoints"]["stac_collection"]).json()
    items = hub.get(status["endpoints"]["stac_items"]).json()["features"]
    assert collection["id"] == status["collection_id"] == status["stac_metadata"]["id"]
    assert sorted(item["id"] for item in items) == ["scene_0", "scene_1"]
    found = requests.post(
        f"{hub.base_url}/api/stac/search",
        json={"collections": [collection["id"]], "ids": ["scene_1"]},
        timeout=30,
    ).json()
    assert [item["id"] for item in found["features"]] == ["scene_1"]


def test_nothing_but_what_is_published_is_kept(hub: Hub, status: dict[str, Any]) -> None:
    """The lists and items that only served the jobs are the sweeper's; the parts are not."""
    rows = hub.rows(
        "SELECT location, state, temporary FROM app.artefacts JOIN platform.request_jobs USING (job_id)"
        f" WHERE request_id = '{status['request_id']}'"
    )
    published = {location for location, state, _ in rows if state == "published"}
    assert all((state == "published") is not temporary for _, state, temporary in rows)
    assert len([location for location in published if location.endswith(".tif")]) == 2 + 1  # and the overview


def test_a_collection_is_submitted_once(hub: Hub, folder: str) -> None:
    body = hub.body("raster_collection", folder, processing_config={"max_failed_fraction": 0.4})
    first = hub.submit(body)
    again = hub.submit({**body, "request_type": "collection"})
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["request_id"] == first.json()["request_id"]
    assert hub.wait(first.json()["status_url"])["status"] == "completed"
