"""Handlers that misbehave, each in its own way, and the surroundings that their children open."""

import ctypes
import importlib
import logging
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, JsonValue

from core.errors import InvalidRequest, NotFound, PermanentTaskError, TaskCancelled
from core.registry import HandlerDefinition, define_handler
from core.schema.queue import QueueRole
from services.context import TaskContext
from services.isolation.surroundings import Surroundings

LOG = logging.getLogger(__name__)
MIB = 1024 * 1024


class Input(BaseModel):
    """What a handler is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    value: JsonValue = None


class Output(BaseModel):
    """What it answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    value: JsonValue = None
    number: float = 0.0


class OwnStore:
    """A store that knows where it was made."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.is_open = True


@contextmanager
def open_surroundings() -> Iterator[Surroundings]:
    store: Any = OwnStore()
    try:
        yield Surroundings(storage=store, vectors=store, artefacts=store)
    finally:
        store.is_open = False


def has_loaded(parameters: Input, context: TaskContext) -> Output:
    return Output(value=parameters.value in sys.modules)


def echo(parameters: Input, context: TaskContext) -> Output:
    return Output(value=parameters.value, number=float("nan"))


def surroundings(parameters: Input, context: TaskContext) -> Output:
    store = cast(OwnStore, context.storage)
    return Output(
        value={
            "pid": os.getpid(),
            "store_pid": store.pid,
            "store_is_open": store.is_open,
            "group": os.getpgid(0),
            "session": os.getsid(0),
            "core": _limit("Max core file size"),
            "oom_score": int(Path("/proc/self/oom_score_adj").read_text()),
            "platform": platform.__file__,
            "obeys_sigterm": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
            "geo_platform": importlib.import_module("geo_platform").__file__,
            "ids": [context.job_id, context.task_id, context.attempt, str(context.workspace)],
        }
    )


def _limit(name: str) -> str:
    lines = Path("/proc/self/limits").read_text().splitlines()
    return next(line[len(name) :].split()[0] for line in lines if line.startswith(name))


def segfault(parameters: Input, context: TaskContext) -> Output:
    ctypes.string_at(0)
    return Output()


def exit_now(parameters: Input, context: TaskContext) -> Output:
    os._exit(cast(int, parameters.value))


def system_exit(parameters: Input, context: TaskContext) -> Output:
    sys.exit(3)


def kill_myself(parameters: Input, context: TaskContext) -> Output:
    os.kill(os.getpid(), signal.SIGKILL)
    return Output()


def hog(parameters: Input, context: TaskContext) -> Output:
    """Take memory by the MiB."""
    return Output(number=len(bytearray(cast(int, parameters.value) * MIB)))


def hog_behind_an_error(parameters: Input, context: TaskContext) -> Output:
    try:
        return hog(parameters, context)
    except MemoryError as exc:
        raise PermanentTaskError("the file is damaged", code="RASTER_UNREADABLE") from exc


def abort_for_memory(parameters: Input, context: TaskContext) -> Output:
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def hang(parameters: Input, context: TaskContext) -> Output:
    """Say who we are, and never come back; nor does a subprocess of ours."""
    helper = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
    _tell(parameters, [os.getpid(), helper.pid])
    while True:
        time.sleep(600)


def hang_deaf(parameters: Input, context: TaskContext) -> Output:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return hang(parameters, context)


def hang_holding_the_interpreter(parameters: Input, context: TaskContext) -> Output:
    """As native code does that never lets go of the lock: no Python code of this process runs any more."""
    _tell(parameters, [os.getpid()])
    ctypes.PyDLL(None).sleep(600)
    return Output()


def work_in_steps(parameters: Input, context: TaskContext) -> Output:
    """Stop when told to, in order."""
    _tell(parameters, [os.getpid()])
    while True:
        context.checkpoint()
        time.sleep(0.02)


def stop_and_answer(parameters: Input, context: TaskContext) -> Output:
    try:
        return work_in_steps(parameters, context)
    except TaskCancelled:
        return Output(value="finished all the same")


def report(parameters: Input, context: TaskContext) -> Output:
    steps = cast(int, parameters.value)
    for step in range(1, steps + 1):
        context.checkpoint(step / steps)
    return Output()


def report_very_often(parameters: Input, context: TaskContext) -> Output:
    for step in range(1, 100_001):
        context.report(step / 100_000)
    return Output()


def log(parameters: Input, context: TaskContext) -> Output:
    LOG.info("seen %s features", 3, extra={"action": "seen", "feature_count": 3})
    LOG.debug("not wanted")
    try:
        raise ValueError("inside")
    except ValueError:
        LOG.exception("it broke")
    LOG.warning("%s", "long " * 1_000_000)
    return Output()


def print_much(parameters: Input, context: TaskContext) -> Output:
    print("first words")
    os.write(1, b"x" * 3 * MIB)
    ctypes.CDLL(None).puts(b"last words of native code")
    ctypes.CDLL(None).fflush(None)
    return Output()


def fail(parameters: Input, context: TaskContext) -> Output:
    raise _ERRORS[cast(str, parameters.value)]()


def fail_from_cause(parameters: Input, context: TaskContext) -> Output:
    try:
        return Output(number=1 / cast(int, parameters.value))
    except ZeroDivisionError as exc:
        raise PermanentTaskError("cannot divide", code="NO_DIVISION") from exc


def return_nonsense(parameters: Input, context: TaskContext) -> Output:
    return cast(Output, parameters)


def leave_helper_behind(parameters: Input, context: TaskContext) -> Output:
    helper = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
    return Output(number=helper.pid)


def own_pid(parameters: Input, context: TaskContext) -> Output:
    return Output(number=os.getpid())


def meet_and_answer(parameters: Input, context: TaskContext) -> Output:
    """Wait until as many are here as were told."""
    place, wanted = cast(list[Any], parameters.value)
    (Path(place) / str(os.getpid())).touch()
    while len(list(Path(place).iterdir())) < wanted:
        time.sleep(0.01)
    return Output(number=len(_open_files()))


def _open_files() -> list[str]:
    return [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]


def meet_and_crash(parameters: Input, context: TaskContext) -> Output:
    meet_and_answer(parameters, context)
    return segfault(parameters, context)


class OddError(Exception):
    """Cannot be made from its text alone."""

    def __init__(self, *, what: str) -> None:
        super().__init__(f"odd {what}")


class LocalError(PermanentTaskError):
    """A class of ours that the host knows as well, with a signature of its own."""

    def __init__(self, number: int) -> None:
        super().__init__(f"number {number}", code="LOCAL", context={"number": number})


_ERRORS: dict[str, Callable[[], Exception]] = {
    "not found": lambda: NotFound(
        "no blob", code="SOURCE_NOT_FOUND", remedy="upload it", context={"bbox": (1, 2.5), "name": "ä"}
    ),
    "invalid": lambda: InvalidRequest("no", field_errors=({"field": "a", "message": "b"},)),
    "local": lambda: LocalError(7),
    "odd": lambda: OddError(what="thing"),
    "value": lambda: ValueError("not a number"),
}


def _tell(parameters: Input, pids: list[int]) -> None:
    if isinstance(parameters.value, str):
        path = Path(parameters.value)
        path.with_suffix(".part").write_text(" ".join(map(str, pids)))
        path.with_suffix(".part").rename(path)


def definition(
    handler: Callable[[Input, TaskContext], Output], **limits: timedelta | int | bool
) -> HandlerDefinition:
    """An isolated handler of a minute at most, unless told otherwise."""
    options: dict[str, Any] = {"isolated": True, "time_limit": timedelta(minutes=1), **limits}
    return define_handler(handler.__name__, handler, queue=QueueRole.LEGACY_TASKS, **options)
