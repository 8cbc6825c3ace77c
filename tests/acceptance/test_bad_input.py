"""Bad input: a clear error with a code and a remedy, nothing left behind, and the worker goes on."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from shapely.geometry import Point

from tests.acceptance.hub import Hub, problem
from tests.rasters import rgb, truncated, virtual_raster
from tests.vectors import geojson, shapefile_parts, write_geopackage, zipped_shapefile

PLACES = [Point(12.5, 41.9), Point(-0.1, 51.5)]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"colour": "blue"}, 422, "UNKNOWN_FIELD"),
        ({"request_type": "hologram"}, 422, "UNKNOWN_DATA_TYPE"),
        ({"source_path": "bronze/nowhere/none.gpkg"}, 404, "SOURCE_NOT_FOUND"),
        ({"source_path": "bronze/../secrets/x.gpkg"}, 422, "SOURCE_INVALID"),
        ({"source_path": "silver/x.gpkg"}, 422, "SOURCE_INVALID"),
        ({"source_path": "bronze/x.exe"}, 415, "UNSUPPORTED_FORMAT"),
        ({"dataset_id": ""}, 422, "VALIDATION_ERROR"),
        ({"processing_config": {"target_crs": "EPSG:4326", "speed": 11}}, 422, "UNKNOWN_FIELD"),
    ],
)
def test_what_can_be_known_is_refused_at_submit(
    hub: Hub, changes: dict[str, str], status: int, code: str
) -> None:
    body = {**hub.body("vector", "bronze/any.gpkg"), **changes}
    assert problem(hub.submit(body), status=status, code=code)["remediation"]


def test_a_body_that_is_no_json_is_called_so(hub: Hub) -> None:
    answer = requests.post(
        f"{hub.base_url}/platform/submit",
        data="{not json",
        headers={"Content-Type": "application/json"},
        timeout=10,
    )
    problem(answer, status=400, code="MALFORMED_JSON")


def _no_crs(folder: Path) -> bytes:
    parts = shapefile_parts(folder, PLACES)
    return zipped_shapefile({suffix: part for suffix, part in parts.items() if suffix != ".prj"})


def _empty_layer(folder: Path) -> bytes:
    return write_geopackage(folder / "empty.gpkg", []).read_bytes()


def _truncated_shapefile(folder: Path) -> bytes:
    parts = shapefile_parts(folder, PLACES * 50)
    return zipped_shapefile({**parts, ".shp": parts[".shp"][: len(parts[".shp"]) // 2]})


@pytest.mark.parametrize(
    ("request_type", "name", "make", "code"),
    [
        ("vector", "places.zip", _no_crs, "CRS_MISSING"),
        ("vector", "places.gpkg", _empty_layer, "NO_FEATURES"),
        ("vector", "places.zip", _truncated_shapefile, "GEOMETRY_UNREADABLE"),
        ("vector", "places.gpkg", lambda folder: b"this is no database", "CONTENT_MISMATCH"),
        (
            "vector",
            "places.geojson",
            lambda folder: b'{"type": "Feature',
            "CONTENT_MISMATCH",
        ),
        (
            "raster",
            "image.tif",
            lambda folder: b"this is no image",
            "CONTENT_MISMATCH",
        ),
        (
            "raster",
            "image.tif",
            lambda folder: truncated(folder / "cut.tif").read_bytes(),
            "RASTER_UNREADABLE",
        ),
        (
            "raster",
            "image.tif",
            lambda folder: virtual_raster(folder / "v.tif", source=rgb(folder / "rgb.tif")).read_bytes(),
            "CONTENT_MISMATCH",
        ),
        (
            "raster",
            "image.tif",
            lambda folder: rgb(folder / "nowhere.tif", crs=None).read_bytes(),
            "CRS_MISSING",
        ),
    ],
)
def test_bad_data_fail_the_request_and_leave_nothing(
    hub: Hub, request_type: str, name: str, make: Callable[[Path], bytes], code: str, tmp_path: Path
) -> None:
    source_path = hub.upload(name, make(tmp_path))
    answer = hub.submit(hub.body(request_type, source_path))
    assert answer.status_code == 202, answer.text
    status = hub.wait(answer.json()["status_url"])
    error = status["error"]
    assert status["status"] == "failed"
    assert error["code"] == code, error
    assert error["remedy"]
    assert status["endpoints"] is None
    _assert_nothing_staged(hub, answer.json()["request_id"])
    hub.publish("vector", hub.upload("good.geojson", geojson(PLACES)))


def _assert_nothing_staged(hub: Hub, request_id: str) -> None:
    staged = f"""
        SELECT location FROM app.artefacts a JOIN app.jobs j USING (job_id)
        WHERE j.platform_request_id = '{request_id}' AND a.state = 'staged'"""
    deadline = time.monotonic() + 30
    while hub.rows(staged) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert hub.rows(staged) == []
    left = hub.rows(f"""
        SELECT table_name FROM information_schema.tables t WHERE table_schema = 'staging' AND EXISTS (
            SELECT 1 FROM app.jobs j WHERE j.platform_request_id = '{request_id}'
            AND t.table_name LIKE left(j.job_id, 32) || '%')""")
    assert left == []


@pytest.mark.parametrize("queue", ["geospatial-jobs", "vector-tasks"])
def test_a_malformed_message_is_dead_lettered_with_a_reason(hub: Hub, queue: str) -> None:
    """The dead-letter queue has a reader, which writes down what it finds."""
    mark = uuid.uuid4().hex
    connection = hub.stack.broker.connection_string
    with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_queue_sender(queue) as sender,
    ):
        sender.send_messages(ServiceBusMessage(b'{"message_type": "nonsense"}', message_id=mark))
    url = f"{hub.base_url}/api/admin/queues/{queue}/dead-letter"
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        time.sleep(0.3)
        found = [letter for letter in hub.get(url).json()["dead_letters"] if letter["message_id"] == mark]
    (letter,) = found
    assert (letter["reason"], letter["outcome"]) == ("MALFORMED_MESSAGE", "malformed")
    assert "message_type" in letter["description"]
    hub.publish("vector", hub.upload("good.geojson", geojson(PLACES)))
