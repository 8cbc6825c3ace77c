"""A runner of its own for each test module, and a task to run."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from services.context import TaskContext
from services.isolation.runner import TaskRunner
from services.isolation.supervision import Graces
from tests.integration.isolation import handlers

NOTHING: Any = None  # in the host: no handler of these tests uses a store there


@dataclass
class Attempt:
    """A task attempt as the host sees it."""

    workspace: Path
    cancelled: Event = field(default_factory=Event)
    progress: list[float] = field(default_factory=list)

    @property
    def context(self) -> TaskContext:
        return TaskContext(
            job_id="job-1",
            task_id="task-1",
            attempt=2,
            open_workspace=lambda: self.workspace,
            storage=NOTHING,
            vectors=NOTHING,
            artefacts=NOTHING,
            report=self.progress.append,
            is_cancelled=self.cancelled.is_set,
        )


@pytest.fixture(scope="module")
def runner() -> Iterator[TaskRunner]:
    """A runner whose children get a second to stop, and half of one to end."""
    runner = TaskRunner(
        surroundings=handlers.open_surroundings,
        handlers={},
        graces=Graces(stop_seconds=1.0, terminate_seconds=0.5),
    )
    yield runner
    runner.close()


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


Pids = Callable[[], list[int]]


@pytest.fixture
def told_pids(tmp_path: Path) -> Pids:
    """Waits until the handler has written its process ids to `<tmp>/pids`."""

    def wait() -> list[int]:
        path = tmp_path / "pids"
        eventually(path.exists)
        return [int(pid) for pid in path.read_text().split()]

    return wait


def eventually(is_so: Callable[[], bool], *, seconds: float = 15.0) -> None:
    """Wait for it, and fail if it never comes."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """True when no such process is left; a zombie is as good as gone but for whom it belongs to."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"
