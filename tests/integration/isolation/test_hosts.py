"""The host around the children: its import path, its main module, its death."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from _paths import ROOT
from tests.integration.isolation.conftest import Pids, eventually, is_gone

_HOST = Path(__file__).with_name("lonely_host.py")


def _command(order: str, handler: str, value: str) -> list[str]:
    return [sys.executable, "-I", "-B", str(_HOST), str(ROOT), order, handler, value]


@pytest.mark.parametrize("folder", ["root", "elsewhere"])
@pytest.mark.parametrize("order", ["first", "last"])
def test_children_find_the_app_wherever_it_stands_on_the_path(
    order: str, folder: str, tmp_path: Path
) -> None:
    """Premium puts the app first; Flex Consumption, Core Tools and Python 3.13 put it last."""
    done = subprocess.run(
        _command(order, "surroundings", ""),
        cwd=ROOT if folder == "root" else tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["value"]
    assert found["core"] == "0", "whatever the host may dump"
    assert Path(found["platform"]).name == "platform.py", "the standard library's, not our folder"
    assert found["geo_platform"] == str(ROOT / "platform" / "geo_platform" / "__init__.py")


@pytest.mark.parametrize("handler", ["hang", "hang_deaf", "hang_holding_the_interpreter"])
def test_a_killed_host_leaves_no_process_behind(handler: str, tmp_path: Path, told_pids: Pids) -> None:
    """Neither the nursery, nor the child, nor what the child had started."""
    with subprocess.Popen(_command("first", handler, str(tmp_path / "pids")), cwd=ROOT) as host:
        pids = told_pids()
        nursery = _parent(pids[0])
        assert _parent(nursery) == host.pid != os.getpid()
        host.kill()
    for pid in (nursery, *pids):
        eventually(lambda pid=pid: is_gone(pid))  # type: ignore[misc]


def test_a_child_dies_with_a_nursery_that_could_not_kill_it(tmp_path: Path, told_pids: Pids) -> None:
    """Host and nursery killed together, as when somebody kills by name: the kernel ends the child."""
    with subprocess.Popen(_command("first", "hang_deaf", str(tmp_path / "pids")), cwd=ROOT) as host:
        child, helper = told_pids()
        nursery = _parent(child)
        os.kill(host.pid, signal.SIGSTOP)
        os.kill(nursery, signal.SIGKILL)
        host.kill()
    try:
        eventually(lambda: is_gone(child))
    finally:
        os.kill(helper, signal.SIGKILL)  # nobody was left who knew of it


def _parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("PPid:"))
