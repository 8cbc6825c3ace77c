"""The steps of set-up, and which of them have something to do."""

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.cli.setup import node_packages, python_packages, system_packages
from tools.cli.setup.commands import Commands, SetupFailed
from tools.stack.state import StateDirectory

_RECORD = "setup.json"
_COMPLETE = "setup.complete"  # ./dev looks for this file


@dataclass(frozen=True, slots=True)
class Step:
    """Done when `is_there()` and `fingerprint`, of what the step is made from, is that of the last time.

    Where `without` says what is lost without it, a step may fail: set-up tells so, and goes on.
    """

    title: str
    fingerprint: str
    is_there: Callable[[], bool]
    install: Callable[[Commands], None]
    without: str = ""


def run_setup(root: Path, *, retry_failed: bool = False) -> None:
    """Do what is not done yet, in milliseconds when all is; SetupFailed where something cannot be done."""
    state = StateDirectory(root / ".local")
    commands = Commands(root=root, log=state.path / "logs" / "setup.log")
    complete = state.path / _COMPLETE
    with _one_at_a_time(state):
        for number in range(len(_steps(root))):
            step = _steps(root)[number]  # looked at anew: a step may depend on what the one before brought
            if not _is_done(step, state, retry_failed=retry_failed):
                complete.unlink(missing_ok=True)
                _do(step, commands=commands, state=state)
        complete.touch()


def _steps(root: Path) -> list[Step]:
    gdal = python_packages.gdal_version()
    return [
        Step(
            "System packages",
            fingerprint="",
            is_there=lambda: not system_packages.missing(),
            install=system_packages.install,
        ),
        Step(
            "Node packages",
            fingerprint=_digest(root, "package.json", "package-lock.json"),
            is_there=lambda: node_packages.are_there(root),
            install=node_packages.install,
        ),
        Step(
            "Python environment",
            fingerprint="",
            is_there=lambda: python_packages.environment_is_there(root),
            install=python_packages.make_environment,
        ),
        Step(
            "Python packages",
            fingerprint=_digest(root, *python_packages.REQUIREMENTS),
            is_there=lambda: python_packages.is_installed(root, "rich"),
            install=python_packages.install_packages,
        ),
        Step(
            "GDAL bindings",
            fingerprint=gdal,
            is_there=lambda: python_packages.is_installed(root, "osgeo"),
            install=python_packages.install_bindings,
            without="the few jobs that use osgeo will not work",
        ),
    ]


def _is_done(step: Step, state: StateDirectory, *, retry_failed: bool) -> bool:
    recorded = state.read(_RECORD).get(step.title)
    if recorded == _failed(step) and not retry_failed:
        return True
    return recorded == step.fingerprint and step.is_there()


def _do(step: Step, *, commands: Commands, state: StateDirectory) -> None:
    started = time.monotonic()
    print(f"{step.title} ... ", end="", flush=True)
    result = step.fingerprint
    try:
        step.install(commands)
    except SetupFailed as failure:
        if not step.without:
            print("failed")
            raise
        print(f"failed: {step.without}\n{failure}")
        result = _failed(step)
    else:
        print(f"{time.monotonic() - started:.1f} s")
    state.write(_RECORD, {**state.read(_RECORD), step.title: result})


def _failed(step: Step) -> str:
    return f"failed: {step.fingerprint}" if step.without else "never"


def _digest(root: Path, *names: str) -> str:
    return hashlib.sha256(b"\0".join((root / name).read_bytes() for name in names)).hexdigest()


@contextmanager
def _one_at_a_time(state: StateDirectory) -> Iterator[None]:
    state.path.mkdir(parents=True, exist_ok=True)
    with (state.path / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
