"""Heavy work takes turns, and those that wait can be stopped."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import TaskCancelled
from services.turns import turn
from tests.blobs import DirectoryBlobStore, Surroundings, surroundings

_HOLDER = """
import fcntl, pathlib, sys, time
place = next(pathlib.Path(sys.argv[1]).glob("raster-turn-*"))
held = place.open("r+")
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def task(tmp_path: Path, name: str, *, is_cancelled: bool = False) -> Surroundings:
    made = surroundings(tmp_path / name, DirectoryBlobStore(tmp_path), cancel_at=0.0)
    if is_cancelled:
        made.progress.append(0.0)
    return made


def test_whoever_waits_can_be_cancelled(tmp_path: Path) -> None:
    waiting = task(tmp_path, "b", is_cancelled=True)
    with (
        turn(task(tmp_path, "a").context, "raster", places=1),
        pytest.raises(TaskCancelled),
        turn(waiting.context, "raster", places=1),
    ):
        pytest.fail("there was only one place")
    with turn(waiting.context, "raster", places=1):
        pass  # a free place is taken without a look at anything


def test_there_are_as_many_places_as_asked_for(tmp_path: Path) -> None:
    with (
        turn(task(tmp_path, "a").context, "raster", places=2),
        turn(task(tmp_path, "b").context, "raster", places=2),
    ):
        third = task(tmp_path, "c", is_cancelled=True)
        with pytest.raises(TaskCancelled), turn(third.context, "raster", places=2):
            pytest.fail("there were only two places")


def test_the_place_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    with turn(task(tmp_path, "a").context, "raster", places=1):
        pass  # the file is there now
    with subprocess.Popen([sys.executable, "-c", _HOLDER, tmp_path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(TaskCancelled),
            turn(task(tmp_path, "b", is_cancelled=True).context, "raster", places=1),
        ):
            pytest.fail("another process has the place")
        holder.kill()
    with turn(task(tmp_path, "c", is_cancelled=True).context, "raster", places=1):
        pass
