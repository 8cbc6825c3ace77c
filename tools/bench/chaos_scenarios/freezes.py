"""A worker that stands still past its lease, is taken for dead, and goes on as if nothing had been."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tools.bench.chaos_scenarios.messages import NO_FENCE
from tools.bench.chaos_scenarios.scenario import Run, Scenario
from tools.lab.laboratory import APP_ROOT, SHORT_PATIENCE, Laboratory
from tools.stack.processes import leftovers
from tools.stack.python_parts import FunctionsHost

_TASKS = 25
_FENCED_OUT = b"result of a lost lease dropped"


def _freezes(run: Run) -> None:
    cycles = 4 if run.quick else 50
    jobs: list[str] = []
    with _second_host(run.lab) as second:
        for _ in range(cycles):
            jobs.append(run.lab.submit("lab_three_stages", tasks=_TASKS, milliseconds=300))
            time.sleep(run.chance.uniform(0.3, 1.5))
            _freeze(run.lab, second, seconds=run.chance.uniform(2.5, 4.5))
        run.require_whole(jobs, tasks=_TASKS)
        taken_over = run.lab.query("SELECT count(*) FROM app.tasks WHERE attempt > 1")[0][0]
        run.facts["cycles"], run.facts["tasks_taken_over"] = cycles, taken_over
        run.facts["stale_results_refused"] = _log_of(second, run.lab).count(_FENCED_OUT)
    run.require(taken_over > 0, "no task was taken over: nothing was tried")


@contextmanager
def _second_host(lab: Laboratory) -> Iterator[FunctionsHost]:
    """Another host of the same app: it is the one that stands still, the first takes over."""
    stack = lab.stack
    host = FunctionsHost(
        "second",
        state=stack.state,
        root=stack.root,
        app_root=APP_ROOT,
        settings=lambda: {**stack.environment(), "APP_NAME": "geo-second"},
    )
    stack.state.log_file("second").unlink(missing_ok=True)
    host.stop()
    host.start()
    try:
        host.wait_ready()
        yield host
    finally:
        host.stop()


def _freeze(lab: Laboratory, host: FunctionsHost, *, seconds: float) -> None:
    pids = leftovers(lab.stack.state.pid_file(host.name))
    _signal(pids, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def _log_of(host: FunctionsHost, lab: Laboratory) -> bytes:
    return lab.stack.state.log_file(host.name).read_bytes()


# Each freeze uses up an attempt of what the host had in hand (see kills.py).
_PATIENT = {**SHORT_PATIENCE, "ENGINE_MAX_ATTEMPTS": "30"}

SCENARIOS = (
    Scenario(
        "freezes",
        "B9",
        "SIGSTOP of a host past its lease and SIGCONT, fifty times: no stale result is accepted",
        _freezes,
        settings=_PATIENT,
    ),
    Scenario(
        "freezes_without_fence",
        "B9",
        "the result of a worker that was thought dead counts as well",
        _freezes,
        settings=_PATIENT,
        changes=(NO_FENCE,),
        is_control=True,
    ),
)
