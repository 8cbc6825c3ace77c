"""Trying again what a failed request has left undone; what it had done stays."""

from typing import Any

from core.control import RetryScope
from core.errors import Conflict
from core.models.job import JobRecord, JobStatus
from core.schema.queue import JobTerminalMessage
from geo_platform.models import Link, RetryAnswer
from geo_platform.ports import PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.states import DatasetStatus, RequestStatus, allowed_from
from geo_platform.status import find_request
from infrastructure.repositories.request_jobs import StepJob
from infrastructure.repositories.requests import RequestRecord

_SUBMIT_AGAIN = "Submit the request again with ?retry_failed=true; all of it is done anew."


class RequestRetry:
    """The use-case of `POST /api/platform/requests/{id}/retry`."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def retry(self, identifier: str, *, scope: RetryScope) -> RetryAnswer:
        """Run the job again at which the request has failed, or only what failed in it.

        A request whose jobs are all done, and which could not be published, is published.

        Raises:
            NotFound: (REQUEST_NOT_FOUND) there is no such request.
            Conflict: (NOTHING_TO_RETRY) it is completed; (NOT_RETRYABLE) it still runs, or its dataset has
                been submitted again since; (RESULTS_DISCARDED) what it had made is gone.
            Unavailable: (NO_LISTENER_FOR_QUEUE) no living app would do the work.
        """
        with self._parts.transactions() as tx:
            stores = Stores.of(tx)
            request = find_request(stores, identifier)
            job = _last(stores, request)
            if job.status == JobStatus.COMPLETED:
                reopen(tx, request.request_id, job_id=job.job_id)
                tx.outbox.notify(JobTerminalMessage(job_id=job.job_id))
        tasks = 0
        if job.status != JobStatus.COMPLETED:
            _require_ended(request)
            self._parts.require_listeners([job.job_type])
            tasks = self._parts.retry_job(job.job_id, scope)
        urls = self._parts.options.urls
        return RetryAnswer(
            request_id=request.request_id,
            platform_request_id=request.request_id,
            dataset_key=request.dataset_key,
            job_id=job.job_id,
            scope=scope,
            tasks=tasks,
            status_url=urls.status(request.request_id),
            links=(Link(rel="self", href=urls.status(request.request_id)),),
        )


def reopen_for(tx: Any, job: JobRecord) -> None:
    """Let the request that a job serves go on, in the transaction in which the job is started again.

    Raises:
        Conflict: as `reopen`.
    """
    if job.platform_request_id is not None:
        reopen(tx, job.platform_request_id, job_id=job.job_id)


def reopen(tx: PlatformUnitOfWork, request_id: str, *, job_id: str) -> None:
    """Take a failed request back into work at the job at which it stands.

    Raises:
        Conflict: (NOTHING_TO_RETRY, NOT_RETRYABLE, RESULTS_DISCARDED).
    """
    stores = Stores.of(tx)
    request = stores.requests.lock(request_id)
    if request is None:
        raise Conflict("The request of the job is gone.", code="NOT_RETRYABLE", remedy=_SUBMIT_AGAIN)
    _require_ended(request)
    dataset = stores.datasets.lock(request.dataset_key)
    if dataset is None or dataset.revision != request.revision:
        raise Conflict(
            "The dataset has been submitted again since.",
            code="NOT_RETRYABLE",
            remedy="Look at the newest revision of the dataset.",
            context={"request_id": request_id},
        )
    if stores.chain.has_lost_results(request_id):
        raise Conflict(
            "What the earlier jobs of the request had made has been removed since it failed.",
            code="RESULTS_DISCARDED",
            remedy=_SUBMIT_AGAIN,
            context={"request_id": request_id},
        )
    stores.requests.reopen(request_id, message="Tried again.")
    states = [DatasetStatus.PROVISIONING, *([DatasetStatus.PROCESSING] if request.current_job_index else [])]
    for status in states:
        stores.datasets.move(
            request.dataset_key, status, allowed_from=allowed_from(status), reason=f"job {job_id} again"
        )


def _last(stores: Stores, request: RequestRecord) -> StepJob:
    """The job at which the request stands; each has one from its first moment."""
    return stores.chain.of_request(request.request_id)[-1]


def _require_ended(request: RequestRecord) -> None:
    """Raise Conflict unless the request has failed."""
    status = RequestStatus(request.status)
    if status is RequestStatus.COMPLETED:
        raise Conflict(
            "The request is completed.", code="NOTHING_TO_RETRY", remedy="Nothing is left to be done."
        )
    if not status.is_terminal:
        raise Conflict(
            f"The request is {status}.", code="NOT_RETRYABLE", remedy="Wait for its end; poll its status."
        )
