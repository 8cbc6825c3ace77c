"""The Platform's front: what the HTTP triggers call."""

from dataclasses import dataclass
from typing import Any, Literal

from core.crashpoints import crashpoint
from core.task_models.vector_export import ExportFormat
from geo_platform import identity
from geo_platform.admission import AdmittedSource, admit, admit_collection
from geo_platform.datasets import DatasetOrchestrator, Decision
from geo_platform.export_answers import DatasetExports
from geo_platform.exports import Export, ExportDesk
from geo_platform.listing import RequestLister
from geo_platform.models import (
    DryRunAnswer,
    Estimate,
    Link,
    PlannedStep,
    PlanSource,
    ReportAnswer,
    RequestPage,
    RetryAnswer,
    StatusAnswer,
    SubmitAnswer,
)
from geo_platform.planner import chain_of
from geo_platform.ports import PlatformParts, Stores
from geo_platform.renewing import RequestRenewal
from geo_platform.report import ReportReader
from geo_platform.retrying import RequestRetry, RetryWish
from geo_platform.states import RequestStatus
from geo_platform.status import StatusReader, estimate_from, estimated_completion, links_of
from geo_platform.submission import Submission, parse_submission
from infrastructure.repositories.requests import RequestFilter, RequestRecord


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a submission, and whether it was there before."""

    answer: SubmitAnswer
    replayed: bool


@dataclass(frozen=True, slots=True)
class Retried:
    """The answer to a retry, and whether the same was asked for before."""

    answer: RetryAnswer
    replayed: bool


class PlatformRouter:
    """Submissions, their status and their list; knows nothing of tasks, and nothing of HTTP."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts
        self._datasets = DatasetOrchestrator(parts)
        self._status = StatusReader(parts)
        self._report = ReportReader(parts)
        self._exports = ExportDesk(parts)
        self._dataset_exports = DatasetExports(parts)
        self._retry = RequestRetry(parts)
        self._renewal = RequestRenewal(parts, parse=self._parse, submit=self._submit_again)
        self._lister = RequestLister(parts)

    def submit(self, body: Any, *, retry_failed: bool = False) -> Submitted:
        """Accept a request, or find the one that asked for the same before.

        All of it is one transaction: whoever gets this answer can rely on it.

        Raises:
            InvalidRequest: the body or the source cannot be taken.
            NotFound: (SOURCE_NOT_FOUND) the source blob is not there.
            IdentityConflict: the dataset exists with another content.
            Unavailable: the database or the storage does not answer, or (NO_LISTENER_FOR_QUEUE) no living
                app would do the work.
        """
        submission = self._parse(body)
        decision, known = self._existing(submission, retry_failed=retry_failed)
        if decision is Decision.REPLAY and known:
            return Submitted(self._answer(known, replayed=True), replayed=True)
        source = self._admit(submission)
        self._parts.require_listeners(_job_types(submission))
        with self._parts.transactions() as tx:
            decision, request = self._datasets.submit(tx, submission, source, retry_failed=retry_failed)
            crashpoint("request_before_commit")
        crashpoint("request_after_commit_before_answer")
        replayed = decision is Decision.REPLAY
        return Submitted(self._answer(request, replayed=replayed), replayed=replayed)

    def plan(self, body: Any, *, retry_failed: bool = False) -> DryRunAnswer:
        """Check a request as `submit` does, and tell what it would do. Nothing is stored.

        Raises:
            AppError: as `submit`.
        """
        submission = self._parse(body)
        decision, known = self._existing(submission, retry_failed=retry_failed)
        if decision is Decision.REPLAY and known:
            return self._plan(submission, would="replay", revision=known.revision, source=None)
        source = self._admit(submission)
        if known is None:
            return self._plan(submission, would="create", revision=1, source=source)
        return self._plan(submission, would="revise", revision=known.revision + 1, source=source)

    def status(self, identifier: str) -> StatusAnswer:
        """See `StatusReader.status`."""
        return self._status.status(identifier)

    def retry(self, identifier: str, wish: RetryWish) -> Retried:
        """See `RequestRetry.retry`, and with options `RequestRenewal.renew`."""
        if wish.options:
            return Retried(*self._renewal.renew(identifier, wish))
        return Retried(self._retry.retry(identifier, wish), replayed=False)

    def report(self, identifier: str) -> ReportAnswer:
        """See `ReportReader.report`."""
        return self._report.report(identifier)

    @property
    def dataset_exports(self) -> DatasetExports:
        """What clients ask of the exports of a dataset."""
        return self._dataset_exports

    def export(
        self, request_id: str, kind: ExportFormat, *, collection_id: str = "", again: bool = False
    ) -> Export:
        """See `ExportDesk.ask`."""
        return self._exports.ask(request_id, kind, collection_id=collection_id, again=again)

    def requests(self, wanted: RequestFilter, *, cursor: str | None, limit: int) -> RequestPage:
        """See `RequestLister.page`."""
        return self._lister.page(wanted, cursor=cursor, limit=limit)

    def _parse(self, body: Any) -> Submission:
        return parse_submission(body, options=self._parts.options)

    def _submit_again(self, body: Any) -> tuple[str, bool]:
        submitted = self.submit(body, retry_failed=True)
        return submitted.answer.request_id, submitted.replayed

    def _existing(
        self, submission: Submission, *, retry_failed: bool
    ) -> tuple[Decision, RequestRecord | None]:
        with self._parts.transactions() as tx:
            return self._datasets.existing(Stores.of(tx), submission, retry_failed=retry_failed)

    def _admit(self, submission: Submission) -> AdmittedSource:
        limit = self._parts.options.max_source_bytes
        if submission.collection:
            return admit_collection(self._parts.storage, submission.collection, max_bytes=limit)
        return admit(self._parts.storage, submission.source_path, max_bytes=limit)

    def _answer(self, request: RequestRecord, *, replayed: bool) -> SubmitAnswer:
        urls = self._parts.options.urls
        status = RequestStatus(request.status)
        estimate = None if status.is_terminal else self._estimate(request.request_type)
        return SubmitAnswer(
            request_id=request.request_id,
            platform_request_id=request.request_id,
            dataset_key=request.dataset_key,
            status=status if replayed else "accepted",
            status_url=urls.status(request.request_id),
            estimated_completion=estimated_completion(
                estimate, created_at=request.created_at, now=self._parts.clock()
            ),
            estimate=estimate,
            endpoints=request.endpoints,
            revision=request.revision,
            warnings=tuple(request.warnings),
            links=links_of(request, urls),
        )

    def _plan(
        self,
        submission: Submission,
        *,
        would: Literal["create", "revise", "replay"],
        revision: int,
        source: AdmittedSource | None,
    ) -> DryRunAnswer:
        request_id = identity.request_id(submission.dataset_key, revision)
        jobs = [self._parts.jobs[job_type] for job_type in _job_types(submission)]
        return DryRunAnswer(
            request_id=request_id,
            platform_request_id=request_id,
            dataset_key=submission.dataset_key,
            would=would,
            revision=revision,
            collection_id=submission.collection_id,
            data_type=submission.data_type,
            source=PlanSource(uri=source.uri, size_bytes=source.size_bytes, etag=source.etag)
            if source
            else None,
            processing_config=submission.summary["processing_config"],
            plan=tuple(PlannedStep(job_type=job.job_type, description=job.description) for job in jobs),
            estimate=self._estimate(submission.data_type.value),
            links=(Link(rel="submit", href=self._parts.options.urls.submit(), method="POST"),),
        )

    def _estimate(self, request_type: str) -> Estimate | None:
        with self._parts.transactions() as tx:
            return estimate_from(Stores.of(tx).listing.durations(request_type))


def _job_types(submission: Submission) -> tuple[str, ...]:
    chain = chain_of(submission.data_type, submission.summary["processing_config"])
    return tuple(step.job_type for step in chain)
