"""What a retry must not forget, repeat or confuse; the state machine found the first three of these."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from core.control import RetryScope
from core.errors import Conflict, InvalidRequest, PermanentTaskError, TransientError
from core.models.job import JobStatus
from core.models.stage import BEST_EFFORT, FAIL_FAST, Parallelism, Stage
from core.models.task import ClaimedTask, TaskStatus, WorkerIdentity
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import CountingJob, Engine, Number
from tools.stack.database import DatabaseUrls


class LenientFirst(CountingJob):
    """The first stage goes on with holes, the others do not. Finalizing and planning fail on order."""

    stages = tuple(
        Stage(n, f"s{n}", "count", Parallelism.FAN_OUT, BEST_EFFORT if n == 1 else FAIL_FAST)
        for n in (1, 2, 3)
    )
    finalize_faults = 0
    broken_plan = 0

    @classmethod
    def create_tasks_for_stage(cls, stage, parameters, previous):  # type: ignore[no-untyped-def]
        if stage == cls.broken_plan:
            raise PermanentTaskError("no plan", code="TEST_FAILURE")
        return super().create_tasks_for_stage(stage, parameters, previous)

    @classmethod
    def finalize_job(cls, parameters, results):  # type: ignore[no-untyped-def]
        if cls.finalize_faults:
            cls.finalize_faults -= 1
            raise TransientError("not now", code="TEST_FAILURE")
        return super().finalize_job(parameters, results)


@pytest.fixture
def job() -> type[LenientFirst]:
    """A copy of its own for each test."""
    return type("Job", (LenientFirst,), {})


@pytest.fixture
def failing() -> set[tuple[int, int]]:
    """The attempts that fail, by number of the task and of the tasks run before."""
    return set()


@pytest.fixture
def engine(
    database_urls: DatabaseUrls, job: type[LenientFirst], failing: set[tuple[int, int]]
) -> Iterator[Engine]:
    runs = iter(range(1000))

    def handle(parameters: Number, context: None) -> Number:
        if (parameters.n, next(runs)) in failing:
            raise PermanentTaskError("broken", code="TEST_FAILURE")
        return parameters

    engine = Engine(database_urls.app, handler=handle, job=job)
    yield engine
    assert_invariants(engine.url)
    engine.database.close()


def holes(engine: Engine, job_id: str) -> list[tuple[int, int]]:
    return [(hole.stage, hole.task_index) for hole in engine.job(job_id).holes]


def test_holes_of_earlier_stages_are_still_holes_after_a_retry(
    engine: Engine, failing: set[tuple[int, int]]
) -> None:
    failing |= {(0, 0), (0, 1)}  # a hole in the first stage, then the end of the second
    job_id = engine.submit(1, 1, 0)
    engine.run()
    assert engine.job(job_id).status is JobStatus.FAILED
    engine.control.retry(job_id)
    engine.run()
    assert (engine.job(job_id).status, holes(engine, job_id)) == (JobStatus.COMPLETED, [(1, 0)])


def test_a_hole_is_told_once_however_often_finalizing_is_tried(
    database_urls: DatabaseUrls, job: type[LenientFirst]
) -> None:
    job.finalize_faults = 2
    job.stages = tuple(Stage(n, f"s{n}", "count", Parallelism.FAN_OUT, BEST_EFFORT) for n in (1, 2, 3))

    def handle(parameters: Number, context: None) -> Number:
        raise PermanentTaskError("broken", code="TEST_FAILURE")

    engine = Engine(database_urls.app, handler=handle, job=job)
    job_id = engine.submit(0, 0, 1)
    engine.run()
    assert (engine.job(job_id).status, holes(engine, job_id)) == (JobStatus.COMPLETED, [(3, 0)])
    engine.database.close()


@pytest.mark.parametrize("scope", RetryScope)
def test_a_job_that_failed_after_an_empty_stage_is_retried_without_the_janitor(
    engine: Engine, job: type[LenientFirst], scope: RetryScope
) -> None:
    job.broken_plan = 2
    job_id = engine.submit(0, 1, 0)
    engine.run()
    assert (engine.job(job_id).status, engine.job(job_id).stage) == (JobStatus.FAILED, 1)
    job.broken_plan = 0
    engine.control.retry(job_id, scope=scope)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED


def test_the_word_of_a_stage_that_was_reopened_is_stale(
    engine: Engine, failing: set[tuple[int, int]]
) -> None:
    failing.add((0, 0))
    job_id = engine.submit(0, 1, 1)
    engine.deliver(engine.outbox()[0])
    (task_message,) = engine.outbox()
    engine.deliver(task_message)
    (closed,) = engine.outbox()
    engine.deliver(closed)
    assert engine.job(job_id).status is JobStatus.FAILED
    engine.control.retry(job_id)
    before = engine.job(job_id).stage
    engine.deliver(closed)
    assert engine.job(job_id).stage == before
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED


def test_a_worker_of_an_earlier_run_is_not_taken_for_one_of_the_present(engine: Engine) -> None:
    lease = timedelta(seconds=60)
    job_id = engine.submit(1, 0, 0)

    def claim() -> ClaimedTask:
        engine.deliver(next(m for m in engine.outbox() if b"job_submit" in m.body))
        engine.outbox()
        (task,) = engine.rows("SELECT task_id FROM app.tasks")
        claimed = engine.database.tasks.claim(task["task_id"], WorkerIdentity("a", "w", lease))
        assert claimed is not None
        return claimed

    old = claim()
    engine.control.cancel(job_id)
    engine.control.retry(job_id, scope=RetryScope.ALL)
    new = claim()
    assert engine.database.tasks.renew([(old.task_id, old.attempt, 0.5)], lease=lease) == set()
    assert not engine.database.tasks.finish(old, TaskStatus.COMPLETED, result={"n": 7})
    assert engine.database.tasks.finish(new, TaskStatus.COMPLETED, result={"n": 0})


def test_a_job_whose_tables_were_swept_runs_again_only_as_a_whole(
    engine: Engine, failing: set[tuple[int, int]]
) -> None:
    failing.add((0, 1))
    job_id = engine.submit(1, 1, 0)
    engine.run()
    assert engine.job(job_id).status is JobStatus.FAILED
    engine.database.tasks.stage_table("made", job_id=job_id, task_id=f"{job_id[:32]}-1-0", attempt=1)
    assert engine.sweeper.abandoned_artefacts() == 1
    for scope in (RetryScope.FAILED_TASKS, RetryScope.STAGE):
        with pytest.raises(Conflict, match="removed"):
            engine.control.retry(job_id, scope=scope)
    engine.control.retry(job_id, scope=RetryScope.ALL)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED


@pytest.mark.parametrize("named", [1, "1", "s1"])
def test_a_job_goes_back_to_an_earlier_stage(
    engine: Engine, failing: set[tuple[int, int]], named: int | str
) -> None:
    failing.add((1, 3))  # in the second stage, whose tasks are runs 2 and 3
    job_id = engine.submit(2, 2, 1)
    engine.run()
    assert (engine.job(job_id).status, engine.job(job_id).stage) == (JobStatus.FAILED, 2)
    assert engine.control.retry(job_id, from_stage=named) == 2
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    tasks = engine.rows("SELECT stage, attempt, task_id FROM app.tasks ORDER BY stage, task_index")
    assert [(task["stage"], task["attempt"]) for task in tasks] == [(1, 2), (1, 2), (2, 1), (2, 1), (3, 1)]
    assert [task["task_id"] for task in tasks[2:]] == [
        f"{job_id[:32]}-r2-{place}" for place in ("2-0", "2-1", "3-0")
    ]


def test_nobody_goes_on_to_a_stage_that_was_not_reached(
    engine: Engine, failing: set[tuple[int, int]]
) -> None:
    failing.add((0, 0))
    job_id = engine.submit(0, 1, 1)
    engine.run()
    assert (engine.job(job_id).status, engine.job(job_id).stage) == (JobStatus.FAILED, 2)
    with pytest.raises(Conflict, match="not come as far as stage 3"):
        engine.control.retry(job_id, from_stage="s3")
    with pytest.raises(InvalidRequest, match="no stage 's4'") as caught:
        engine.control.retry(job_id, from_stage="s4")
    assert caught.value.field_errors[0]["hint"] == "Stages: 1 s1, 2 s2, 3 s3."
    assert engine.job(job_id).status is JobStatus.FAILED


def test_who_goes_back_needs_only_what_was_made_before(engine: Engine, failing: set[tuple[int, int]]) -> None:
    failing.add((1, 2))
    job_id = engine.submit(1, 2, 0)
    engine.run()
    assert (engine.job(job_id).status, engine.job(job_id).stage) == (JobStatus.FAILED, 2)
    engine.database.tasks.stage_table("made", job_id=job_id, task_id=f"{job_id[:32]}-1-0", attempt=1)
    assert engine.sweeper.abandoned_artefacts() == 1
    with pytest.raises(Conflict, match="removed"):
        engine.control.retry(job_id, from_stage=2)
    engine.control.retry(job_id, from_stage=1)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
