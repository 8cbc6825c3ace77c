"""The package starts as a Functions worker starts it: in every mode, wherever Azure puts it on the path."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from _paths import ROOT
from config import AppMode

_WORKER = Path(__file__).with_name("worker_start.py")

# Nothing listens at these addresses: to start is to need nothing.
_SETTINGS = {
    "DATABASE_URL": "postgresql://geo_app@127.0.0.1:1/geodata",
    "DATABASE_READER_URL": "postgresql://geo_reader@127.0.0.1:1/geodata",
    "STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true",
    "SERVICE_BUS_CONNECTION": "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=a;SharedAccessKey=b;",
}

_JOBS = ("process_service_bus_job", "geospatial-jobs")
_RASTER = ("process_raster_task", "raster-tasks")
_VECTOR = ("process_vector_task", "vector-tasks")
_LEGACY = ("process_service_bus_task", "geospatial-tasks")
_LISTENS = {
    AppMode.STANDALONE: {_JOBS, _RASTER, _VECTOR, _LEGACY},
    AppMode.PLATFORM_RASTER: {_JOBS, _RASTER},
    AppMode.PLATFORM_VECTOR: {_JOBS, _VECTOR},
    AppMode.PLATFORM_ONLY: {_JOBS},
    AppMode.WORKER_RASTER: {_RASTER},
    AppMode.WORKER_VECTOR: {_VECTOR},
}
_ASSETS = "static/{*path}"  # style sheets and scripts are nobody's secret
_SERVING_LIBRARIES = {"fastapi", "stac_fastapi", "tipg", "titiler"}
_LATE_LIBRARIES = {"geopandas", "pandas", "pyogrio"}  # half a second of each start, for what children do


def _run(
    root: Path,
    *,
    settings: Mapping[str, str | None] | None = None,
    order: str = "first",
) -> subprocess.CompletedProcess[str]:
    """Start a worker; a setting of None is not there."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    wanted = {**kept, **_SETTINGS, **(settings or {})}
    return subprocess.run(
        [sys.executable, "-I", "-B", str(_WORKER), str(root), order],
        env={name: value for name, value in wanted.items() if value is not None},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


def _start(mode: AppMode = AppMode.STANDALONE, **options: Any) -> dict[str, Any]:
    done = _run(ROOT, settings={"APP_MODE": mode.value}, **options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def starts() -> dict[AppMode, dict[str, Any]]:
    """What each mode starts with."""
    return {mode: _start(mode) for mode in AppMode}


def _of_type(start: Mapping[str, Any], trigger_type: str) -> Iterator[dict[str, Any]]:
    return (function for function in start["functions"] if function["type"] == trigger_type)


@pytest.mark.parametrize("mode", AppMode)
def test_a_mode_listens_to_its_queues_alone(mode: AppMode, starts: dict[AppMode, dict[str, Any]]) -> None:
    """And to the dead letters of each."""
    triggers = {(found["name"], found["queue"]) for found in _of_type(starts[mode], "serviceBusTrigger")}
    dead = {queue for name, queue in triggers if name.startswith("process_dead_letter_")}
    assert {each for each in triggers if each[1] not in dead} == _LISTENS[mode]
    assert dead == {f"{queue}/$DeadLetterQueue" for _, queue in _LISTENS[mode]}


@pytest.mark.parametrize("mode", AppMode)
def test_every_mode_answers_all_of_http(mode: AppMode, starts: dict[AppMode, dict[str, Any]]) -> None:
    standalone = {
        (found["name"], found["route"]) for found in _of_type(starts[AppMode.STANDALONE], "httpTrigger")
    }
    assert {(found["name"], found["route"]) for found in _of_type(starts[mode], "httpTrigger")} == standalone
    assert {"api/platform/submit", "platform/submit", "api/health"} <= {route for _, route in standalone}


@pytest.mark.parametrize("mode", AppMode)
def test_every_mode_sweeps_and_platforms_keep_house(
    mode: AppMode, starts: dict[AppMode, dict[str, Any]]
) -> None:
    timers = {found["name"] for found in _of_type(starts[mode], "timerTrigger")}
    assert timers == {"sweep_outbox"} | ({"janitor"} if _JOBS in _LISTENS[mode] else set())


@pytest.mark.parametrize("mode", AppMode)
def test_large_libraries_wait_until_they_are_needed(
    mode: AppMode, starts: dict[AppMode, dict[str, Any]]
) -> None:
    assert (_SERVING_LIBRARIES | _LATE_LIBRARIES) & set(starts[mode]["modules"]) == set()


@pytest.mark.parametrize("order", ["first", "last"])
def test_the_app_starts_from_either_end_of_the_import_path(order: str) -> None:
    """Premium puts the app first; Flex Consumption, Core Tools and Python 3.13 put it last."""
    start = _start(order=order)
    assert start["file"] == str(ROOT / "function_app.py")
    assert start["platform_is_untouched"]
    assert len(start["functions"]) > 15


@pytest.mark.parametrize("missing", _SETTINGS)
def test_a_missing_setting_stops_the_start_by_name(missing: str) -> None:
    done = _run(ROOT, settings={missing: None})
    assert done.returncode != 0
    assert missing in done.stderr


@pytest.mark.parametrize("level", ["anonymous", "function"])
def test_the_setting_decides_whether_azure_asks_for_keys(level: str) -> None:
    done = _run(ROOT, settings={"HTTP_AUTH_LEVEL": level})
    assert done.returncode == 0, done.stderr
    functions = list(_of_type(json.loads(done.stdout), "httpTrigger"))
    assert {function["auth_level"] for function in functions if function["route"] != _ASSETS} == {level}


_TASK = """
from core.schema.queue import QueueRole
from core.task_models.hello_world import Greeting, GreetParameters
from services.registry import register_task

@register_task("{task_type}", queue=QueueRole.LEGACY_TASKS)
def {signature}:
    raise NotImplementedError
"""
_TYPED = "handler(parameters: GreetParameters, context: object) -> Greeting"


@pytest.fixture
def replica(tmp_path: Path) -> Path:
    """The app's folder, made of links; a test may add to `jobs`, `services` and `services/raster`."""
    _link_entries(ROOT, tmp_path)
    for folder in ("jobs", "services", "services/raster"):
        (tmp_path / folder).unlink()
        (tmp_path / folder).mkdir()
        _link_entries(ROOT / folder, tmp_path / folder)
    return tmp_path


def _link_entries(folder: Path, target: Path) -> None:
    for entry in folder.iterdir():
        if not entry.name.startswith((".", "__pycache__")):
            (target / entry.name).symlink_to(entry)


@pytest.mark.parametrize(
    ("module", "text", "complaint"),
    [
        ("services/broken.py", "import no_such_library", "No module named 'no_such_library'"),
        ("services/raster/broken.py", "raise RuntimeError('boom')", "boom"),
        ("jobs/broken.py", "raise RuntimeError('boom')", "boom"),
        (
            "services/broken.py",
            _TASK.format(task_type="hello_world_greeting", signature=_TYPED),
            "'hello_world_greeting' is registered twice, by services.broken.handler and by",
        ),
        (
            "services/broken.py",
            _TASK.format(task_type="tile_extraction", signature=_TYPED),
            "'tile_extraction' is registered twice, by services.",
        ),
        (
            "services/broken.py",
            _TASK.format(task_type="another", signature=_TYPED).replace(
                "queue=", 'aliases=("extract_tile",), queue='
            ),
            "'extract_tile' is registered twice, by services.",
        ),
        (
            "services/broken.py",
            _TASK.format(task_type="untyped", signature="handler(parameters, context)"),
            "task handler handler must be annotated",
        ),
    ],
)
def test_a_broken_module_stops_the_start_by_name(
    replica: Path, module: str, text: str, complaint: str
) -> None:
    (replica / module).write_text(text, encoding="utf-8")
    complaints = _refused(replica)
    assert complaint in complaints
    assert module in complaints or module.removesuffix(".py").replace("/", ".") in complaints


def test_a_stage_without_a_handler_stops_the_start_by_name(replica: Path) -> None:
    (replica / "services" / "hello_world.py").unlink()
    assert "hello_world: stage 1 (greeting) needs the handler 'hello_world_greeting'" in _refused(replica)


def test_the_replica_itself_starts(replica: Path) -> None:
    """The control of the tests above."""
    done = _run(replica)
    assert done.returncode == 0, done.stderr


def _refused(root: Path) -> str:
    done = _run(root)
    assert done.returncode != 0
    return done.stderr
