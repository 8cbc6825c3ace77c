"""Trying again what a failed request has left undone; what it had done stays."""

from dataclasses import dataclass, field
from typing import Any

from core.control import RetryScope, scope_of
from core.errors import Conflict, InvalidRequest
from core.models.job import JobRecord, JobStatus
from core.schema.queue import JobTerminalMessage
from geo_platform.models import Link, RetryAnswer
from geo_platform.ports import PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.states import DatasetStatus, RequestStatus, allowed_from
from geo_platform.status import find_request
from infrastructure.repositories.request_jobs import StepJob
from infrastructure.repositories.requests import RequestRecord

_SUBMIT_AGAIN = "Submit the request again with ?retry_failed=true; all of it is done anew."


@dataclass(frozen=True, slots=True)
class RetryWish:
    """How much is to be done again.

    `from_stage` is the number or the name of a stage of the job that failed; the job's type may stand before
    it, as in `progress.current_step`. `options` are laid over the `processing_config` of the request.
    """

    scope: RetryScope | None = None
    from_stage: int | str | None = None
    options: dict[str, Any] = field(default_factory=dict)


class RequestRetry:
    """The use-case of `POST /api/platform/requests/{id}/retry`, as far as the request stays what it is."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def retry(self, identifier: str, wish: RetryWish) -> RetryAnswer:
        """Run the job again at which the request has failed, or only what failed in it.

        A request whose jobs are all done, and which could not be published, is published.

        Raises:
            NotFound: (REQUEST_NOT_FOUND) there is no such request.
            InvalidRequest: (CONFLICTING_FIELDS) the wish contradicts itself; or there is no such stage.
            Conflict: (NOTHING_TO_RETRY) it is completed; (NOT_RETRYABLE) it still runs, or its dataset has
                been submitted again since, or the stage is not one to go back to; (RESULTS_DISCARDED) what it
                had made is gone.
            Unavailable: (NO_LISTENER_FOR_QUEUE) no living app would do the work.
        """
        scope = scope_of(wish.scope, from_stage=wish.from_stage)
        with self._parts.transactions() as tx:
            stores = Stores.of(tx)
            request = find_request(stores, identifier)
            job = _last(stores, request)
            stage = _stage_of(request, job, wish.from_stage)
            if job.status == JobStatus.COMPLETED:
                reopen(tx, request.request_id, job_id=job.job_id)
                tx.outbox.notify(JobTerminalMessage(job_id=job.job_id))
        tasks = 0
        if job.status != JobStatus.COMPLETED:
            require_failed(request)
            self._parts.require_listeners([job.job_type])
            tasks = self._parts.retry_job(job.job_id, scope=scope, from_stage=stage)
        status_url = self._parts.options.urls.status(request.request_id)
        return RetryAnswer(
            request_id=request.request_id,
            platform_request_id=request.request_id,
            dataset_key=request.dataset_key,
            revision=request.revision,
            job_id=job.job_id,
            scope=scope,
            tasks=tasks,
            status_url=status_url,
            links=(Link(rel="self", href=status_url),),
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
    require_failed(request)
    dataset = stores.datasets.lock(request.dataset_key)
    if dataset is None or dataset.revision != request.revision:
        raise superseded(request)
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


def superseded(request: RequestRecord) -> Conflict:
    """The refusal of a request that is not its dataset's present revision."""
    return Conflict(
        "The dataset has been submitted again since.",
        code="NOT_RETRYABLE",
        remedy="Look at the newest revision of the dataset.",
        context={"request_id": request.request_id},
    )


def require_failed(request: RequestRecord) -> None:
    """Raise Conflict unless the request has failed."""
    status, context = RequestStatus(request.status), {"request_id": request.request_id}
    if status is RequestStatus.COMPLETED:
        raise Conflict(
            "The request is completed.",
            code="NOTHING_TO_RETRY",
            remedy="Nothing is left to be done.",
            context=context,
        )
    if not status.is_terminal:
        raise Conflict(
            f"The request is {status}.",
            code="NOT_RETRYABLE",
            remedy="Wait for its end; poll its status.",
            context=context,
        )


def _last(stores: Stores, request: RequestRecord) -> StepJob:
    """The job at which the request stands; each has one from its first moment."""
    return stores.chain.of_request(request.request_id)[-1]


def _stage_of(request: RequestRecord, job: StepJob, named: int | str | None) -> int | str | None:
    """The stage of the job at which the request stands, without the job's type.

    Raises:
        Conflict: (NOT_RETRYABLE) it is of another job, or all jobs are done.
        InvalidRequest: the chain has no such job.
    """
    if named is None:
        return None
    job_type, _, stage = named.rpartition("/") if isinstance(named, str) else ("", "", named)
    chain = [entry["job_type"] for entry in request.job_chain]
    if job_type and job_type not in chain:
        hint = f"The request stands at {job.job_type}/{job.stage}."
        raise InvalidRequest(
            f"from_stage: the request has no job {job_type[:80]!r}.",
            remedy="Use a stage of the job at which the request stands.",
            field_errors=({"loc": "from_stage", "msg": "there is no such job", "hint": hint},),
        )
    if job.status == JobStatus.COMPLETED or job_type not in ("", job.job_type):
        raise Conflict(
            "A retry cannot go back to a job that is done."
            if job.status != JobStatus.COMPLETED
            else "All jobs of the request are done; it only could not be published.",
            code="NOT_RETRYABLE",
            remedy=f"Leave from_stage out to go on where it stopped. {_SUBMIT_AGAIN}",
            context={"request_id": request.request_id, "job_type": job.job_type},
        )
    return stage
