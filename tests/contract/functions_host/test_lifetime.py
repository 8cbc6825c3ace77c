"""Stopping, timeouts and the supervision of worker processes."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.functions_host.bus import Bus
from tests.contract.functions_host.running import (
    RunningHost,
    copy_sample_app,
    running_host,
    wait_until,
)

TIMEOUT = "AzureFunctionsJobHost__functionTimeout"


def is_gone(pid: int) -> bool:
    """Whether no process of that id runs any more; a zombie does not."""
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def test_sigterm_lets_calls_and_messages_finish(app_root: Path, bus: Bus) -> None:
    with running_host(app_root, environment=bus.settings) as host, ThreadPoolExecutor(1) as client:
        answer = client.submit(host.get, "/api/slow?seconds=2")
        bus.send({"name": "drained", "seconds": 2})
        wait_until(lambda: host.trace("slow_started") and host.trace("task"))
        assert host.stop() == 0
        assert answer.result().body == b"done"
        assert [line["order"]["name"] for line in host.trace("task_done")] == ["drained"]
        assert bus.left() == 0


def test_what_outlives_the_drain_is_abandoned(app_root: Path, bus: Bus) -> None:
    with running_host(app_root, "--drain-seconds", "0.5", environment=bus.settings) as host:
        bus.send({"name": "undrained", "seconds": 60})
        wait_until(lambda: host.trace("task"))
        started = time.monotonic()
        assert host.stop() == 74
        assert time.monotonic() - started < 10
        assert "on_task" in host.log("drain_incomplete")[0]["message"]
    assert bus.receive().delivery_count == 1


def test_ctrl_c_stops_as_sigterm_does(app_root: Path) -> None:
    with running_host(app_root) as host:
        host.process.send_signal(signal.SIGINT)
        assert host.process.wait(10) == 0


def test_workers_end_when_the_parent_is_killed(app_root: Path) -> None:
    with running_host(app_root, environment={"FUNCTIONS_WORKER_PROCESS_COUNT": "2"}) as host:
        pids = host.worker_pids()
        assert len(pids) == 2
        host.process.kill()
        host.process.wait()
        wait_until(lambda: all(is_gone(pid) for pid in pids), seconds=5)


def test_several_workers_share_the_socket(app_root: Path) -> None:
    with running_host(app_root, environment={"FUNCTIONS_WORKER_PROCESS_COUNT": "2"}) as host:
        pids = set(host.worker_pids())

        def answering() -> bool:
            seen.add(int(host.get("/api/whoami").body))
            return seen == pids

        seen: set[int] = set()
        wait_until(answering)


def test_several_workers_share_out_the_concurrency(app_root: Path, bus: Bus) -> None:
    bus.send(*({"number": number} for number in range(12)), queue="sync-tasks")
    environment = {
        **bus.settings,
        "FUNCTIONS_WORKER_PROCESS_COUNT": "2",
        "AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentCalls": "2",
    }
    with running_host(app_root, environment=environment) as host:
        wait_until(lambda: len(host.trace("sync_task")) == 12)
        lines = host.trace("sync_task")
    assert len({line["pid"] for line in lines}) == 2
    assert {line["most"] for line in lines} == {1}


def killed(host: RunningHost) -> None:
    os.kill(host.worker_pids()[0], signal.SIGKILL)


def exits_by_itself(host: RunningHost) -> None:
    with pytest.raises((ConnectionError, OSError)):
        host.get("/api/fail/exit")


@pytest.mark.parametrize(("end", "reason"), [(killed, "SIGKILL"), (exits_by_itself, "exit code 9")])
def test_a_dead_worker_is_named_and_replaced(
    app_root: Path, end: Callable[[RunningHost], None], reason: str
) -> None:
    with running_host(app_root) as host:
        [first] = host.worker_pids()
        end(host)
        [record] = wait_until(lambda: host.log("worker_ended"))
        assert f"worker 0 (pid {first}) ended with {reason}" in record["message"]
        # The socket stayed open: a request waits for the next worker instead of being refused.
        assert int(host.get("/api/whoami").body) != first


@pytest.mark.parametrize("path", ["/api/slow?seconds=30", "/api/stuck?seconds=30"])
def test_a_function_timeout_ends_the_worker(app_root: Path, path: str) -> None:
    with running_host(app_root, environment={TIMEOUT: "00:00:01"}) as host:
        [first] = host.worker_pids()
        with pytest.raises((ConnectionError, OSError)):
            host.get(path)
        [ended] = wait_until(lambda: host.log("worker_ended"))
        assert ended["exit_code"] == 75
        assert host.log("function_timeout")[0]["function_name"] in {"slow", "stuck"}
        assert int(host.get("/api/whoami").body) != first


def test_a_function_timeout_gives_the_message_back(app_root: Path, bus: Bus) -> None:
    environment = {**bus.settings, TIMEOUT: "00:00:01"}
    with running_host(app_root, environment=environment) as host:
        bus.send({"name": "endless", "seconds": 60})
        wait_until(lambda: len(host.trace("task")) >= 2)
        seen = host.trace("task")
        assert [line["delivery_count"] for line in seen[:2]] == [1, 2]
        # Given back, not waited for: the first worker ended before the lock did.
        assert seen[0]["pid"] != seen[1]["pid"]


def test_an_unbounded_timeout_lets_a_function_run(app_root: Path) -> None:
    with running_host(app_root, environment={TIMEOUT: "-1"}) as host:
        assert host.get("/api/slow?seconds=1.5").body == b"done"


def test_text_logs_name_the_invocation(tmp_path: Path) -> None:
    with running_host(copy_sample_app(tmp_path), "--log-format", "text") as host:
        invocation = host.get("/api/context").json()["invocation_id"]
        line = next(line for line in host.log_text().splitlines() if f"inside {invocation}" in line)
    assert f"INFO    sample [context_of_call {invocation}] inside" in line


def test_a_log_line_is_written_once_when_the_app_logs_by_itself(app_root: Path) -> None:
    with (app_root / "function_app.py").open("a") as file:
        file.write("logging.getLogger().addHandler(logging.StreamHandler())\n")
    with running_host(app_root) as host:
        invocation = host.get("/api/context").json()["invocation_id"]
        assert host.log_text().count(f"inside {invocation}") == 1
        assert host.log("function_executed")


def test_log_levels_of_host_json(app_root: Path) -> None:
    environment = {"AzureFunctionsJobHost__logging__logLevel__Host.Results": "Warning"}
    with running_host(app_root, environment=environment) as host:
        host.get("/api/context")
        host.get("/api/fail/raise")
        assert not host.log("function_executed")
        assert host.log("function_failed")
        assert "inside" in host.log_text()
