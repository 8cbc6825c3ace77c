"""The process book-keeping of the stack, on small processes of our own."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.stack.errors import PartCrashed, PartNotReady
from tools.stack.part import Launch, Part, PartState
from tools.stack.ports import answers
from tools.stack.processes import ProcessIdentity, leftovers, wait_until
from tools.stack.state import StateDirectory

_SERVER = """
import http.server, sys
print("serving")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.BaseHTTPRequestHandler).serve_forever()
"""
# Leaves a child in a session of its own behind, which outlives the parent.
_WITH_CHILD = f"import subprocess; subprocess.Popen(['setsid', 'sleep', '600']){_SERVER}"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN){_SERVER}"


class SmallPart(Part):
    """A part that runs a few lines of Python."""

    stop_seconds = 0.3
    ready_seconds = 10.0

    def __init__(self, state: StateDirectory, code: str = _SERVER) -> None:
        super().__init__("small", state=state)
        self.code = code

    def _launch(self) -> Launch:
        return Launch([sys.executable, "-c", self.code, str(self.port)], cwd=Path("/"))

    def _is_ready(self) -> bool:
        return answers(self.port)


@pytest.fixture
def part(tmp_path: Path) -> Iterator[SmallPart]:
    small = SmallPart(StateDirectory(tmp_path))
    yield small
    small.stop()


def _start(part: SmallPart) -> int:
    part.start()
    part.wait_ready()
    pid = part.status().pid
    assert pid is not None
    return pid


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_second_start_is_a_no_op(part: SmallPart) -> None:
    pid = _start(part)
    assert part.start() is False
    assert part.status().pid == pid


def test_another_object_for_the_same_directory_sees_the_process(part: SmallPart, tmp_path: Path) -> None:
    pid = _start(part)
    other = SmallPart(StateDirectory(tmp_path))
    assert other.status().pid == pid
    assert other.stop() is True
    assert not _runs(pid)
    assert part.status().state is PartState.STOPPED


def test_stop_ends_a_process_that_ignores_the_signal(part: SmallPart) -> None:
    part.code = _STUBBORN
    pid = _start(part)
    part.stop()
    assert not _runs(pid)


def test_stop_ends_children_that_left_the_session(part: SmallPart, tmp_path: Path) -> None:
    part.code = _WITH_CHILD
    _start(part)
    pid_file = StateDirectory(tmp_path).pid_file("small")
    assert len(leftovers(pid_file)) == 2
    part.stop()
    assert leftovers(pid_file) == []


def test_a_killed_part_is_crashed_and_named_with_the_end_of_its_log(part: SmallPart) -> None:
    os.kill(_start(part), signal.SIGKILL)
    assert wait_until(lambda: part.status().state is PartState.CRASHED, seconds=10)
    with pytest.raises(PartCrashed) as crash:
        part.raise_if_crashed()
    assert crash.value.name == "small"
    assert "serving" in crash.value.log_tail


def test_a_crashed_part_starts_again_on_its_port(part: SmallPart) -> None:
    _start(part)
    port = part.port
    part.kill()
    _start(part)
    assert (part.status().state, part.port) == (PartState.RUNNING, port)


def test_a_part_that_ends_at_once_is_a_crash_not_a_timeout(part: SmallPart) -> None:
    part.code = "raise SystemExit('no settings')"
    part.start()
    with pytest.raises(PartCrashed) as crash:
        part.wait_ready()
    assert crash.value.log_tail.endswith("no settings")


def test_a_part_that_never_answers_is_not_ready(part: SmallPart) -> None:
    part.code = "import time; print('thinking', flush=True); time.sleep(600)"
    part.ready_seconds = 0.5
    part.start()
    with pytest.raises(PartNotReady, match="small was not ready") as failure:
        part.wait_ready()
    assert failure.value.log_tail == "thinking"


def test_a_process_with_a_recycled_id_is_not_taken_for_ours(part: SmallPart, tmp_path: Path) -> None:
    """The record of an earlier process whose id a stranger has now: neither running nor to be killed."""
    stranger = SmallPart(StateDirectory(tmp_path / "stranger"))
    try:
        pid = _start(stranger)
        record = StateDirectory(tmp_path / "stranger").pid_file("small").read_text()
        boot_id, stat = record.split("\n", 1)
        before, after = stat.rsplit(")", 1)
        fields = after.split()
        fields[19] = str(int(fields[19]) - 1)  # it started a tick earlier
        StateDirectory(tmp_path).pid_file("small").write_text(f"{boot_id}\n{before}) {' '.join(fields)}")
        assert part.status().state is PartState.CRASHED
        part.stop()
        assert _runs(pid)
    finally:
        stranger.stop()


def test_a_record_of_an_earlier_boot_means_stopped(part: SmallPart, tmp_path: Path) -> None:
    _start(part)
    pid_file = StateDirectory(tmp_path).pid_file("small")
    record = pid_file.read_text()
    try:
        pid_file.write_text("00000000-0000-0000-0000-000000000000\n" + record.split("\n", 1)[1])
        assert part.status().state is PartState.STOPPED
        identity = ProcessIdentity.from_file(pid_file)
        assert identity
        assert not identity.alive()
    finally:
        pid_file.write_text(record)


def test_identity_survives_odd_process_names(tmp_path: Path) -> None:
    fields = " ".join(str(n) for n in range(3, 53))
    (tmp_path / "odd.pid").write_text(f"boot\n4711 (a) b (c) {fields}\n")
    assert ProcessIdentity.from_file(tmp_path / "odd.pid") == ProcessIdentity(
        "boot", pid=4711, start_ticks=22
    )
