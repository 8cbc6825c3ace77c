"""Worker hosts that die without a word."""

import time

from tools.bench.chaos_scenarios.scenario import NEVER, Run, Scenario
from tools.lab.laboratory import SHORT_PATIENCE, Laboratory

_TASKS = 25
_MILLISECONDS = 30  # what is left at the last kill, nearly all of it, is then work of a few seconds
_LEASE_SECONDS = float(SHORT_PATIENCE["ENGINE_LEASE_SECONDS"])


def restart_host(lab: Laboratory) -> None:
    """`kill -9` of every process of the host, and another host in its place."""
    host = lab.stack.part("standalone")
    host.kill()
    host.start()
    host.wait_ready()


def _kills(run: Run) -> None:
    jobs_wanted, kills = (4, 6) if run.quick else (20, 30)
    jobs: list[str] = []
    for kill in range(kills):
        while len(jobs) < jobs_wanted * (kill + 1) / kills:
            jobs.append(run.lab.submit("lab_three_stages", tasks=_TASKS, milliseconds=_MILLISECONDS))
        time.sleep(run.chance.uniform(0.1, 1.2))
        restart_host(run.lab)
    last_kill = time.monotonic()
    run.require_whole(jobs, tasks=_TASKS)
    ended = time.monotonic() - last_kill
    run.at_most("seconds_from_last_kill_to_end", ended, 3 * _LEASE_SECONDS + 10)


def _three_kills(run: Run) -> None:
    tasks = 150 if run.quick else 600
    undisturbed = _timed(run, tasks=tasks, kill_at=[])
    disturbed = _timed(run, tasks=tasks, kill_at=[0.2, 0.5, 0.8])
    run.facts["undisturbed_seconds"] = round(undisturbed, 2)
    run.at_most("seconds_more_than_undisturbed", disturbed - undisturbed, 30)
    ((again,),) = run.lab.query("SELECT count(*) FROM app.tasks WHERE attempt > 1")
    run.facts["tasks_done_again"] = again
    run.require(again > 0, "no kill met a task in work: nothing was tried")


def _timed(run: Run, *, tasks: int, kill_at: list[float]) -> float:
    """Seconds that a job takes whose host is killed when these shares of its tasks are done."""
    started = time.monotonic()
    job = run.lab.submit("lab_three_stages", tasks=tasks, milliseconds=50)
    done = "SELECT count(*) FROM app.tasks WHERE job_id = %s AND status = 'completed'"
    for share in kill_at:
        while run.lab.query(done, job)[0][0] < share * 3 * tasks:
            if time.monotonic() - started > run.patience_seconds:
                run.faults.append(f"{share:.0%} of the tasks were not done in {run.patience_seconds:g} s")
                return run.patience_seconds
            time.sleep(0.05)
        restart_host(run.lab)
    run.require_whole([job], tasks=tasks)
    return time.monotonic() - started


# A worker's death uses up an attempt of all that it had in hand. With thirty deaths in two minutes that is
# no sign of a poisonous task, so the limit is out of the way.
_PATIENT = {**SHORT_PATIENCE, "ENGINE_MAX_ATTEMPTS": "30"}

SCENARIOS = (
    Scenario(
        "kills",
        "B3",
        "kill -9 of the host at 30 random moments: nothing is lost, nothing takes effect twice",
        _kills,
        settings=_PATIENT,
        is_seeded=True,
    ),
    Scenario(
        "three_kills",
        "issue",
        "three kill -9 in a job of 3 x 600 tasks, at the defaults: done within 30 s of the undisturbed time",
        _three_kills,
        settings={},
    ),
    Scenario(
        "kills_without_janitor",
        "B3",
        "nobody takes back the leases of the dead",
        _kills,
        settings={**_PATIENT, "ENGINE_JANITOR_SCHEDULE": NEVER},
        is_control=True,
    ),
)
