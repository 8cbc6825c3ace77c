"""What a task handler gets besides its parameters."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import TaskCancelled, TransientError
from core.ports import ArtefactLog, BlobStore
from core.vector_ports import VectorStore


@dataclass(frozen=True, slots=True)
class TaskContext:
    """The ids of this attempt, the stores it may use, and a private directory that is removed after it.

    `open_workspace()` makes that directory when it is first called, and gives the same one afterwards.
    `report(fraction)` tells how far the task is (0 to 1) and is cheap: it may be called often.
    `is_cancelled()` turns true when the job was cancelled or the lease went to another attempt.
    `deadline` is where the task's time limit ends, on the clock of `time.monotonic()`.
    """

    job_id: str
    task_id: str
    attempt: int
    open_workspace: Callable[[], Path]
    storage: BlobStore
    vectors: VectorStore
    artefacts: ArtefactLog
    report: Callable[[float], None]
    is_cancelled: Callable[[], bool]
    deadline: float = math.inf

    def checkpoint(self, fraction: float | None = None) -> None:
        """Report progress and stop if there is no more use in going on.

        Raises:
            TaskCancelled: somebody cancelled the job, or the lease was lost.
            TransientError: TASK_TIMEOUT: the task has used up its time.
        """
        if fraction is not None:
            self.report(fraction)
        if self.is_cancelled():
            raise TaskCancelled("the task was told to stop")
        if time.monotonic() >= self.deadline:
            raise timed_out()

    @property
    def workspace(self) -> Path:
        """The private directory. Most light tasks need none, and making it costs as much as all they do."""
        return self.open_workspace()

    @property
    def attempt_name(self) -> str:
        """A name that no other attempt of any task has: fit for tables and blob paths (<= 50 bytes)."""
        return f"{self.task_id.replace('-', '_')}_a{self.attempt}"


def timed_out() -> TransientError:
    """The task took longer than its handler's time limit."""
    return TransientError(
        "The task took longer than its time limit.",
        code="TASK_TIMEOUT",
        remedy="It is tried again; if it persists, submit less data at once.",
    )
