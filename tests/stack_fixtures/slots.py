"""Directories for the servers of a test run, reused by the next run, never shared by two at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def take_slot(parent: Path) -> Iterator[Path]:
    """The first directory `parent/<n>` that no living run holds; it goes back when the process ends."""
    for number in count():
        slot = parent / str(number)
        slot.mkdir(parents=True, exist_ok=True)
        with (slot / "run.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield slot
            return
