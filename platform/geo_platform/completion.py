"""What the Platform does when a job has ended: the next job of the chain, the publication, or the failure."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from core.crashpoints import crashpoint
from core.errors import AppError, TransientError, Unavailable
from core.models.job import JobStatus
from geo_platform.chain import chain_in, plan_context, start_step
from geo_platform.models import JobPlace, RequestError
from geo_platform.plan_context import PlanContext, Results
from geo_platform.planner import following, revised
from geo_platform.ports import PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.publishing import Publisher
from geo_platform.states import DatasetStatus, RequestStatus, allowed_from
from infrastructure.repositories.request_jobs import StepJob
from infrastructure.repositories.requests import RequestRecord

LOG = logging.getLogger(__name__)
MAX_FINALIZE_ATTEMPTS = 5


class CompletionHandler:
    """Hears that jobs have ended.

    It may hear so twice, out of order, or before it is true: the row of the request is locked, the state
    is read from the database, and every change is a compare-and-set on the step.
    """

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts
        self._publisher = Publisher(parts)

    def on_job_terminal(self, job_id: str) -> None:
        """Go on with the request that the job serves; nothing happens if there is none or it has gone on.

        Raises:
            Unavailable: the database does not answer; hear it again later.
            TransientError: going on failed; hear it again. After some attempts the request fails instead.
        """
        try:
            items = self._stac_items(job_id)
            with self._parts.transactions() as tx:
                self._go_on(tx, job_id, items)
            crashpoint("request_moved_after_commit")
        except Unavailable:
            raise
        except Exception as exc:
            LOG.exception("going on failed", extra={"action": "request_go_on_failed", "job_id": job_id})
            self._after_failure(job_id, exc)

    def catch_up(self, older_than: timedelta) -> int:
        """Go on where the word of a job's end was lost; the number of such jobs. A janitor's duty."""
        with self._parts.transactions() as tx:
            job_ids = Stores.of(tx).chain.pending_requests_whose_job_ended(older_than)
        for job_id in job_ids:
            try:
                self.on_job_terminal(job_id)
            except TransientError:
                continue  # logged and counted; the other requests must not wait for this one
        return len(job_ids)

    def _stac_items(self, job_id: str) -> list[str]:
        """The items of a mosaic: read before the transaction, which must not wait for the storage."""
        with self._parts.transactions() as tx:
            uri = Stores.of(tx).chain.items_uri(job_id)
        if uri is None:
            return []
        content = b"".join(self._parts.patient_storage.open_range(uri))
        return [line for line in content.decode().split("\n") if line.strip()]

    def _go_on(self, tx: PlatformUnitOfWork, job_id: str, items: Sequence[str]) -> None:
        stores = Stores.of(tx)
        request_id = stores.chain.request_of(job_id)
        request = stores.requests.lock(request_id) if request_id else None
        if request is None or RequestStatus(request.status).is_terminal:
            return
        jobs = stores.chain.of_request(request.request_id)
        job = next(each for each in jobs if each.job_id == job_id)
        status = JobStatus(job.status)
        if job.step != request.current_job_index or not status.is_terminal:
            return
        if status is JobStatus.COMPLETED:
            results = {each.job_type: each.result or {} for each in jobs}
            self._next(tx, request, job, results=results, items=items)
        else:
            _fail(stores, request, _error_of(job), cancelled=status is JobStatus.CANCELLED)

    def _next(
        self,
        tx: PlatformUnitOfWork,
        request: RequestRecord,
        job: StepJob,
        *,
        results: Results,
        items: Sequence[str],
    ) -> None:
        where = {"request_id": request.request_id, "job_id": job.job_id, "step": job.step}
        context = self._context(request, results)
        step = following(context.chain, job.step)
        if step is None:
            self._publisher.publish(tx, request, context, last=job, items=items)
            LOG.info("published", extra={"action": "request_completed", **where})
            return
        _move_on(Stores.of(tx), request, context, job, to=step)
        start_step(self._parts, tx, request, context, step=step)
        crashpoint("request_advanced_before_commit")
        LOG.info("next job of the chain", extra={"action": "request_advanced", **where})

    def _context(self, request: RequestRecord, results: Results) -> PlanContext:
        """With the chain as the results call for it."""
        options = self._parts.options
        chain = revised(
            chain_in(request),
            results,
            source_uri=request.source_path,
            large_bytes=options.raster_large_bytes,
        )
        return plan_context(request, options, chain=chain, results=results)

    def _after_failure(self, job_id: str, exc: Exception) -> None:
        """In a transaction of its own, because the other one is rolled back with all that it held."""
        permanent = isinstance(exc, AppError) and not isinstance(exc, TransientError)
        with self._parts.transactions() as tx:
            stores = Stores.of(tx)
            request_id = stores.chain.request_of(job_id)
            request = stores.requests.lock(request_id) if request_id else None
            attempts = stores.chain.count_finalize_attempt(request.request_id) if request else None
            given_up = permanent or (attempts or 0) >= MAX_FINALIZE_ATTEMPTS
            if request and attempts and given_up:
                _fail(stores, request, _finalize_error(exc), cancelled=False)
        if request is None or (attempts and not given_up):
            raise TransientError(f"going on after job {job_id} failed", code="FINALIZE_FAILED") from exc


def _move_on(stores: Stores, request: RequestRecord, context: PlanContext, job: StepJob, *, to: int) -> None:
    stores.requests.advance(
        request.request_id,
        completed_step=job.step,
        next_step=to,
        job_chain=[each.entry for each in context.chain],
        started_at=request.started_at,
        message=f"{job.job_type} is done.",
    )
    processing = DatasetStatus.PROCESSING
    stores.datasets.move(
        request.dataset_key,
        processing,
        allowed_from=allowed_from(processing),
        reason=f"{job.job_type} done",
    )


def _fail(stores: Stores, request: RequestRecord, error: RequestError, *, cancelled: bool) -> None:
    """End the request; what its jobs staged is left to the sweeper, which asks for ended requests."""
    stores.requests.fail(
        request.request_id,
        error.model_dump(mode="json"),
        message=error.message,
        started_at=request.started_at,
    )
    target = DatasetStatus.CANCELLED if cancelled else DatasetStatus.FAILED
    stores.datasets.move(request.dataset_key, target, allowed_from=allowed_from(target), reason=error.code)
    crashpoint("request_failed_before_commit")
    LOG.warning(
        "request failed",
        extra={"action": "request_failed", "request_id": request.request_id, "code": error.code},
    )


def _error_of(job: StepJob) -> RequestError:
    """The job's own error, in the words of the Platform."""
    if job.status == JobStatus.CANCELLED:
        return RequestError(
            code="CANCELLED", message="The work was cancelled.", remedy="Submit it again.", step=job.job_type
        )
    detail = job.error or {}
    return RequestError(
        code=detail.get("code", "INTERNAL"),
        message=detail.get("message", "The job failed and did not say why."),
        remedy=detail.get("remedy", ""),
        retryable=detail.get("error_class", "permanent") != "permanent",
        context=detail.get("context", {}),
        step=job.job_type,
        job=JobPlace(stage=detail.get("stage"), task=detail.get("task_id")),
    )


def _finalize_error(exc: Exception) -> RequestError:
    """Our own fault: the client gets a code and a remedy, the log has the rest."""
    cause = exc.code if isinstance(exc, AppError) else type(exc).__name__
    return RequestError(
        code="FINALIZE_FAILED",
        message="The data were processed, but could not be published.",
        remedy="Submit again with ?retry_failed=true; if it persists, give support the request_id.",
        retryable=True,
        context={"cause": cause},
    )
