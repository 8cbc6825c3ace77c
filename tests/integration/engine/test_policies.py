"""Failure policies, cancelling, retrying: every job ends once, in the right state."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from core.control import RetryScope
from core.errors import Conflict, NotFound, PermanentTaskError
from core.models.job import JobStatus
from core.models.stage import BEST_EFFORT, FAIL_FAST, FailurePolicy, Parallelism, Stage, TaskDefinition
from core.models.task import TaskStatus, WorkerIdentity
from core.stage_results import StageResults
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import CountingJob, Engine, Number, Plan
from tools.stack.database import DatabaseUrls


def failing(*numbers: int) -> Callable[[Number, None], Number]:
    """A handler that fails for these tasks of each stage."""

    def handle(parameters: Number, context: None) -> Number:
        if parameters.n in numbers:
            raise PermanentTaskError(f"task {parameters.n} fails", code="TEST_FAILURE", remedy="None.")
        return parameters

    return handle


def job_with(policy: FailurePolicy) -> type[CountingJob]:
    class Job(CountingJob):
        stages = tuple(Stage(n, f"s{n}", "count", Parallelism.FAN_OUT, policy) for n in (1, 2, 3))

    return Job


class LenientJob(CountingJob):
    """Lets fail by share, by declaration, and by number; notes the holes that the planning of a stage saw."""

    stages = tuple(
        Stage(n, f"s{n}", "count", Parallelism.FAN_OUT, FailurePolicy.allow(1_000_000)) for n in (1, 2, 3)
    )
    seen: ClassVar[dict[int, list[tuple[int, str]]]] = {}

    @classmethod
    def failure_policy(cls, stage: int, parameters: Plan) -> FailurePolicy | None:
        return FailurePolicy.fraction(0.29) if stage == 1 else None

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: Plan, previous: StageResults
    ) -> list[TaskDefinition]:
        cls.seen[stage] = [(hole.stage, hole.task_key) for hole in previous.holes()]
        return super().create_tasks_for_stage(stage, parameters, previous)

    @classmethod
    def finalize_job(cls, parameters: Plan, results: StageResults) -> dict[str, Any]:
        summed = super().finalize_job(parameters, results)
        return {**summed, "holes": [hole.task_key for hole in results.holes()]}


@contextmanager
def engine_of(urls: DatabaseUrls, **options: object) -> Iterator[Engine]:
    engine = Engine(urls.app, **options)  # type: ignore[arg-type]
    yield engine
    assert_invariants(engine.url)
    engine.database.close()


@pytest.mark.parametrize("numbers", [(0,), (2,), (4,), (0, 4), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize(
    ("policy", "allowed"), [(FAIL_FAST, 0), (FailurePolicy.allow(2), 2), (BEST_EFFORT, 10**9)]
)
def test_a_stage_fails_when_more_fail_than_its_policy_allows(
    database_urls: DatabaseUrls, policy: FailurePolicy, allowed: int, numbers: tuple[int, ...]
) -> None:
    with engine_of(database_urls, handler=failing(*numbers), job=job_with(policy)) as engine:
        job_id = engine.submit(5, 5, 5)
        engine.run()
        job = engine.job(job_id)
        if len(numbers) > allowed:
            assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, "TEST_FAILURE")
        else:
            assert job.status is JobStatus.COMPLETED
            holes = [(hole.stage, hole.task_index, hole.code) for hole in job.holes]
            assert holes == [(stage, n, "TEST_FAILURE") for stage in (1, 2, 3) for n in numbers]
            assert job.result == {"sum": sum(set(range(5)) - set(numbers))}
        assert engine.ended == [job_id]


@pytest.mark.parametrize(
    ("failed", "ends"), [((), "completed"), ((0, 9), "completed"), ((0, 5, 9), "failed")]
)
def test_a_job_may_say_by_its_parameters_what_share_may_fail(
    database_urls: DatabaseUrls, failed: tuple[int, ...], ends: str
) -> None:
    """0.29 of ten tasks are two; the declared policy holds for the stages that the job says nothing of."""
    with engine_of(database_urls, handler=failing(*failed), job=LenientJob) as engine:
        job_id = engine.submit(10, 10, 1)
        engine.run()
        assert engine.job(job_id).status == ends
        allowed = engine.rows("SELECT allowed_failures FROM app.stages ORDER BY number")
        assert [row["allowed_failures"] for row in allowed][:2] == [2, 1_000_000][: len(allowed)]


def test_later_stages_and_the_end_of_the_job_see_the_holes(database_urls: DatabaseUrls) -> None:
    with engine_of(database_urls, handler=failing(3, 7), job=LenientJob) as engine:
        job_id = engine.submit(10, 8, 6)
        engine.run()
        job = engine.job(job_id)
        assert LenientJob.seen == {
            1: [],
            2: [(1, "3"), (1, "7")],
            3: [(1, "3"), (1, "7"), (2, "3"), (2, "7")],
        }
        assert job.result == {"sum": 0 + 1 + 2 + 4 + 5, "holes": ["3"]}
        assert [(hole.stage, hole.task_key) for hole in job.holes] == [*LenientJob.seen[3], (3, "3")]


def test_cancelling_ends_the_job_and_its_tasks(database_urls: DatabaseUrls) -> None:
    with engine_of(database_urls) as engine:
        job_id = engine.submit(3, 1, 1)
        engine.deliver(engine.outbox()[0])
        late = engine.outbox()
        engine.control.cancel(job_id, reason="not wanted")
        for message in late:
            engine.deliver(message)
        engine.run()
        job = engine.job(job_id)
        assert (job.status, job.error and job.error.code) == (JobStatus.CANCELLED, "CANCELLED")
        assert engine.rows("SELECT DISTINCT status, attempt FROM app.tasks") == [
            {"status": "cancelled", "attempt": 0}
        ]
        assert engine.ended == [job_id]
        with pytest.raises(Conflict, match="ended before"):
            engine.control.cancel(job_id)
        with pytest.raises(NotFound):
            engine.control.cancel("nothing")


def test_a_running_task_learns_of_the_cancellation_and_its_result_does_not_count(
    database_urls: DatabaseUrls,
) -> None:
    with engine_of(database_urls) as engine:
        job_id = engine.submit(1, 1, 1)
        engine.deliver(engine.outbox()[0])
        engine.outbox()
        from datetime import timedelta

        lease = timedelta(seconds=60)
        claimed = engine.database.tasks.claim(f"{job_id[:32]}-1-0", WorkerIdentity("a", "w", lease))
        assert claimed is not None
        assert engine.database.tasks.renew([(claimed.task_id, 1, 0.5)], lease=lease) == {claimed.task_id}
        engine.control.cancel(job_id)
        assert engine.database.tasks.renew([(claimed.task_id, 1, 0.5)], lease=lease) == set()
        assert not engine.database.tasks.finish(claimed, TaskStatus.COMPLETED, result={"n": 0})


@pytest.mark.parametrize(
    ("scope", "runs"), [(RetryScope.FAILED_TASKS, 1), (RetryScope.STAGE, 3), (RetryScope.ALL, 3)]
)
def test_a_failed_job_is_retried(database_urls: DatabaseUrls, scope: RetryScope, runs: int) -> None:
    seen: list[int] = []
    broken = {1}

    def handle(parameters: Number, context: None) -> Number:
        seen.append(parameters.n)
        if parameters.n in broken:
            raise PermanentTaskError("broken", code="TEST_FAILURE")
        return parameters

    with engine_of(database_urls, handler=handle, job=job_with(FailurePolicy.allow(0))) as engine:
        job_id = engine.submit(3, 0, 0)
        engine.run()
        assert engine.job(job_id).status is JobStatus.FAILED
        completed_before = engine.rows("SELECT count(*) AS n FROM app.tasks WHERE status = 'completed'")[0][
            "n"
        ]
        broken.clear()
        seen.clear()
        engine.control.retry(job_id, scope=scope)
        engine.run()
        job = engine.job(job_id)
        assert (job.status, job.error, job.result) == (JobStatus.COMPLETED, None, {"sum": 0})
        expected = runs if scope is not RetryScope.FAILED_TASKS else 3 - completed_before
        assert len(seen) == expected
        assert engine.ended == [job_id, job_id]
        with pytest.raises(Conflict, match="completed"):
            engine.control.retry(job_id)


def test_one_task_is_retried_and_its_stage_goes_on(database_urls: DatabaseUrls) -> None:
    broken = {0, 1}

    def handle(parameters: Number, context: None) -> Number:
        if parameters.n in broken:
            raise PermanentTaskError("broken", code="TEST_FAILURE")
        return parameters

    with engine_of(database_urls, handler=handle, job=job_with(FailurePolicy.allow(1))) as engine:
        job_id = engine.submit(2, 1, 0)
        engine.run()
        assert engine.job(job_id).status is JobStatus.FAILED
        broken.clear()
        with pytest.raises(Conflict):
            engine.control.retry_task(job_id, "no such task")
        engine.control.retry_task(job_id, f"{job_id[:32]}-1-1")
        engine.run()
        job = engine.job(job_id)
        assert job.status is JobStatus.COMPLETED
        assert [(hole.stage, hole.task_index) for hole in job.holes] == [(1, 0)]


def test_a_job_whose_result_could_not_be_summed_up_is_retried_from_there(database_urls: DatabaseUrls) -> None:
    faults = [RuntimeError("no"), RuntimeError("no"), RuntimeError("no")]

    class Job(CountingJob):
        @classmethod
        def finalize_job(cls, parameters, results):  # type: ignore[no-untyped-def]
            if faults:
                raise faults.pop()
            return super().finalize_job(parameters, results)

    with engine_of(database_urls, job=Job) as engine:
        job_id = engine.submit(1, 1, 2)
        engine.run()
        assert engine.job(job_id).status is JobStatus.FAILED
        assert engine.control.retry(job_id) == 0
        engine.run()
        assert engine.job(job_id).result == {"sum": 1}
        assert [row["attempt"] for row in engine.rows("SELECT DISTINCT attempt FROM app.tasks")] == [1]
