"""A hundred thousand tasks: how soon they are committed, how fast they are drained, what memory it takes."""

import statistics
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import EngineClient

_IS_COMMITTED = "SELECT count(*) FROM app.stages WHERE job_id = %s AND task_count > 0"
_DRAIN = """
SELECT count(*) / extract(epoch FROM max(finished_at) - min(execution_started_at))
FROM app.tasks WHERE job_id = %s AND status = 'completed'
"""
_WARM_UP_SHARE = 0.2  # of the drain: pools are filled, the allocator has found its size


def fan_out(client: EngineClient, *, tasks: int) -> tuple[list[Bar], dict[str, Any]]:
    """From the submission to the commit of the stage with all its tasks; then they are discarded."""
    seconds, _ = flood(client, tasks=tasks)
    client.discard()
    return [_fan_out_bar(seconds, tasks)], {"tasks": tasks}


def drain(client: EngineClient, *, tasks: int) -> tuple[list[Bar], dict[str, Any]]:
    """As `fan_out`, and then until the job is completed."""
    with MemoryWatch(client) as memory:
        seconds, job = flood(client, tasks=tasks)
        client.wait(job, seconds=tasks / 50)
    rate = float(client.ask(_DRAIN, job)[0])
    growth = memory.growth()
    bars = [
        _fan_out_bar(seconds, tasks),
        Bar(f"drain of {tasks:,} queued tasks", rate, "/s", least=350),
        Bar("growth of a worker's memory meanwhile", 100 * max(growth.values(), default=0), "%", most=10),
    ]
    client.discard()
    return bars, {"tasks": tasks, "rss_mib": memory.rss_mib, "growth": growth}


def flood(client: EngineClient, *, tasks: int) -> tuple[float, str]:
    """Submit a job of one stage; the seconds until its tasks were committed, and its id."""
    started = time.monotonic()
    job = client.submit("lab_one_stage", tasks=tasks)
    while not client.ask(_IS_COMMITTED, job)[0]:
        if time.monotonic() - started > 120:
            raise TimeoutError("the stage was not opened within 120 s")
        time.sleep(0.005)
    return time.monotonic() - started, job


def _fan_out_bar(seconds: float, tasks: int) -> Bar:
    return Bar(f"fan-out of {tasks:,} tasks, submission to commit", seconds, "s", most=5)


class MemoryWatch:
    """Reads the resident memory of the host's workers once a second."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.rss_mib: dict[int, list[float]] = {}

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def growth(self) -> dict[int, float]:
        """By process, as a share: the most of the time after the warm-up over what it began that with."""
        grown = {}
        for pid, samples in self.rss_mib.items():
            rest = samples[int(len(samples) * _WARM_UP_SHARE) :]
            if len(rest) >= 10:
                grown[pid] = max(rest) / statistics.median(rest[:5]) - 1
        return grown

    def _watch(self) -> None:
        pids = self._client.worker_processes()
        while not self._stop.wait(1):
            for pid in pids:
                self.rss_mib.setdefault(pid, []).append(_rss_mib(pid))


def _rss_mib(pid: int) -> float:
    """Resident memory; 0 of a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(line.split()[1]) / 1024
