"""What all parts of the stack have in common: start, readiness, stop, kill, and the sight of a crash."""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from tools.stack.errors import PartCrashed, PartNotReady
from tools.stack.ports import PortBook
from tools.stack.processes import ProcessIdentity, kill_leftovers, signal_process, spawn, wait_until
from tools.stack.state import StateDirectory, log_tail


class PartState(StrEnum):
    """STOPPED: nobody started it, or somebody stopped it. CRASHED: it ended by itself."""

    STOPPED = "stopped"
    RUNNING = "running"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a part's process."""

    command: list[str]
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartStatus:
    """A part as it is now; pid and uptime only while it runs."""

    name: str
    state: PartState
    port: int
    log_file: Path
    pid: int | None = None
    uptime_seconds: float | None = None


class Part(ABC):
    """A server process of the stack, with one port on 127.0.0.1."""

    stop_signal = signal.SIGTERM
    stop_seconds = 30.0
    ready_seconds = 60.0

    def __init__(self, name: str, *, state: StateDirectory) -> None:
        self.name = name
        self._state = state
        self._ports = PortBook(state)
        self._pid_file = state.pid_file(name)

    @property
    def port(self) -> int:
        """The remembered port; it changes only when a start finds it taken by somebody else."""
        return self._ports.port(self.name)

    def start(self) -> bool:
        """Start the process unless it runs; False when there was nothing to do. See `wait_ready`."""
        if self.status().state is PartState.RUNNING:
            return False
        kill_leftovers(self._pid_file)
        self._ports.claim(self.name)
        self._prepare()
        self._state.rotate_log(self.name)
        launch = self._launch()
        spawn(
            launch.command,
            pid_file=self._pid_file,
            log_file=self._state.log_file(self.name),
            environment={**inherited_environment(), **launch.environment},
            cwd=launch.cwd,
        )
        return True

    def wait_ready(self) -> None:
        """Return when the part answers; PartCrashed or PartNotReady with the end of its log if not."""

        def ready() -> bool:
            self.raise_if_crashed()
            return self._is_ready()

        if not wait_until(ready, seconds=self.ready_seconds, interval_seconds=0.05):
            raise PartNotReady(self.name, seconds=self.ready_seconds, log_tail=self._log_tail())

    def stop(self) -> bool:
        """End the process in good order, by force after `stop_seconds`; False when none ran."""
        identity = ProcessIdentity.from_file(self._pid_file)
        was_running = identity is not None and identity.alive()
        if identity is not None:
            signal_process(identity, self.stop_signal)
            wait_until(lambda: not identity.alive(), seconds=self.stop_seconds)
        self._end_by_force()
        self._pid_file.unlink(missing_ok=True)
        return was_running

    def kill(self) -> None:
        """`kill -9`, as a crash does it: nothing is told to the process, and it stays on record."""
        self._end_by_force()

    def discard_data(self) -> None:  # noqa: B027
        """Forget what the (stopped) part stored; parts that are slow to fill keep it."""

    def status(self) -> PartStatus:
        """The part as it is now."""
        identity = ProcessIdentity.from_file(self._pid_file)
        log_file = self._state.log_file(self.name)
        if identity is None or not identity.of_this_boot():
            return PartStatus(self.name, PartState.STOPPED, self.port, log_file)
        if not identity.alive():
            return PartStatus(self.name, PartState.CRASHED, self.port, log_file)
        return PartStatus(
            self.name, PartState.RUNNING, self.port, log_file, identity.pid, identity.uptime_seconds()
        )

    def raise_if_crashed(self) -> None:
        """PartCrashed with the end of the log, where the process ended by itself."""
        if self.status().state is PartState.CRASHED:
            raise PartCrashed(self.name, self._log_tail())

    def _prepare(self) -> None:  # noqa: B027  # most parts need nothing
        """What must be there before the process can start."""

    @abstractmethod
    def _launch(self) -> Launch: ...

    @abstractmethod
    def _is_ready(self) -> bool: ...

    def _end_by_force(self) -> None:
        identity = ProcessIdentity.from_file(self._pid_file)
        if identity is not None:
            signal_process(identity, signal.SIGKILL)
            wait_until(lambda: not identity.alive(), seconds=10)
        kill_leftovers(self._pid_file)

    def _log_tail(self) -> str:
        return log_tail(self._state.log_file(self.name))


def inherited_environment() -> dict[str, str]:
    """Ours, without what would turn a part's libraries away from the stack's own settings.

    PROJ_DATA and the like point wheels that bring their own PROJ at the system's older database;
    PG* are defaults of libpq.
    """
    dropped = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH", "PYTHONPATH", "PYTHONHOME")
    kept = {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("PG")}
    return {**kept, "PYTHONUNBUFFERED": "1"}
