"""Taking turns: as much heavy work at a time on this machine as it has processors for.

A host lets in as many tasks as its settings say, which are made for tasks that wait for servers. The
conversion of a raster keeps a processor busy and holds most of a gigabyte, the load of a chunk a quarter; a
second one beside it gains time only while the first waits, and a tenth only takes memory. So such work waits
for one of a few places, whatever process it runs in. A place is a file lock: the kernel gives it back when
its holder dies.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.context import TaskContext

_LOOK_SECONDS = 0.05


@contextmanager
def turn(context: TaskContext, work: str, *, places: int | None = None) -> Iterator[None]:
    """Hold one of `places` (None: one for each processor) for this kind of work; wait for it before.

    Raises:
        TaskCancelled: the task was told to stop while it waited.
        TransientError: TASK_TIMEOUT.
    """
    folder = context.workspace.parent  # common to all tasks on the machine
    with ExitStack() as stack:
        names = [folder / f"{work}-turn-{os.getuid()}-{number}" for number in range(places or processors())]
        files = [_opened(name, stack) for name in names]
        while not any(_taken(file) for file in files):
            context.checkpoint()
            time.sleep(_LOOK_SECONDS)
        yield


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


def _opened(name: Path, stack: ExitStack) -> int:
    file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    stack.callback(os.close, file)
    return file


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
