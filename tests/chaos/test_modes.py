"""One package in every mode: front door and workers as apps of their own, and a change of mode in between."""

import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from config import AppMode, Settings
from tests.acceptance.hub import Hub
from tests.conftest import unavailable
from tests.rasters import rgb, write_geotiff
from tests.stack_fixtures.slots import take_slot
from tests.vectors import geojson, points
from tools.lab.laboratory import APP_ROOT, SHORT_PATIENCE, Laboratory
from tools.servicebus_broker.engine.inspection import inspect
from tools.stack.errors import MissingProgram
from tools.stack.stack import Stack
from tools.stack.topology import APPS, Topology
from triggers.health import app_mode_details

ROOT = Path(__file__).resolve().parents[2]
REFUSED_WHEN_SPLIT = {"hello_world"}

# The table of the multi-app document: which of jobs, raster, vector and legacy a mode listens to.
LISTENS = {
    AppMode.STANDALONE: (True, True, True, True),
    AppMode.PLATFORM_RASTER: (True, True, False, False),
    AppMode.PLATFORM_VECTOR: (True, False, True, False),
    AppMode.PLATFORM_ONLY: (True, False, False, False),
    AppMode.WORKER_RASTER: (False, True, False, False),
    AppMode.WORKER_VECTOR: (False, False, True, False),
}
ROLES = ("jobs", "raster_tasks", "vector_tasks", "legacy_tasks")


def expected_app_mode(mode: AppMode, app_name: str) -> dict[str, Any]:
    jobs, raster, vector, _ = LISTENS[mode]
    return {
        "mode": mode.value,
        "app_name": app_name,
        "queues_listening": dict(zip(ROLES, LISTENS[mode], strict=True)),
        "queue_names": {
            "jobs": "geospatial-jobs",
            "raster_tasks": "raster-tasks",
            "vector_tasks": "vector-tasks",
            "legacy_tasks": "geospatial-tasks",
        },
        "routing": {
            "routes_raster_externally": jobs and not raster,
            "routes_vector_externally": jobs and not vector,
        },
        "role": {"is_platform": jobs, "is_worker": not jobs, "has_http": True},
    }


@pytest.mark.parametrize("mode", AppMode)
def test_health_describes_each_mode(mode: AppMode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_MODE", mode.value)
    monkeypatch.setenv("APP_NAME", "some-app")
    monkeypatch.setenv("SERVICE_BUS_CONNECTION", "Endpoint=sb://127.0.0.1:1;")
    assert app_mode_details(Settings()) == expected_app_mode(mode, "some-app")


@pytest.fixture(scope="module")
def split() -> Iterator[Hub]:
    """Platform, raster and vector apps on servers of their own."""
    with take_slot(ROOT / ".local" / "modes") as slot:
        stack = Stack(ROOT, slot, Topology.SPLIT, durable=False)
        stack.down()
        stack.broker.discard_data()
        try:
            stack.up()
        except MissingProgram as missing:
            unavailable(missing)
        try:
            yield Hub(stack)
        finally:
            stack.down()


def base_url(stack: Stack, part: str) -> str:
    return f"http://127.0.0.1:{stack.part(part).port}"


@pytest.mark.slow
def test_each_host_says_what_it_is(split: Hub) -> None:
    modes = {
        "platform": AppMode.PLATFORM_ONLY,
        "raster": AppMode.WORKER_RASTER,
        "vector": AppMode.WORKER_VECTOR,
    }
    for part, mode in modes.items():
        report = requests.get(f"{base_url(split.stack, part)}/api/health", timeout=10).json()
        details = {entry["component"]: entry["details"] for entry in report["components"]}
        assert details["app_mode"] == expected_app_mode(mode, f"geo-{part}")


@pytest.mark.slow
def test_the_roles_differ_in_how_much_they_do_at_once(split: Hub) -> None:
    announced = dict(split.rows("SELECT app_name, slots FROM app.listeners WHERE app_mode LIKE 'worker%'"))
    assert announced == {"geo-raster": 2, "geo-vector": 32}


@pytest.mark.slow
def test_every_job_type_completes_or_is_refused_with_the_queue(split: Hub, tmp_path: Path) -> None:
    """B13. The chains of both kinds go through three hosts; nothing stays in a queue that nobody hears."""
    image = rgb(tmp_path / "image.tif").read_bytes()
    split.publish(
        "vector",
        split.upload("places.geojson", geojson(points(20))),
        processing_config={"exports": ["csv", "pmtiles"]},
    )
    relief = write_geotiff(
        tmp_path / "relief.tif",
        width=200,
        height=200,
        dtype="float32",
        finish=lambda dataset: dataset.set_band_description(1, "elevation"),
    ).read_bytes()
    split.publish(
        "raster",
        split.upload("relief.tif", relief),
        processing_config={"generate_tile_cache": True, "products": ["contours"]},
    )
    split.publish("large_raster", split.upload("image.tif", image))
    name = f"{uuid.uuid4().hex}.tif"
    folder, _, _ = split.upload(name, image).rpartition("/")
    split.publish("raster_collection", f"{folder}/")
    _container_list_completes(split, name)
    for job_type in REFUSED_WHEN_SPLIT:
        _is_refused(split, job_type, queue="geospatial-tasks")
    told = {entry["job_type"] for entry in split.get(f"{split.base_url}/api/job-types").json()["job_types"]}
    completed = {row[0] for row in split.rows("SELECT job_type FROM app.jobs WHERE status = 'completed'")}
    assert completed == told - REFUSED_WHEN_SPLIT
    _assert_tracked(split)
    _assert_queues_run_dry(split.stack)


def _container_list_completes(hub: Hub, suffix: str) -> None:
    url = f"{hub.base_url}/api/jobs/submit/container_list"
    answer = requests.post(url, json={"suffix": suffix}, timeout=10)
    assert answer.status_code == 201, answer.text
    deadline = time.monotonic() + 60
    while (job := hub.get(answer.json()["status_url"]).json())["status"] not in ("completed", "successful"):
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
    ((result,),) = hub.rows(f"SELECT result FROM app.jobs WHERE job_id = '{answer.json()['job_id']}'")
    assert result["by_format"] == {"tiff": result["blob_count"]}


def _is_refused(hub: Hub, job_type: str, *, queue: str) -> None:
    # The slot may have seen a standalone app within the last minute.
    hub.rows("WITH gone AS (DELETE FROM app.listeners WHERE app_mode = 'standalone') SELECT 1")
    before = hub.rows("SELECT count(*) FROM app.jobs")
    answer = requests.post(f"{hub.base_url}/api/jobs/submit/{job_type}", json={}, timeout=10)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "NO_LISTENER_FOR_QUEUE"), problem
    assert problem["context"]["queues"] == [queue]
    assert hub.rows("SELECT count(*) FROM app.jobs") == before


