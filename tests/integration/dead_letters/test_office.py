"""What becomes of a dead letter, on a real database."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from core.dead_letters import DeadLetter, DeadLetterOffice, Outcome
from core.models.job import JobStatus
from core.ports import OutboxMessage
from core.postponement import Postponement
from core.schema.queue import SCHEMA_VERSION, NewerMessage, QueueRole
from infrastructure.repositories.dead_letters import DeadLetterReport, DeadLetterRepository
from infrastructure.repositories.messages import MessageRepository
from tests.integration.engine.invariants import assert_invariants
from tests.integration.engine.machine_under_test import QUEUES, Engine
from tools.stack.database import DatabaseUrls

JOBS, TASKS = QUEUES[QueueRole.JOBS], QUEUES[QueueRole.LEGACY_TASKS]
PAUSES = tuple(timedelta(milliseconds=n) for n in (1, 2, 3))
_numbers = count(1)


@pytest.fixture
def engine(database_urls: DatabaseUrls) -> Iterator[Engine]:
    engine = Engine(database_urls.app)
    yield engine
    engine.database.close()
    assert_invariants(database_urls.admin)


@pytest.fixture
def office(engine: Engine) -> DeadLetterOffice:
    return DeadLetterOffice(
        engine.database.unit_of_work,
        partial(DeadLetterRepository, jobs_queue=JOBS),
        jobs_queue=JOBS,
        pauses=PAUSES,
    )


def dead(message: OutboxMessage) -> DeadLetter:
    """The message as it comes out of the dead-letter queue, in which each has a number of its own."""
    return DeadLetter(
        message.queue, message.body, message.message_id, next(_numbers), reason="MaxDeliveryCountExceeded"
    )


def outcomes(engine: Engine) -> list[str]:
    rows = engine.rows("SELECT outcome FROM app.dead_letters ORDER BY dead_letter_id")
    return [row["outcome"] for row in rows]


def bury(engine: Engine, office: DeadLetterOffice) -> list[Outcome | None]:
    """Everything that is promised dies at the broker."""
    return [office.receive(dead(message)) for message in engine.outbox()]


def test_a_job_whose_messages_all_die_once_completes(engine: Engine, office: DeadLetterOffice) -> None:
    """Each kind of message, at each step of the job."""
    job_id = engine.submit(2, 0, 1)
    for _ in range(20):
        died = bury(engine, office)
        for message in engine.outbox():
            engine.deliver(message)
        if not died:
            break
    assert engine.job(job_id).status is JobStatus.COMPLETED
    assert set(outcomes(engine)) == {"promised_again"}
    subjects = {
        row["subject"].partition(":")[0] for row in engine.rows("SELECT subject FROM app.dead_letters")
    }
    assert subjects == {"job_submit", "task", "stage_complete", "job_terminal"}


def test_a_task_that_dies_again_and_again_fails_its_stage(engine: Engine, office: DeadLetterOffice) -> None:
    job_id = engine.submit(3, 1, 1)
    for message in engine.outbox():
        engine.deliver(message)
    first, *others = engine.outbox()
    assert office.receive(dead(first)) is Outcome.PROMISED_AGAIN
    for message in others:
        engine.deliver(message)
    assert [bury(engine, office) for _ in range(3)] == [
        [Outcome.PROMISED_AGAIN],
        [Outcome.PROMISED_AGAIN],
        [Outcome.GIVEN_UP],
    ]
    engine.run()
    job = engine.job(job_id)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.context["reason"]) == ("DEAD_LETTERED", "MaxDeliveryCountExceeded")
    assert engine.ended == [job_id]


@pytest.mark.parametrize("advanced", [False, True])
def test_a_job_that_cannot_be_moved_fails(engine: Engine, office: DeadLetterOffice, advanced: bool) -> None:
    """Whether it is its first message that dies, or that of a stage."""
    job_id = engine.submit(1, 1, 1)
    if advanced:
        for _ in range(2):
            for message in engine.outbox():
                engine.deliver(message)
    for _ in PAUSES:
        assert bury(engine, office) == [Outcome.PROMISED_AGAIN]
    assert bury(engine, office) == [Outcome.GIVEN_UP]
    engine.run()
    job = engine.job(job_id)
    assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, "DEAD_LETTERED")
    assert engine.ended == [job_id]


def test_a_retried_job_has_its_chances_again(engine: Engine, office: DeadLetterOffice) -> None:
    job_id = engine.submit(1, 0, 0)
    for _ in range(4):
        bury(engine, office)
    engine.run()
    engine.control.retry(job_id)
    assert bury(engine, office) == [Outcome.PROMISED_AGAIN]
    engine.run()
    assert engine.job(job_id).status is JobStatus.COMPLETED


def test_the_end_of_a_job_is_told_a_few_times_and_left_to_the_janitor(
    engine: Engine, office: DeadLetterOffice
) -> None:
    job_id = engine.submit(0, 0, 0)
    for message in engine.outbox():
        engine.deliver(message)
    assert [bury(engine, office) for _ in range(5)] == [
        *([[Outcome.PROMISED_AGAIN]] * 3),
        [Outcome.GIVEN_UP],
        [],
    ]
    assert engine.job(job_id).status is JobStatus.COMPLETED


def test_what_nobody_waits_for_is_stale(engine: Engine, office: DeadLetterOffice) -> None:
    """Done, in work, advanced by another message, or never heard of."""
    engine.submit(2, 1, 1)
    (start,) = engine.outbox()
    engine.deliver(start)
    done, working = engine.outbox()
    engine.deliver(done)
    engine.rows(
        "UPDATE app.tasks SET status = 'processing', attempt = 1, lease_until = now() + interval '1 minute' "
        "WHERE status = 'queued' RETURNING task_id"
    )
    unknown = DeadLetter(TASKS, b'{"message_type": "task", "task_id": "nobody"}', "m", next(_numbers))
    early = DeadLetter(
        JOBS, start.body.replace(b"job_submit", b"job_terminal"), "n", next(_numbers)
    )  # says that a job has ended which has not
    letters = [dead(start), dead(done), dead(working), unknown, early]
    assert [office.receive(letter) for letter in letters] == [Outcome.STALE] * 5
    assert engine.outbox() == []


def test_a_lease_that_ran_out_does_not_keep_a_task(engine: Engine, office: DeadLetterOffice) -> None:
    engine.submit(1, 0, 0)
    engine.deliver(engine.outbox()[0])
    (message,) = engine.outbox()
    engine.rows(
        "UPDATE app.tasks SET status = 'processing', attempt = 1, lease_until = now() - interval '1 second'"
    )
    assert office.receive(dead(message)) is Outcome.PROMISED_AGAIN


def test_a_task_that_waits_for_its_next_attempt_is_promised_for_then(
    engine: Engine, office: DeadLetterOffice
) -> None:
    engine.submit(1, 0, 0)
    engine.deliver(engine.outbox()[0])
    (message,) = engine.outbox()
    engine.rows(
        "UPDATE app.tasks SET status = 'pending_retry', attempt = 1, run_after = now() + interval '5 minutes'"
    )
    office.receive(dead(message))
    (wait,) = engine.rows("SELECT deliver_after - now() AS wait FROM app.outbox")
    assert timedelta(minutes=4) < wait["wait"] <= timedelta(minutes=5)


def test_the_same_dead_letter_counts_once(engine: Engine, office: DeadLetterOffice) -> None:
    engine.submit(1, 0, 0)
    letter = dead(engine.outbox()[0])
    found: list[Outcome | None] = []
    readers = [threading.Thread(target=lambda: found.append(office.receive(letter))) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert sorted(found, key=str) == [*([None] * 7), Outcome.PROMISED_AGAIN]
    assert len(engine.outbox()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\x00 no text",
        b'{"message_type": "nonsense"}',
        b'{"message_type": "job_submit"}',
        b"x" * 100_000,
    ],
)
@pytest.mark.parametrize("queue", [JOBS, TASKS])
def test_a_malformed_message_is_recorded_and_nothing_else(
    engine: Engine, office: DeadLetterOffice, queue: str, body: bytes
) -> None:
    letter = DeadLetter(queue, body, reason="MALFORMED_MESSAGE", description="job_id: missing")
    assert office.receive(letter) is Outcome.MALFORMED
    (row,) = DeadLetterReport(engine.database).page(queue, before=None, limit=10)
    assert (row["reason"], row["description"], row["outcome"]) == (
        "MALFORMED_MESSAGE",
        "job_id: missing",
        "malformed",
    )
    assert engine.outbox() == []


def test_a_newer_versions_message_goes_back_as_it_is(engine: Engine, office: DeadLetterOffice) -> None:
    body = b'{"schema_version": %d, "message_type": "tiding", "colour": "blue"}' % (SCHEMA_VERSION + 1)
    assert office.receive(DeadLetter(JOBS, body, "m", 1)) is Outcome.PROMISED_AGAIN
    (message,) = engine.outbox()
    assert message.queue == JOBS
    assert b'"colour": "blue"' in message.body


def test_a_newer_message_about_a_task_comes_again_as_long_as_the_task_is_open(engine: Engine) -> None:
    postponement = Postponement(engine.database.unit_of_work, MessageRepository)
    engine.submit(1, 0, 0)
    engine.deliver(engine.outbox()[0])
    (message,) = engine.outbox()
    newer = message.body.replace(
        b'"schema_version": %d' % SCHEMA_VERSION, b'"schema_version": %d' % (SCHEMA_VERSION + 1)
    )
    assert newer != message.body
    with pytest.raises(NewerMessage):
        engine.machine.process_task_message(newer)
    postponement.postpone(TASKS, newer)
    (again,) = engine.outbox()
    assert (again.queue, again.body) == (TASKS, newer)
    assert again.deliver_after is not None
    assert engine.sweeper.silent_tasks() == 0
    engine.deliver(message)
    engine.run()
    postponement.postpone(TASKS, newer)
    assert engine.outbox() == []


def test_the_janitor_leaves_to_the_promise_what_was_promised(
    engine: Engine, office: DeadLetterOffice
) -> None:
    """Or it would send one more hint for each that dies, and all of them would die."""
    engine.submit(1, 1, 1)
    office = DeadLetterOffice(
        engine.database.unit_of_work, partial(DeadLetterRepository, jobs_queue=JOBS), jobs_queue=JOBS
    )
    assert bury(engine, office) == [Outcome.PROMISED_AGAIN]
    assert engine.sweeper.silent_jobs() == 0
    engine.deliver(engine.outbox()[0])
    assert bury(engine, office) == [Outcome.PROMISED_AGAIN]
    assert engine.sweeper.silent_tasks() == 0


def test_pages_and_counts(engine: Engine, office: DeadLetterOffice) -> None:
    for number in range(5):
        office.receive(DeadLetter(TASKS, b"?", f"m{number}", number))
    engine.submit(4, 0, 0)
    engine.deliver(engine.outbox()[0])
    report = DeadLetterReport(engine.database)
    page = report.page(TASKS, before=None, limit=2)
    rest = report.page(TASKS, before=page[-1]["dead_letter_id"], limit=200)
    assert [row["message_id"] for row in (*page, *rest)] == ["m4", "m3", "m2", "m1", "m0"]
    assert report.page(JOBS, before=None, limit=2) == []
    assert report.recent() == {"last_hour": 5, "given_up": 0, "malformed": 5, "queues": [TASKS]}
    jobs, tasks = report.queues([JOBS, TASKS])
    assert (jobs["waiting"], jobs["dead_letters_last_day"]) == (0, 0)
    assert (tasks["waiting"], tasks["out_now"], tasks["dead_letters_last_day"]) == (4, 0, 5)
    engine.outbox()
    assert report.queues([TASKS])[0]["out_now"] == 4
