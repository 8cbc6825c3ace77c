"""How a request stands, in the words of the contract."""

import re
from datetime import datetime, timedelta

from core.errors import NotFound
from geo_platform.chain import chain_in
from geo_platform.endpoints import Urls
from geo_platform.models import Estimate, Link, Progress, RequestError, RevisionEntry, StatusAnswer
from geo_platform.places import missing_count
from geo_platform.ports import PlatformParts, Stores
from geo_platform.progress import job_share, message_of, percent_of
from geo_platform.states import DataType, RequestStatus
from infrastructure.repositories.requests import Durations, RequestRecord

_LOADING = "process_vector_upload"
_MIN_SAMPLES = 3
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")


def estimate_from(durations: Durations) -> Estimate | None:
    """From the history of this type, once there is some; None before."""
    if durations.sample_count < _MIN_SAMPLES or durations.p50 is None or durations.p90 is None:
        return None
    return Estimate(seconds_p50=round(durations.p50, 1), seconds_p90=round(durations.p90, 1))


def estimated_completion(
    estimate: Estimate | None, *, created_at: datetime, now: datetime
) -> datetime | None:
    """When half of the requests of this type are done; None when that is unknown or past."""
    if estimate is None:
        return None
    moment = created_at + timedelta(seconds=estimate.seconds_p50)
    return moment.replace(microsecond=0) if moment > now else None


def find_request(stores: Stores, identifier: str) -> RequestRecord:
    """The request by its id, by the key of its dataset, or by a job of it; `plt_` may stand before it.

    Raises:
        NotFound: (REQUEST_NOT_FOUND) there is no such request.
    """
    name = identifier.removeprefix("plt_").lower()
    request_id: str | None = name if _REQUEST_ID.fullmatch(name) else None
    if _HASH.fullmatch(name):
        request_id = stores.requests.id_of_dataset(name) or stores.chain.request_of(name)
    request = stores.requests.get(request_id) if request_id else None
    if request is None:
        raise NotFound(
            "There is no request with this id.",
            code="REQUEST_NOT_FOUND",
            remedy="Use the request_id that the submission answered.",
        )
    return request


class StatusReader:
    """Reads the status of one request, by any of its ids."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def status(self, identifier: str) -> StatusAnswer:
        """The status by request id, dataset key or job id; a `plt_` prefix may stand before it.

        Raises:
            NotFound: (REQUEST_NOT_FOUND) there is no such request.
        """
        with self._parts.transactions() as tx:
            stores = Stores.of(tx)
            request = find_request(stores, identifier)
            progress, message = self._progress(stores, request)
            return self._answer(stores, request, progress=progress, message=message)

    def _progress(self, stores: Stores, request: RequestRecord) -> tuple[Progress, str | None]:
        index, is_over = request.current_job_index, RequestStatus(request.status).is_terminal
        job = None if is_over else stores.chain.at_step(request.request_id, index)
        if job is None:
            return _progress(request, percent=request.progress_percent, step=None), request.status_message
        stage = stores.chain.open_stage(job.job_id)
        declared = self._parts.jobs[job.job_type].stages if job.job_type in self._parts.jobs else ()
        percent = percent_of(chain_in(request), step=index, share=job_share(stage, declared))
        if percent > request.progress_percent:
            stores.chain.raise_progress(request.request_id, percent)
        percent = max(percent, request.progress_percent)
        step = f"{job.job_type}/{stage.name}" if stage else job.job_type
        features = stores.chain.features(job.job_id) if stage and stage.task_type == _LOADING else None
        message = (
            message_of(job.job_type, stage, declared, features=features) if stage else request.status_message
        )
        return _progress(request, percent=percent, step=step), message

    def _answer(
        self, stores: Stores, request: RequestRecord, *, progress: Progress, message: str | None
    ) -> StatusAnswer:
        status = RequestStatus(request.status)
        revisions = stores.listing.revisions(request.dataset_key)
        return StatusAnswer(
            request_id=request.request_id,
            platform_request_id=request.request_id,
            dataset_key=request.dataset_key,
            client_request_id=request.client_request_id,
            identifiers=request.identifiers,
            collection_id=request.collection_id,
            data_type=DataType(request.request_type),
            status=status,
            ogc_status=status.ogc,
            progress_percent=progress.percent_complete,
            progress=progress,
            message=message,
            estimated_completion=self._estimated(stores, request, status),
            endpoints=request.endpoints,
            api_endpoints=request.endpoints,
            stac_metadata=request.stac_metadata,
            data_characteristics=request.data_characteristics,
            warnings=tuple(request.warnings),
            completed_with_errors=missing_count(request.data_characteristics or {}) > 0,
            error=RequestError.model_validate(request.error) if request.error else None,
            revision=request.revision,
            versions=tuple(RevisionEntry.model_validate(row) for row in revisions),
            created_at=request.created_at,
            started_at=request.started_at,
            completed_at=request.completed_at,
            links=links_of(request, self._parts.options.urls),
        )

    def _estimated(self, stores: Stores, request: RequestRecord, status: RequestStatus) -> datetime | None:
        if status.is_terminal:
            return None
        estimate = estimate_from(stores.listing.durations(request.request_type))
        return estimated_completion(estimate, created_at=request.created_at, now=self._parts.clock())


def links_of(request: RequestRecord, urls: Urls) -> tuple[Link, ...]:
    """What a client can do next with the request."""
    links = [
        Link(rel="self", href=urls.status(request.request_id)),
        Link(rel="report", href=urls.report(request.request_id), title="What was found out about the data"),
    ]
    if request.status == RequestStatus.FAILED:
        retry = f"{urls.submit()}?retry_failed=true"
        links += [
            Link(rel="retry", href=retry, method="POST", title="POST the same body again: all is done anew"),
            Link(
                rel="resume",
                href=urls.retry(request.request_id),
                method="POST",
                title="Try again only what has failed",
            ),
        ]
    if request.endpoints:
        name = "stac_item" if "stac_item" in request.endpoints else "stac_collection"
        rel, title = ("item", "STAC item") if name == "stac_item" else ("collection", "STAC collection")
        links += [
            Link(rel=rel, href=request.endpoints[name], title=title),
            Link(rel="alternate", href=request.endpoints["map"], title="Map"),
        ]
    if request.endpoints and request.request_type == DataType.VECTOR:
        links.append(Link(rel="exports", href=urls.exports(request.dataset_key), title="Files of the data"))
    return tuple(links)


def _progress(request: RequestRecord, *, percent: int, step: str | None) -> Progress:
    return Progress(
        current_step=step,
        steps_completed=min(request.current_job_index, len(request.job_chain)),
        total_steps=len(request.job_chain),
        percent_complete=percent,
    )
