"""Messages that come twice, late, in another order, or not at all."""

import time

from tools.bench.chaos_scenarios.scenario import NEVER, Change, Run, Scenario
from tools.lab.laboratory import SHORT_PATIENCE

_TASKS = 25
_JANITOR_SECONDS = 5

# From the moment at which a stage was closed to that at which the next one was opened, or the job ended.
_WAITS = """
SELECT max(extract(epoch FROM coalesce(following.opened_at, j.finished_at) - s.closed_at))
FROM app.stages s JOIN app.jobs j USING (job_id)
LEFT JOIN app.stages following ON following.job_id = s.job_id AND following.number = s.number + 1
"""


def _submit(run: Run) -> list[str]:
    number = 4 if run.quick else 20
    return [
        run.lab.submit("lab_three_stages", tasks=_TASKS, milliseconds=run.chance.randrange(50))
        for _ in range(number)
    ]


def _hostile(run: Run) -> None:
    run.require_whole(_submit(run), tasks=_TASKS)


def _last_task(run: Run) -> None:
    """Stages of eight tasks that begin together, take equally long, and so end together."""
    jobs = []
    for _ in range(10 if run.quick else 50):
        jobs.append(run.lab.submit("lab_three_stages", tasks=8, milliseconds=20))
        time.sleep(0.1)
    run.require_whole(jobs, tasks=8)


def _janitor_alone(run: Run) -> None:
    run.require_whole(_submit(run), tasks=_TASKS)
    ((longest,),) = run.lab.query(_WAITS)
    run.at_most("seconds_between_stages_at_most", float(longest or 1e9), 2 * _JANITOR_SECONDS)


_HOSTILE = {
    **SHORT_PATIENCE,
    "LAB_DUPLICATES": "0.2",
    "LAB_LATE": "0.3",
    "LAB_SEND_FAILURES": "0.05",
    "LAB_ACCEPT_THEN_ERROR": "0.02",
}
_DEAF = {
    **SHORT_PATIENCE,
    "LAB_DROP_STAGE_COMPLETE": "true",
    "ENGINE_JANITOR_SCHEDULE": f"*/{_JANITOR_SECONDS} * * * * *",
    "ENGINE_JOB_SILENCE_SECONDS": "1",
}

# Guards, and what is left without them.
NO_FENCE = Change("app.finish_task", "AND t.attempt = p_attempt AND t.status = 'processing'")
_NO_CLAIM = Change("app.claim_task", "t.status = 'processing' AND t.lease_until < clock_timestamp()", "true")
_NO_LOCK = Change(
    "app.close_stage_if_done", "PERFORM pg_advisory_xact_lock(app.stage_lock_key(p_job_id, p_stage));"
)
# A pause between the look at the siblings and the commit, as a slow disk makes it.
_ANSWER = "RETURN QUERY SELECT true,"
_SLOW_COMMIT = Change("app.finish_task", _ANSWER, f"PERFORM pg_sleep(0.03); {_ANSWER}")
# Completions of one process share transactions, one after the other: it takes several for two at a time.
_NO_JANITOR = {
    **SHORT_PATIENCE,
    "ENGINE_JANITOR_SCHEDULE": NEVER,
    "FUNCTIONS_WORKER_PROCESS_COUNT": "4",
}

SCENARIOS = (
    Scenario(
        "hostile_messages",
        "B5",
        "20 % twice, 30 % late and shuffled, 5 % of sends lost, 2 % accepted and then failed, all at once",
        _hostile,
        settings=_HOSTILE,
        is_seeded=True,
    ),
    Scenario(
        "janitor_alone",
        "B6",
        "every stage_complete message is lost: the janitor advances each stage within two of its periods",
        _janitor_alone,
        settings=_DEAF,
    ),
    Scenario(
        "janitor_alone_without_janitor",
        "B6",
        "every stage_complete message is lost, and nobody looks",
        _janitor_alone,
        settings={**_DEAF, "ENGINE_JANITOR_SCHEDULE": NEVER},
        is_control=True,
    ),
    Scenario(
        "hostile_messages_without_claim_and_fence",
        "B5",
        "a message that comes twice runs its task twice, and both results count",
        _hostile,
        settings=_HOSTILE,
        changes=(_NO_CLAIM, NO_FENCE),
        is_control=True,
    ),
    Scenario(
        "last_task",
        "B2",
        "tasks that end in the same instant: the last one closes the stage, and nobody else could",
        _last_task,
        settings=_NO_JANITOR,
        changes=(_SLOW_COMMIT,),
    ),
    Scenario(
        "last_task_without_lock",
        "B2",
        "tasks that end in the same instant do not see each other, and nobody closes the stage",
        _last_task,
        settings=_NO_JANITOR,
        changes=(_NO_LOCK, _SLOW_COMMIT),
        is_control=True,
    ),
)
