"""A failed request goes on where it stopped: with what it had, once, and only while that is there."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from core.control import RetryScope
from core.errors import Conflict, InvalidRequest, NotFound, TransientError
from geo_platform.completion import MAX_FINALIZE_ATTEMPTS
from geo_platform.models import RetryAnswer
from geo_platform.retrying import RetryWish
from infrastructure.repositories.artefacts import ArtefactRepository
from tests.integration.platform.platform_under_test import PlatformUnderTest
from tests.integration.platform.test_completion import EVERYTHING, NOTHING, job_types, visible

DAY = timedelta(days=1)
BROKEN = {
    "code": "STORAGE_TIMEOUT",
    "message": "The blob storage does not answer.",
    "error_class": "transient",
}


def failed_at(hub: PlatformUnderTest, step: int, *, status: str = "failed") -> str:
    """A request of which the job at `step` has failed, and everybody knows."""
    request_id = hub.submit().answer.request_id
    for number in range(step):
        hub.completion.on_job_terminal(hub.run_step(request_id, number))
    hub.end_job(hub.job_of(request_id, step), status=status, error=BROKEN)
    hub.completion.on_job_terminal(hub.job_of(request_id, step))
    assert hub.router.status(request_id).status == "failed"
    return request_id


def retry(
    hub: PlatformUnderTest,
    identifier: str,
    *,
    scope: RetryScope | None = None,
    from_stage: int | str | None = None,
) -> RetryAnswer:
    return hub.router.retry(identifier, RetryWish(scope, from_stage)).answer


def refusal(hub: PlatformUnderTest, identifier: str, **wish: Any) -> str:
    with pytest.raises((Conflict, NotFound, InvalidRequest)) as caught:
        retry(hub, identifier, **wish)
    assert caught.value.remedy
    return caught.value.code


def abandoned(hub: PlatformUnderTest, *, keep_failed: timedelta) -> int:
    with hub.parts.transactions() as tx:
        return len(ArtefactRepository(tx.connection).abandoned(keep_failed=keep_failed, limit=100))


def sweep(hub: PlatformUnderTest) -> None:
    hub.execute("UPDATE app.artefacts SET state = 'discarded' WHERE state = 'staged'")


def statuses(hub: PlatformUnderTest) -> list[str]:
    return [entry["status"] for entry in hub.value("SELECT status_history FROM app.datasets")]


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("ended", ["failed", "cancelled"])
def test_a_request_goes_on_where_it_stopped(hub: PlatformUnderTest, step: int, ended: str) -> None:
    request_id = failed_at(hub, step, status=ended)
    answer = retry(hub, request_id)
    assert (answer.request_id, answer.status) == (request_id, "accepted")
    assert answer.job_id == hub.job_of(request_id, step)

    status = hub.router.status(request_id)
    assert (status.status, status.error, status.completed_at) == ("processing", None, None)
    hub.completion.on_job_terminal(answer.job_id)  # the word of its first end, late
    assert hub.router.status(request_id).status == "processing"
    for number in range(step, 2):
        hub.completion.on_job_terminal(hub.run_step(request_id, number))

    assert visible(hub, request_id) == EVERYTHING
    assert job_types(hub) == ["ingest_vector", "stac_catalog_vectors"]
    assert statuses(hub)[-4:] == [ended, "provisioning", "processing", "ready"]
    assert hub.value("SELECT revision FROM app.datasets") == 1


def test_what_a_failed_request_has_made_waits_for_a_retry(hub: PlatformUnderTest) -> None:
    request_id = failed_at(hub, 1)
    assert abandoned(hub, keep_failed=DAY) == 0
    assert abandoned(hub, keep_failed=timedelta(0)) > 0
    retry(hub, request_id)
    assert abandoned(hub, keep_failed=timedelta(0)) == 0


def test_what_was_cancelled_or_submitted_again_waits_for_nobody(hub: PlatformUnderTest) -> None:
    request_id = failed_at(hub, 0)
    hub.execute("UPDATE app.jobs SET status = 'failed'")
    hub.execute(
        "INSERT INTO app.artefacts (job_id, task_id, attempt, kind, location)"
        " VALUES (%(id)s, 't', 1, 'blob', 'somewhere')",
        id=hub.job_of(request_id, 0),
    )
    assert abandoned(hub, keep_failed=DAY) == 0
    hub.execute("UPDATE app.jobs SET status = 'cancelled'")
    assert abandoned(hub, keep_failed=DAY) == 1
    hub.execute("UPDATE app.jobs SET status = 'failed'")
    hub.submit(retry_failed=True)
    assert abandoned(hub, keep_failed=DAY) == 1
    assert refusal(hub, request_id) == "NOT_RETRYABLE"


def test_without_what_it_had_made_a_request_cannot_go_on(hub: PlatformUnderTest) -> None:
    request_id = failed_at(hub, 1)
    sweep(hub)
    assert refusal(hub, request_id) == "RESULTS_DISCARDED"
    status = hub.router.status(request_id)
    assert (status.status, statuses(hub)[-1]) == ("failed", "failed")
    assert {link.rel for link in status.links} >= {"retry", "resume"}


def test_only_what_has_failed_is_tried_again(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    assert refusal(hub, request_id) == "NOT_RETRYABLE"
    hub.run_chain(request_id)
    assert refusal(hub, request_id) == "NOTHING_TO_RETRY"
    assert refusal(hub, "0" * 32) == "REQUEST_NOT_FOUND"


def test_a_request_that_could_not_be_published_is_published(hub: PlatformUnderTest) -> None:
    def fall_over(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    request_id = hub.submit().answer.request_id
    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    last = hub.run_step(request_id, 1)
    sound, hub.parts = hub.parts, replace(hub.parts, publish_table=fall_over)
    for _ in range(MAX_FINALIZE_ATTEMPTS - 1):
        with pytest.raises(TransientError):
            hub.completion.on_job_terminal(last)
    hub.completion.on_job_terminal(last)
    assert visible(hub, request_id) == NOTHING
    hub.parts = sound
    answer = retry(hub, request_id)
    assert (answer.tasks, hub.router.status(request_id).status) == (0, "processing")
    messages = "SELECT count(*) FROM app.outbox WHERE body ->> 'message_type' = 'job_terminal'"
    assert hub.value(messages) == 1
    hub.completion.on_job_terminal(last)
    assert visible(hub, request_id) == EVERYTHING


def test_of_several_retries_at_once_one_counts(hub: PlatformUnderTest) -> None:
    request_id = failed_at(hub, 1)
    barrier = Barrier(6)

    def ask() -> str:
        barrier.wait()
        try:
            return retry(hub, request_id).status
        except Conflict as exc:
            return exc.code

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(ask) for _ in range(6)]
        assert sorted(each.result() for each in asked) == ["NOT_RETRYABLE"] * 5 + ["accepted"]
    assert statuses(hub).count("provisioning") == 2


@pytest.mark.parametrize("scope", list(RetryScope))
def test_a_job_tried_again_by_its_own_name_takes_its_request_along(
    hub: PlatformUnderTest, scope: RetryScope
) -> None:
    request_id = failed_at(hub, 0)
    hub.control.retry(hub.job_of(request_id, 0), scope=scope)
    assert hub.router.status(request_id).status == "processing"


def reached(hub: PlatformUnderTest, job_id: str, stages: int) -> None:
    """The job has failed in the last of so many stages, of one task each."""
    for number in range(1, stages + 1):
        hub.execute(
            "INSERT INTO app.stages (job_id, number, name, task_type, task_count, status, closed_at)"
            " VALUES (%(id)s, %(number)s, 's', 't', 1, 'closed', now())",
            id=job_id,
            number=number,
        )
        hub.execute(
            "INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters,"
            " status, attempt, max_attempts, finished_at)"
            " VALUES (%(task)s, %(id)s, %(number)s, 0, 't', 'q', '{}', %(status)s, 1, 3, now())",
            task=f"{job_id[:32]}-{number}-0",
            id=job_id,
            number=number,
            status="failed" if number == stages else "completed",
        )
    hub.execute("UPDATE app.jobs SET stage = %(stage)s WHERE job_id = %(id)s", stage=stages, id=job_id)


@pytest.mark.parametrize("named", [2, "upload", "ingest_vector/upload", "ingest_vector/2"])
def test_a_request_goes_back_to_an_earlier_stage(hub: PlatformUnderTest, named: int | str) -> None:
    request_id = failed_at(hub, 0)
    job_id = hub.job_of(request_id, 0)
    reached(hub, job_id, 3)
    answer = retry(hub, request_id, from_stage=named)
    assert (answer.scope, answer.tasks, answer.revision) == (RetryScope.STAGE, 1, 1)
    assert hub.router.status(request_id).status == "processing"
    tasks = hub.rows("SELECT stage, status FROM app.tasks ORDER BY stage")
    assert [(task["stage"], task["status"]) for task in tasks] == [
        (1, "completed"),
        (2, "pending_queue"),
    ]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"from_stage": 3}, "NOT_RETRYABLE"),  # it has not come so far
        ({"from_stage": "ingest_vector/prepare"}, "NOT_RETRYABLE"),  # that job is done
        ({"from_stage": "process_raster/cog"}, "VALIDATION_ERROR"),  # there is no such job
        ({"from_stage": "polish"}, "VALIDATION_ERROR"),  # nor such a stage
        ({"from_stage": 1, "scope": RetryScope.ALL}, "CONFLICTING_FIELDS"),
    ],
)
def test_a_stage_to_go_back_to_must_be_one(hub: PlatformUnderTest, wish: dict[str, Any], code: str) -> None:
    request_id = failed_at(hub, 1)
    if wish["from_stage"] == 3:
        hub.execute("UPDATE app.jobs SET job_type = 'ingest_vector' WHERE status = 'failed'")
    assert refusal(hub, request_id, **wish) == code
    assert hub.router.status(request_id).status == "failed"
