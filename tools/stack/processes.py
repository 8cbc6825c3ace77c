"""Processes that outlive the command that started them, and are found again for certain.

A process id alone proves nothing: ids are reused, also after a reboot. A part is therefore known by
boot id, process id and start time (proc(5)), which its own launcher writes before it becomes the
part: there is no moment at which a part runs and is not on record, even when the command that
started it is killed. Everything a part starts inherits a marker in its environment, by which
leftovers are found.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.stack.errors import StackError

MARKER = "GEO_STACK_PART"

# $0 is the pid file. exec keeps process id and start time.
_LAUNCHER = """
{ cat /proc/sys/kernel/random/boot_id; cat /proc/$$/stat; } > "$0.new" && mv "$0.new" "$0" && exec "$@"
"""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot of this machine."""

    boot_id: str
    pid: int
    start_ticks: int

    @classmethod
    def from_file(cls, path: Path) -> "ProcessIdentity | None":
        """Who wrote the pid file; None where there is none."""
        try:
            boot_id, stat = path.read_text().split("\n", 1)
        except (FileNotFoundError, ValueError):
            return None
        return cls(boot_id=boot_id, pid=int(stat.split(" ", 1)[0]), start_ticks=_start_ticks(stat))

    def of_this_boot(self) -> bool:
        """False after the machine was restarted."""
        return self.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        stat = _stat(self.pid)
        return bool(stat) and self.of_this_boot() and _start_ticks(stat) == self.start_ticks

    def uptime_seconds(self) -> float:
        """How long it has been running."""
        up = float(Path("/proc/uptime").read_text().split()[0])
        return up - self.start_ticks / os.sysconf("SC_CLK_TCK")


def spawn(
    command: Sequence[str], *, pid_file: Path, log_file: Path, environment: Mapping[str, str], cwd: Path
) -> None:
    """Start `command` in a session of its own, with its output appended to `log_file`."""
    pid_file.unlink(missing_ok=True)
    with log_file.open("ab") as log:
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", _LAUNCHER, str(pid_file), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**environment, MARKER: str(pid_file)},
            cwd=cwd,
            check=True,
        )
    if not wait_until(pid_file.exists, seconds=10):
        raise StackError(f"could not start {command[0]}: no {pid_file.name} was written")


def signal_process(identity: ProcessIdentity, number: signal.Signals) -> None:
    """Send a signal to this very process, if it still runs."""
    if identity.alive():
        _send(identity.pid, number)


def leftovers(pid_file: Path) -> list[int]:
    """Processes started by the part of `pid_file` or by its children, whoever their parent is now."""
    mark = f"{MARKER}={pid_file}".encode()
    return [pid for pid in _all_pids() if pid != os.getpid() and mark in _environment(pid) and _stat(pid)]


def kill_leftovers(pid_file: Path) -> None:
    """Kill all of them, until none is left."""

    def none_left() -> bool:
        pids = leftovers(pid_file)
        for pid in pids:
            _send(pid, signal.SIGKILL)
        return not pids

    if not wait_until(none_left, seconds=10):
        raise StackError(f"processes {leftovers(pid_file)} do not end")


def wait_until(condition: Callable[[], bool], *, seconds: float, interval_seconds: float = 0.02) -> bool:
    """Poll until `condition` holds; False when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval_seconds)
    return True


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _all_pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())  # noqa: PTH208  # twice as quick


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # gone, or somebody else's
        return []


def _stat(pid: int) -> str:
    """`/proc/<pid>/stat`, empty for a process that is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return "" if _fields(stat)[0] in "ZX" else stat


def _start_ticks(stat: str) -> int:
    return int(_fields(stat)[19])


def _fields(stat: str) -> list[str]:
    """The fields from the third on: the second, the name, may itself hold blanks and brackets."""
    return stat.rsplit(")", 1)[1].split()
