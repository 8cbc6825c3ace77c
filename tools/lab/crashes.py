"""Dying at a named place (`core.crashpoints`): a file orders it, and whoever dies takes the file along.

So one running stack can die at one place after the other, and each worker that is started again lives.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core import crashpoints
from tools.lab.settings import LabSettings

_HOST_PID = "LAB_HOST_PID"


@dataclass(frozen=True, slots=True)
class CrashOrder:
    """Die at the `visit`th visit that one process makes to the crash point `name`."""

    name: str
    visit: int = 1

    def place(self, file: Path) -> None:
        """Order it, from the next visit on."""
        draft = file.with_suffix(".draft")
        draft.write_text(f"{self.name} {self.visit}")
        draft.replace(file)

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """The order that stands, if there is one."""
        try:
            name, visit = file.read_text().split()
        except FileNotFoundError:
            return None
        return cls(name, int(visit))


def arm_host(lab: LabSettings) -> None:
    """In the host's worker, before any handler runs: heed the orders."""
    os.environ[_HOST_PID] = str(os.getpid())  # the processes that it starts inherit it
    _arm(lab)


def arm_child(lab: LabSettings) -> None:
    """In a process that may be a child of the worker: let the worker die, and so all its children."""
    if int(os.environ[_HOST_PID]) != os.getpid():
        _arm(lab)


def _arm(lab: LabSettings) -> None:
    if lab.crash_order is not None:
        crashpoints.install(_deadly(lab.crash_order))


def _deadly(file: Path) -> Callable[[str], None]:
    lock = threading.Lock()
    visits: Counter[CrashOrder] = Counter()

    def visited(place: str) -> None:
        order = CrashOrder.read(file)
        if order is None or order.name != place:
            return
        with lock:
            visits[order] += 1
            if visits[order] == order.visit and _take(file):
                os.kill(int(os.environ[_HOST_PID]), signal.SIGKILL)
                time.sleep(60)  # a child outlives the worker by a moment: it must not get any further

    return visited


def _take(file: Path) -> bool:
    """Whether it was there to be taken."""
    try:
        file.rename(file.with_suffix(".done"))
    except FileNotFoundError:
        return False
    return True
