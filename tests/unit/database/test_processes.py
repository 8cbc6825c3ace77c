"""Which processes are gone for certain."""

import os
import subprocess
import sys

import pytest

from infrastructure.processes import is_gone, this_process

TELL_NAME = "from infrastructure.processes import this_process; print(this_process(), flush=True); input()"


def test_a_process_is_there_while_it_lives_and_gone_when_it_was_killed() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", TELL_NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert not is_gone(name)
        child.kill()
        # A zombie is as dead as one whose parent has taken note.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(name)
    assert is_gone(name)


def test_a_number_that_was_given_again_is_another_process() -> None:
    name, _, start = this_process().rpartition(":")
    assert is_gone(f"{name}:{int(start) - 1}")


@pytest.mark.parametrize("name", ["", "vm:12", "vm:4711:1:2", "worker-1", "a:b:c:d"])
def test_nobody_here_can_tell_of_others(name: str) -> None:
    assert not is_gone(name)
    assert not is_gone(this_process())
