"""Much of the same: large stages over and over, cancellations at any moment, half a load for long."""

import time
from pathlib import Path

from tools.bench.chaos_scenarios.scenario import NEVER, Run, Scenario
from tools.lab.laboratory import SHORT_PATIENCE
from tools.stack.processes import leftovers

_JOB = "SELECT status FROM app.jobs WHERE job_id = %s"
_OPEN = """
SELECT count(*) FROM app.tasks
WHERE job_id = %s AND status IN ('pending_queue', 'queued', 'processing', 'pending_retry')
"""
_LEFT = """
SELECT count(*) FROM app.artefacts JOIN app.jobs j USING (job_id)
WHERE state <> 'discarded' AND j.status = 'cancelled'
"""
_DATABASE = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       (SELECT count(*) FROM pg_locks WHERE database = (
            SELECT oid FROM pg_database WHERE datname = current_database())),
       (SELECT coalesce(sum(n_dead_tup)::float8 / nullif(sum(n_live_tup + n_dead_tup), 0), 0)
        FROM pg_stat_user_tables WHERE relid = 'app.tasks'::regclass)
"""


def _hot_stages(run: Run) -> None:
    repeats, tasks = (2, 1_000) if run.quick else (50, 10_000)
    slowest = 0.0
    for _ in range(repeats):
        started = time.monotonic()
        job = run.lab.submit("lab_one_stage", tasks=tasks)
        end = run.lab.wait([job], seconds=run.patience_seconds)[job]
        if end != "completed":
            run.faults.append(f"a job is {end} after {time.monotonic() - started:.0f} s")
            return
        slowest = max(slowest, time.monotonic() - started)
    run.facts["stages"], run.facts["tasks_in_each"] = repeats, tasks
    run.at_most("slowest_stage_seconds", slowest, 40)
    run.faults += run.lab.faults(jobs=repeats, stages=1, tasks=tasks)


def _cancellations(run: Run) -> None:
    moments = 10 if run.quick else 200
    slowest, cancelled = 0.0, 0
    for _ in range(moments):
        job = run.lab.submit("lab_three_stages", tasks=10, milliseconds=200, leaves_blobs=True)
        time.sleep(run.chance.uniform(0, 1.5))
        asked = time.monotonic()
        if run.lab.cancel(job) == 409:  # it was faster
            continue
        cancelled += 1
        while run.lab.query(_JOB, job) != [("cancelled",)] or run.lab.query(_OPEN, job) != [(0,)]:
            if time.monotonic() - asked > 30:
                run.faults.append(f"job {job} did not stop within 30 s")
                return
            time.sleep(0.05)
        slowest = max(slowest, time.monotonic() - asked)
    run.facts["cancelled"], run.facts["slowest_seconds"] = cancelled, round(slowest, 2)
    run.require(
        cancelled > moments / 4, f"only {cancelled} of {moments} jobs were still there to be cancelled"
    )
    _require_no_artefact_of_the_cancelled(run)


def _require_no_artefact_of_the_cancelled(run: Run) -> None:
    """The janitor has removed what cancelled jobs had made; what they had not yet made, nobody makes."""
    deadline = time.monotonic() + run.patience_seconds
    while (found := run.lab.query(_LEFT)[0][0]) and time.monotonic() < deadline:
        time.sleep(0.5)
    run.require(found == 0, f"{found} artefacts of cancelled jobs are left")


def _soak(run: Run) -> None:
    """Jobs at about half of what it can do; what the stack holds at the end, and soon after the start."""
    minutes, rate = (2.0 if run.quick else run.soak_minutes), 4
    pids = leftovers(run.lab.stack.state.pid_file("standalone"))
    deadline = time.monotonic() + 60 * minutes
    jobs = 0
    early: tuple[float, ...] | None = None
    while time.monotonic() < deadline:
        due = time.monotonic() + 1 / rate
        run.lab.submit("lab_three_stages", tasks=25)
        jobs += 1
        if early is None and deadline - time.monotonic() < 0.8 * 60 * minutes:
            early = _held(run, pids)
        time.sleep(max(0, due - time.monotonic()))
    late = _held(run, pids)
    names = ("connections", "locks", "dead_share", "descriptors", "rss_mib")
    run.facts["jobs"], run.facts["minutes"] = jobs, minutes
    run.facts["early"] = dict(zip(names, early or (), strict=False))
    run.facts["late"] = dict(zip(names, late, strict=True))
    if early is None:
        run.faults.append("it was over before it began")
        return
    run.at_most("more_connections", late[0] - early[0], 4)
    run.at_most("more_locks", late[1] - early[1], 20)
    run.at_most("dead_share_of_tasks", late[2], 0.2)
    run.at_most("more_descriptors", late[3] - early[3], 10)
    run.at_most("growth_of_memory", late[4] / early[4] - 1, 0.1)
    time.sleep(5)
    run.faults += run.lab.faults(jobs=jobs, stages=3, tasks=25)


def _held(run: Run, pids: list[int]) -> tuple[float, ...]:
    connections, locks, dead_share = run.lab.query(_DATABASE)[0]
    descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return float(connections), float(locks), float(dead_share), float(descriptors), pages * 4096 / 2**20


SCENARIOS = (
    Scenario(
        "hot_stages",
        "B1",
        "fifty stages of 10,000 tasks: each is advanced once, none takes more than 40 s",
        _hot_stages,
        settings={},
    ),
    Scenario(
        "cancellations",
        "B12",
        "200 jobs are cancelled at random moments: each stops within 30 s and leaves nothing behind",
        _cancellations,
    ),
    Scenario(
        "cancellations_without_sweep",
        "B12",
        "nobody removes what cancelled jobs have made",
        _cancellations,
        settings={**SHORT_PATIENCE, "ENGINE_JANITOR_SCHEDULE": NEVER},
        is_control=True,
    ),
    Scenario(
        "soak",
        "B19",
        "two hours at half of the load: connections, locks, descriptors and memory do not grow",
        _soak,
        settings={},
    ),
)
