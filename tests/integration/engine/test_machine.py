"""CoreMachine's guarantees on a real database: whatever is lost, repeated or reordered."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import BaseModel

from core.errors import ContractViolation, NotFound, PermanentTaskError, TransientError
from core.models.job import JobStatus
from core.models.stage import TaskDefinition
from core.models.task import TaskStatus, WorkerIdentity
from core.registry import HandlerDefinition
from core.schema.queue import MalformedMessage, NewerMessage, QueueRole
from core.stage_results import StageResults
from infrastructure.processes import this_process
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import CountingJob, Engine, Number, Plan
from tools.stack.database import DatabaseUrls


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    engine = Engine(database_urls.app)
    yield engine
    engine.database.close()


def test_a_job_runs_through_its_stages(engine: Engine) -> None:
    job_id = engine.submit(2, 3, 4)
    engine.run()
    job = engine.job(job_id)
    assert (job.status, job.stage, job.result) == (JobStatus.COMPLETED, 3, {"sum": 0 + 1 + 2 + 3})
    assert engine.ended == [job_id]
    assert_invariants(engine.url)


class CountingByAnotherName(CountingJob):
    """Its stages call the handler by an alias."""

    stages = tuple(replace(stage, task_type="tally") for stage in CountingJob.stages)


def test_a_stage_may_call_a_task_type_by_another_name(database_urls: DatabaseUrls) -> None:
    handler = HandlerDefinition(
        "count", lambda n, _: n, Number, Number, QueueRole.LEGACY_TASKS, aliases=("tally",)
    )
    engine = Engine(
        database_urls.app, job=CountingByAnotherName, handlers=dict.fromkeys(handler.names, handler)
    )
    job_id = engine.submit(2, 1, 1)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    with engine.database.connection() as connection:
        stored = connection.execute("SELECT DISTINCT task_type FROM app.tasks").fetchall()
    assert [row["task_type"] for row in stored] == ["count"]
    engine.database.close()


def test_the_same_submission_finds_the_same_job(engine: Engine) -> None:
    first = engine.jobs.submit("counting", {"counts": [1, 1, 1]})
    second = engine.jobs.submit("counting", {"counts": [1, 1, 1]})
    assert (first.created, second.created) == (True, False)
    assert second.job_id == first.job_id
    assert second.existing_status is JobStatus.QUEUED
    assert len(engine.outbox()) == 1


def test_an_unknown_job_type_is_named_with_the_known_ones(engine: Engine) -> None:
    with pytest.raises(NotFound) as caught:
        engine.jobs.submit("nonsense", {})
    assert caught.value.code == "UNKNOWN_JOB_TYPE"
    assert caught.value.context["job_types"] == ["counting"]


@pytest.mark.parametrize("counts", [(0, 2, 2), (2, 0, 2), (2, 2, 0), (0, 0, 0), (1, 0, 0)])
def test_stages_without_tasks_are_over_at_once(engine: Engine, counts: tuple[int, ...]) -> None:
    job_id = engine.submit(*counts)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    assert [
        row["task_count"] for row in engine.rows("SELECT task_count FROM app.stages ORDER BY number")
    ] == list(counts)
    assert_invariants(engine.url)


@pytest.mark.parametrize("seed", range(5))
def test_duplicates_and_reordering_change_nothing(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    job_id = engine.submit(5, 5, 5)
    seen = []
    while messages := engine.outbox():
        seen += messages
        batch = messages * 3 + chance.sample(seen, k=min(5, len(seen)))
        chance.shuffle(batch)
        for message in batch:
            engine.deliver(message)
    assert engine.job(job_id).result == {"sum": 10}
    assert [row["attempt"] for row in engine.rows("SELECT DISTINCT attempt FROM app.tasks")] == [1]
    assert_invariants(engine.url)


def test_with_every_message_lost_the_janitor_alone_finishes_the_job(engine: Engine) -> None:
    job_id = engine.submit(2, 2, 2)
    engine.outbox()
    for _ in range(40):
        engine.sweeper.silent_jobs()
        engine.sweeper.silent_tasks()
        for message in engine.outbox():
            engine.deliver(message)
            engine.outbox()  # what this message promised is lost again
        if engine.job(job_id).status.is_terminal:
            break
    assert engine.job(job_id).status is JobStatus.COMPLETED
    assert_invariants(engine.url)


def test_a_transient_error_is_tried_again(database_urls: DatabaseUrls) -> None:
    failures = {0: 2, 1: 1}

    def flaky(parameters: Number, context: None) -> Number:
        if failures.get(parameters.n, 0) > 0:
            failures[parameters.n] -= 1
            raise TransientError("the store is busy")
        return parameters

    engine = Engine(database_urls.app, handler=flaky)
    job_id = engine.submit(3, 1, 1)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    attempts = engine.rows("SELECT attempt FROM app.tasks WHERE stage = 1 ORDER BY task_index")
    assert [row["attempt"] for row in attempts] == [3, 2, 1]
    engine.database.close()


@pytest.mark.parametrize(
    ("error", "attempts", "code"),
    [
        (PermanentTaskError("no CRS", code="CRS_MISSING", remedy="Give one."), 1, "CRS_MISSING"),
        (TransientError("busy", code="STORAGE_TIMEOUT"), 3, "STORAGE_TIMEOUT"),
        (RuntimeError("secret detail"), 3, "UNEXPECTED_ERROR"),
    ],
)
def test_a_task_that_fails_for_good_fails_the_job_once(
    database_urls: DatabaseUrls, error: Exception, attempts: int, code: str
) -> None:
    def failing(parameters: Number, context: None) -> Number:
        raise error

    engine = Engine(database_urls.app, handler=failing)
    job_id = engine.submit(1, 1, 1)
    engine.run()
    job = engine.job(job_id)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.stage) == (code, 1)
    assert "secret" not in job.error.message
    assert engine.rows("SELECT attempt FROM app.tasks") == [{"attempt": attempts}]
    assert engine.ended == [job_id]
    assert_invariants(engine.url)
    engine.database.close()


def test_a_failure_cancels_the_siblings_that_have_not_started(database_urls: DatabaseUrls) -> None:
    def first_fails(parameters: Number, context: None) -> Number:
        raise PermanentTaskError("bad")

    engine = Engine(database_urls.app, handler=first_fails)
    engine.submit(10, 1, 1)
    engine.run()
    statuses = [row["status"] for row in engine.rows("SELECT status FROM app.tasks ORDER BY task_index")]
    assert statuses == ["failed"] + ["cancelled"] * 9
    assert_invariants(engine.url)
    engine.database.close()


def test_a_lost_worker_is_replaced_and_its_late_result_is_fenced_out(database_urls: DatabaseUrls) -> None:
    engine = Engine(database_urls.app, lease=timedelta(milliseconds=1))
    job_id = engine.submit(1, 1, 1)
    (submit,) = engine.outbox()
    engine.deliver(submit)
    (task,) = engine.outbox()
    dead = engine.database.tasks.claim(
        f"{job_id[:32]}-1-0", WorkerIdentity("a", "dead", timedelta(milliseconds=1))
    )
    assert dead is not None
    engine.rows("SELECT pg_sleep(0.01)")
    assert engine.sweeper.expired_leases() == 1
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    assert engine.rows("SELECT attempt FROM app.tasks WHERE stage = 1") == [{"attempt": 2}]
    assert engine.database.tasks.finish(dead, TaskStatus.COMPLETED, result={"n": 99}) is False
    assert engine.job(job_id).result == {"sum": 0}
    engine.deliver(task)
    assert_invariants(engine.url)
    engine.database.close()


def test_what_a_killed_process_of_this_machine_had_in_hand_goes_on_at_once(
    database_urls: DatabaseUrls,
) -> None:
    engine = Engine(database_urls.app)
    job_id = engine.submit(4, 1, 1)
    engine.deliver(engine.outbox()[0])
    engine.outbox()
    here = this_process()
    gone = here.rpartition(":")[0] + ":1"  # of this machine, but begun at another time
    elsewhere = here.replace(":", ":another-", 1)
    engine.rows(
        "INSERT INTO app.listeners SELECT n, 'a', 'standalone', '1', '{q}', 16 FROM unnest(%s::text[]) n",
        [here, gone, elsewhere],
    )
    for index, worker in enumerate([here, gone, elsewhere]):
        claimed = engine.database.tasks.claim(
            f"{job_id[:32]}-1-{index}", WorkerIdentity("a", worker, timedelta(hours=1))
        )
        assert claimed is not None
    assert engine.sweeper.expired_leases() == 0
    assert engine.sweeper.dead_workers() == 1
    assert engine.sweeper.expired_leases() == 1
    assert engine.sweeper.dead_workers() == 0
    waiting = engine.rows("SELECT worker FROM app.tasks WHERE status = 'pending_retry'")
    assert waiting == [{"worker": gone}]
    assert {row["instance"] for row in engine.rows("SELECT instance FROM app.listeners")} == {here, elsewhere}
    # The fourth, whose message it may have had, is hinted at as well.
    hinted = {json.loads(message.body)["task_id"][-1] for message in engine.outbox()}
    assert hinted == {"1", "3"}
    engine.database.close()


def test_a_task_that_kills_every_worker_ends_as_worker_lost(database_urls: DatabaseUrls) -> None:
    engine = Engine(database_urls.app)
    job_id = engine.submit(1, 1, 1)
    engine.deliver(engine.outbox()[0])
    for _ in range(3):
        engine.outbox()
        claimed = engine.database.tasks.claim(
            f"{job_id[:32]}-1-0", WorkerIdentity("a", "dies", timedelta(microseconds=1))
        )
        assert claimed is not None
        engine.rows("SELECT pg_sleep(0.005)")
        engine.sweeper.expired_leases()
    assert engine.sweeper.worn_out_tasks() == 1
    engine.run()
    error = engine.job(job_id).error
    assert error is not None
    assert error.code == "WORKER_LOST"
    assert_invariants(engine.url)
    engine.database.close()


class _Unfinishable(CountingJob):
    fault: Exception = RuntimeError("cannot sum up")

    @classmethod
    def finalize_job(cls, parameters: Plan, results: StageResults) -> dict[str, object]:
        raise cls.fault


def test_a_job_that_cannot_be_finalized_is_never_completed(database_urls: DatabaseUrls) -> None:
    engine = Engine(database_urls.app, job=_Unfinishable)
    job_id = engine.submit(1, 1, 1)
    engine.run()
    job = engine.job(job_id)
    assert job.error is not None
    assert (job.status, job.error.code, job.finalize_attempts) == (JobStatus.FAILED, "FINALIZE_FAILED", 3)
    assert engine.ended == [job_id]
    engine.database.close()


class _Misplanned(CountingJob):
    @classmethod
    def create_tasks_for_stage(cls, stage: int, parameters: Plan, previous: StageResults) -> list[object]:  # type: ignore[override]
        if stage == 2:
            previous.one(_Other)
        return list(super().create_tasks_for_stage(stage, parameters, previous))


class _Other(BaseModel):
    files: list[str]


def test_a_result_of_the_wrong_shape_names_the_task_and_the_field(database_urls: DatabaseUrls) -> None:
    engine = Engine(database_urls.app, job=_Misplanned)
    job_id = engine.submit(1, 1, 1)
    engine.run()
    error = engine.job(job_id).error
    assert error is not None
    assert error.code == "STAGE_RESULT_INVALID"
    assert "files" in error.message
    assert "['n']" in error.message
    engine.database.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b'{"message_type":"job_submit"}',
        b'{"schema_version":"1"}',
    ],
)
def test_a_malformed_message_is_called_so(engine: Engine, body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        engine.machine.process_job_message(body)
    with pytest.raises(MalformedMessage):
        engine.machine.process_task_message(body)


def test_a_message_of_a_newer_version_is_left_to_it(engine: Engine) -> None:
    with pytest.raises(NewerMessage):
        engine.machine.process_task_message(b'{"schema_version":9,"message_type":"task","task_id":"t"}')


def test_messages_about_unknown_things_do_nothing(engine: Engine) -> None:
    engine.machine.process_job_message(b'{"message_type":"job_submit","job_id":"none"}')
    engine.machine.process_job_message(b'{"message_type":"stage_complete","job_id":"none","stage":1}')
    engine.machine.process_task_message(b'{"message_type":"task","task_id":"none"}')
    assert engine.outbox() == []


def test_a_job_type_that_this_version_does_not_know_stays_for_another(engine: Engine) -> None:
    job_id = engine.submit(1, 1, 1)
    engine.rows("UPDATE app.jobs SET job_type = 'from_the_future'")
    with pytest.raises(ContractViolation):
        engine.machine.process_job_message(f'{{"message_type":"job_submit","job_id":"{job_id}"}}'.encode())
    assert engine.job(job_id).status is JobStatus.QUEUED


class _Texts(CountingJob):
    """Its first stage's results are large; its second reads them."""

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: Plan, previous: StageResults
    ) -> list[TaskDefinition]:
        numbers = [number.n for number in previous.each(Number)] if stage == 2 else [0] if stage == 1 else []
        return [TaskDefinition(Number(n=n)) for n in numbers]


def test_a_large_result_goes_to_the_store_and_comes_back_for_the_next_stage(
    database_urls: DatabaseUrls,
) -> None:
    large = 10**1200

    def handle(parameters: Number, context: None) -> Number:
        return Number(n=large)

    engine = Engine(database_urls.app, handler=handle, job=_Texts)
    job_id = engine.submit(1, 1, 1)
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED
    assert list(engine.results.contents) == [f"memory://{job_id[:32]}-{stage}-0/1" for stage in (1, 2)]
    (stored,) = engine.rows("SELECT result FROM app.tasks WHERE stage = 1")
    assert set(stored["result"]) == {"$result_blob", "size_bytes"}
    (planned,) = engine.rows("SELECT parameters ->> 'n' AS n FROM app.tasks WHERE stage = 2")
    assert int(planned["n"]) == large
    engine.database.close()
