"""Submitting: once, whoever else submits the same; the matrix of duplicates; nothing stored when refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from core.errors import InvalidRequest, NotFound, Unavailable
from core.ports import BlobInfo
from geo_platform.errors import IdentityConflict
from geo_platform.router import Submitted
from infrastructure.database import Database
from tests.blobs import DirectoryBlobStore
from tests.integration.platform.platform_under_test import PlatformUnderTest, body_with
from tests.integration.platform.stored import counts, errors

FAILURE = {
    "code": "CRS_MISSING",
    "message": "The source has no CRS.",
    "remedy": "Add one.",
    "stage": 1,
    "task_id": "t",
}


def test_a_submission_is_one_of_everything_and_one_promise(hub: PlatformUnderTest) -> None:
    submitted = hub.submit()

    assert not submitted.replayed
    assert submitted.answer.status == "accepted"
    assert counts(hub) == {"datasets": 1, "requests": 1, "jobs": 1, "request_jobs": 1, "outbox": 1}
    assert len(hub.sent) == 1
    job = hub.rows("SELECT job_type, parameters, platform_request_id, dataset_key FROM app.jobs")[0]
    assert job["job_type"] == "ingest_vector"
    assert job["platform_request_id"] == submitted.answer.request_id
    assert job["dataset_key"] == submitted.answer.dataset_key
    etag = hub.blobs.info("bronze/floods/extent.gpkg").etag
    assert job["parameters"]["source_etag"] == etag
    assert job["parameters"]["source_uri"] == "azure://bronze/floods/extent.gpkg"


class Gate(DirectoryBlobStore):
    """Holds everybody who asks for a source until all are there: past the first look, before the lock."""

    def __init__(self, root: Path, parties: int) -> None:
        super().__init__(root)
        self._barrier = Barrier(parties)

    def info(self, uri: str) -> BlobInfo:
        self._barrier.wait(timeout=60)
        return super().info(uri)


def submit_at_once(hub: PlatformUnderTest, times: int, **changes: Any) -> list[Submitted]:
    """The same submission, so that all meet in the transaction."""
    hub.parts = replace(hub.parts, storage=Gate(hub.directory, times))
    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(hub.submit, **changes) for _ in range(times)]]


def test_fifty_identical_submissions_at_once_make_one_request_and_one_job(hub: PlatformUnderTest) -> None:
    answers = submit_at_once(hub, 50)

    assert len({submitted.answer.request_id for submitted in answers}) == 1
    assert sorted(submitted.replayed for submitted in answers) == [False] + [True] * 49
    assert counts(hub) == {"datasets": 1, "requests": 1, "jobs": 1, "request_jobs": 1, "outbox": 1}


def test_retries_of_a_failed_request_at_once_make_one_revision(hub: PlatformUnderTest) -> None:
    """Whoever comes second finds the new revision running: the same content, so it is his too."""
    first = hub.submit().answer
    fail(hub, first.request_id)

    answers = submit_at_once(hub, 8, retry_failed=True)

    assert sorted(submitted.replayed for submitted in answers) == [False] + [True] * 7
    assert {submitted.answer.revision for submitted in answers} == {2}
    assert counts(hub)["requests"] == 2


def test_different_submissions_for_one_dataset_at_once_leave_one_and_refuse_the_others(
    hub: PlatformUnderTest,
) -> None:
    hub.parts = replace(hub.parts, storage=Gate(hub.directory, 6))

    def submit(layer: str) -> str:
        try:
            return hub.submit(processing_config={"layer": layer}).answer.status
        except IdentityConflict as conflict:
            return conflict.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(submit, "abcdef"))

    assert outcomes == ["IDENTITY_CONFLICT"] * 5 + ["accepted"]
    assert counts(hub) == {"datasets": 1, "requests": 1, "jobs": 1, "request_jobs": 1, "outbox": 1}


def test_the_same_content_is_answered_from_what_is_there(hub: PlatformUnderTest) -> None:
    first = hub.submit().answer
    again = hub.submit(source_path="azure://bronze/floods/extent.gpkg", client_request_id="other")

    assert again.replayed
    assert again.answer.request_id == first.request_id
    assert again.answer.status == "pending"


def test_a_replay_needs_no_source_any_more(hub: PlatformUnderTest) -> None:
    first = hub.submit().answer
    hub.run_chain(first.request_id)
    hub.blobs.delete("bronze/floods/extent.gpkg")

    again = hub.submit()

    assert again.replayed
    assert again.answer.status == "completed"
    assert again.answer.endpoints


@pytest.mark.parametrize("is_ready", [False, True])
def test_other_content_for_a_living_dataset_is_a_conflict(hub: PlatformUnderTest, is_ready: bool) -> None:
    first = hub.submit().answer
    if is_ready:
        hub.run_chain(first.request_id)

    with pytest.raises(IdentityConflict) as caught:
        hub.submit(processing_config={"layer": "rivers"})

    assert [entry["loc"] for entry in caught.value.field_errors] == ["processing_config.layer"]
    assert caught.value.context["request_id"] == first.request_id
    assert counts(hub)["requests"] == 1


def test_a_failed_request_is_answered_with_the_way_to_retry_it(hub: PlatformUnderTest) -> None:
    first = hub.submit().answer
    fail(hub, first.request_id)

    again = hub.submit()
    assert again.replayed
    assert again.answer.status == "failed"
    assert any(link.rel == "retry" and "retry_failed=true" in link.href for link in again.answer.links)

    retried = hub.submit(retry_failed=True)
    assert not retried.replayed
    assert retried.answer.revision == 2
    assert hub.value("SELECT status FROM app.datasets") == "provisioning"


def test_other_content_after_a_failure_is_a_new_revision(hub: PlatformUnderTest) -> None:
    first = hub.submit().answer
    fail(hub, first.request_id)

    other = hub.submit(processing_config={"layer": "rivers"}).answer

    assert other.revision == 2
    assert other.request_id != first.request_id
    assert hub.router.status(other.dataset_key).request_id == other.request_id
    assert [entry.revision for entry in hub.router.status(other.request_id).versions] == [2, 1]


def test_a_retried_request_completes(hub: PlatformUnderTest) -> None:
    first = hub.submit().answer
    fail(hub, first.request_id)
    second = hub.submit(retry_failed=True).answer
    hub.run_chain(second.request_id)

    assert hub.router.status(second.request_id).status == "completed"
    assert hub.router.status(first.request_id).status == "failed"


def test_a_dry_run_stores_nothing(hub: PlatformUnderTest) -> None:
    plan = hub.router.plan(body_with())

    assert plan.would == "create"
    assert [step.job_type for step in plan.plan] == ["ingest_vector", "stac_catalog_vectors"]
    assert counts(hub) == {"datasets": 0, "requests": 0, "jobs": 0, "request_jobs": 0, "outbox": 0}
    assert hub.submit().answer.request_id == plan.request_id
    assert hub.router.plan(body_with()).would == "replay"


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"source_path": "bronze/nowhere.gpkg"}, NotFound, "SOURCE_NOT_FOUND"),
        ({"source_path": "bronze/big.gpkg"}, InvalidRequest, "SOURCE_TOO_LARGE"),
        ({"source_path": "bronze/empty.gpkg"}, InvalidRequest, "SOURCE_INVALID"),
        ({"source_path": "bronze/dem.tif"}, InvalidRequest, "UNSUPPORTED_FORMAT"),
    ],
)
def test_a_source_that_cannot_be_taken_leaves_nothing(
    hub: PlatformUnderTest, changes: dict[str, str], error: type[Exception], code: str
) -> None:
    hub.blobs.put("bronze/big.gpkg", b"x" * 1001)
    hub.blobs.put("bronze/empty.gpkg", b"")

    with pytest.raises(error) as caught:
        hub.submit(**changes)

    assert errors(caught.value) == code
    assert counts(hub) == {"datasets": 0, "requests": 0, "jobs": 0, "request_jobs": 0, "outbox": 0}


def test_a_job_that_cannot_be_created_takes_the_request_with_it(hub: PlatformUnderTest) -> None:
    hub.parts = replace(hub.parts, jobs={})

    with pytest.raises(KeyError):
        hub.submit()

    assert counts(hub)["requests"] == 0


def test_a_database_that_does_not_answer_is_unavailable(hub: PlatformUnderTest) -> None:
    with Database("postgresql://nobody@127.0.0.1:1/none", connect_seconds=0.5, on_promised=print) as absent:
        hub.parts = replace(hub.parts, transactions=absent.unit_of_work)
        with pytest.raises(Unavailable) as caught:
            hub.submit()
    assert caught.value.code == "DB_UNAVAILABLE"


def fail(hub: PlatformUnderTest, request_id: str) -> None:
    """Let the first job fail, and tell it."""
    job_id = hub.job_of(request_id, 0)
    hub.end_job(job_id, status="failed", error=FAILURE)
    hub.completion.on_job_terminal(job_id)
