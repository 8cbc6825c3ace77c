"""A tile of a large raster that cannot be made: tried again alone, or left out and named."""

import contextlib
import time
from pathlib import Path
from typing import Any

import requests
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

from tests.acceptance.hub import Hub

INDEX = 4  # of nine tiles, the one in the middle
_CONVERSION = 3  # the stage
_JOB = """
SELECT job_id, parameters ->> 'target_prefix' FROM app.jobs
WHERE platform_request_id = '{}' AND job_type = 'process_large_raster'
"""
_TILES = """
SELECT t.task_id, t.status, t.attempt FROM app.tasks t
WHERE job_id = '{}' AND stage = 3 ORDER BY task_index
"""


def failed_tile(hub: Hub, hills: Path, **processing: Any) -> tuple[str, str]:
    """Submit a raster of which one tile cannot be made; the URL of its status, and the job.

    Something lies already where the first attempt wants to put its COG, and no blob is ever overwritten.
    """
    source = hub.upload("hills.tif", hills.read_bytes())
    config = {"tile_size": 256, "blocksize": 256, **processing}
    for _ in range(5):  # the job may be faster
        answer = hub.submit(hub.body("large_raster", source, processing_config=config)).json()
        job_id, prefix = job_of(hub, answer["request_id"])
        name = f"{job_id[:32]}_{_CONVERSION}_{INDEX}_a1.tif"
        if put(hub, f"{prefix}/tiles/{name}"):
            return answer["status_url"], job_id
        hub.wait(answer["status_url"])
    raise AssertionError("the tiles were always there before us")


def job_of(hub: Hub, request_id: str) -> tuple[str, str]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := hub.rows(_JOB.format(request_id)):
            return found[0][0], found[0][1]
        time.sleep(0.005)
    raise AssertionError(f"{request_id} came to no tiles")


def put(hub: Hub, uri: str) -> bool:
    container, path = uri.removeprefix("azure://").split("/", 1)
    with (
        contextlib.suppress(ResourceExistsError),
        BlobServiceClient.from_connection_string(hub.stack.azurite.connection_string) as service,
    ):
        service.get_container_client(container).upload_blob(path, b"in the way")
        return True
    return False


def parts(hub: Hub, status: dict[str, Any]) -> int:
    """How many tiles the published mosaic has."""
    document = hub.get(status["endpoints"]["mosaicjson"]).json()
    return len({part for each in document["tiles"].values() for part in each})


def states(hub: Hub, job_id: str) -> list[tuple[str, int]]:
    return [(status, attempt) for _, status, attempt in hub.rows(_TILES.format(job_id))]


def test_a_failed_tile_is_tried_again_alone(hub: Hub, hills: Path) -> None:
    status_url, job_id = failed_tile(hub, hills)
    failed = hub.wait(status_url)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "BLOB_EXISTS")
    assert states(hub, job_id).count(("failed", 1)) == 1
    (again,) = [link["href"] for link in failed["links"] if link["rel"] == "resume"]
    answer = requests.post(again, timeout=10)
    assert answer.status_code == 202, answer.text
    status = hub.wait(status_url)
    assert status["status"] == "completed", status["error"]
    after = states(hub, job_id)
    assert after[INDEX] == ("completed", 2)
    assert {state for number, state in enumerate(after) if number != INDEX} == {("completed", 1)}
    assert parts(hub, status) == 9


def test_a_missing_tile_is_left_out_and_named(hub: Hub, hills: Path) -> None:
    status_url, job_id = failed_tile(hub, hills, max_failed_fraction=0.2)
    status = hub.wait(status_url)
    assert status["status"] == "completed", status["error"]
    assert states(hub, job_id).count(("failed", 1)) == 1
    assert parts(hub, status) == 8
    assert status["completed_with_errors"]
    missing = status["data_characteristics"]["missing"]
    assert [(each["code"], each["name"]) for each in missing] == [("BLOB_EXISTS", "r0001_c0001")]