def _assert_tracked(hub: Hub) -> None:
    """Where each task was sent, who ran it, and when."""
    rows = hub.rows("SELECT DISTINCT target_queue, executed_by_app FROM app.tasks WHERE status = 'completed'")
    assert set(rows) == {("raster-tasks", "geo-raster"), ("vector-tasks", "geo-vector")}
    assert (
        hub.rows("""
        SELECT task_id FROM app.tasks WHERE status = 'completed'
        AND (execution_started_at BETWEEN created_at AND finished_at) IS NOT TRUE""")
        == []
    )


def _assert_queues_run_dry(stack: Stack) -> None:
    """Nothing waits at the broker, dead or alive; the last settlements take a moment."""
    data = stack.state.path / "broker.sqlite"
    deadline = time.monotonic() + 20
    while _left(inspect(data)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _left(inspect(data)) == {}


def _left(queues: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, int]]:
    return {name: counts for name, counts in queues.items() if any(counts.values())}


@pytest.mark.slow
def test_a_change_of_mode_in_the_middle_of_a_job_loses_nothing() -> None:
    """One app for all, then three, then one again: as an operator does it by APP_MODE alone."""
    with take_slot(ROOT / ".local" / "modes-change") as slot:
        stacks = [
            Stack(ROOT, slot, topology, durable=False, app_root=APP_ROOT, settings=SHORT_PATIENCE)
            for topology in (Topology.STANDALONE, Topology.SPLIT, Topology.STANDALONE)
        ]
        laboratory = Laboratory(stacks[0])
        try:
            laboratory.open()
        except MissingProgram as missing:
            unavailable(missing)
        try:
            jobs = []
            for stack in stacks:
                stack.up()
                jobs.append(Laboratory(stack).submit("lab_three_stages", tasks=60, milliseconds=100))
                _wait_for_work(laboratory, jobs[-1])
            assert laboratory.wait(jobs, seconds=120) == dict.fromkeys(jobs, "completed")
            assert laboratory.faults(jobs=3, stages=3, tasks=60) == []
            _assert_several_apps_worked(laboratory, jobs[0])
            _assert_queues_run_dry(stacks[-1])
        finally:
            stacks[0].down()


def _wait_for_work(laboratory: Laboratory, job_id: str) -> None:
    """Until the job is in the middle of its first stage."""
    done = "SELECT count(*) > 5 FROM app.tasks WHERE job_id = %s AND status = 'completed'"
    deadline = time.monotonic() + 30
    while laboratory.query(done, job_id) != [(True,)]:
        assert time.monotonic() < deadline, "the job did not begin"
        time.sleep(0.05)


def _assert_several_apps_worked(laboratory: Laboratory, job_id: str) -> None:
    apps = laboratory.query("SELECT DISTINCT executed_by_app FROM app.tasks WHERE job_id = %s", job_id)
    assert {"geo-standalone", "geo-vector"} <= {name for (name,) in apps}, apps


def test_each_app_of_a_topology_has_a_mode() -> None:
    modes = {topology: {AppMode(app.mode) for app in apps} for topology, apps in APPS.items()}
    assert modes[Topology.STANDALONE] == {AppMode.STANDALONE}
    assert modes[Topology.SPLIT] == {AppMode.PLATFORM_ONLY, AppMode.WORKER_RASTER, AppMode.WORKER_VECTOR}
