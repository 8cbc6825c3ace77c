"""The report of a request: everything that its jobs have said about the data, without the places of blobs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.models.job import JobStatus
from geo_platform import places
from geo_platform.chain import chain_in, plan_context
from geo_platform.endpoints import Urls
from geo_platform.exports import file_of
from geo_platform.models import Link, MissingParts, ReportAnswer, ReportedFinding, RequestError, StepReport
from geo_platform.mosaics import first_and_others
from geo_platform.plan_context import Chain, PlanContext, Results
from geo_platform.ports import PlatformParts, Stores
from geo_platform.states import DataType, RequestStatus
from geo_platform.status import find_request
from infrastructure.repositories.exports import ExportRecord
from infrastructure.repositories.request_jobs import StepJob
from infrastructure.repositories.requests import RequestRecord

_VALIDATIONS = ("validate_raster", "validate_raster_collection")
_DERIVATIONS = ("generate_tile_cache", "terrain_products", "export_vector")
_LINKED = {"map": "Map", "rejects": "The rejected features, as a GeoPackage", "download": "Download"}


class ReportReader:
    """Reads the report of one request, by any of its ids."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def report(self, identifier: str) -> ReportAnswer:
        """What is known so far.

        Raises:
            NotFound: (REQUEST_NOT_FOUND) there is no such request.
        """
        with self._parts.transactions() as tx:
            stores = Stores.of(tx)
            request = find_request(stores, identifier)
            jobs = stores.chain.of_request(request.request_id)
            asked = [each for each in stores.exports.of_request(request.request_id) if each.state == "ready"]
        chain = chain_in(request)
        results = {job.job_type: job.result for job in jobs if job.result is not None}
        context = plan_context(request, self._parts.options, chain=chain, results=results)
        derived = {name: results[name] for name in _DERIVATIONS if name in results}
        if asked:
            derived["export_vector"] = _with_files(derived.get("export_vector") or {}, asked)
        return _answer(request, context, jobs, derived=derived, urls=self._parts.options.urls)


def _with_files(exported: Mapping[str, Any], asked: Sequence[ExportRecord]) -> dict[str, Any]:
    """The files made beforehand, and those that somebody has asked for since."""
    more = [
        {**file_of(each).model_dump(mode="json"), "collection_id": each.collection_id or None}
        for each in asked
    ]
    return {**exported, "exports": [*exported.get("exports", ()), *more]}


def _answer(
    request: RequestRecord,
    context: PlanContext,
    jobs: Sequence[StepJob],
    *,
    derived: Results,
    urls: Urls,
) -> ReportAnswer:
    validation = _first(context.results, _VALIDATIONS)
    summary = context.results.get(context.maker)
    return ReportAnswer(
        request_id=request.request_id,
        platform_request_id=request.request_id,
        dataset_key=request.dataset_key,
        status=RequestStatus(request.status),
        data_type=DataType(request.request_type),
        published_as=context.shape,
        processing_config=request.processing_config,
        source=_source(validation, summary),
        findings=tuple(_findings(context.results)),
        warnings=tuple(request.warnings) or _warnings(context.results),
        validation=places.facts(validation) if validation else None,
        processing=places.facts(summary) if summary else None,
        derived={name: places.facts(result) for name, result in derived.items()},
        missing=_missing(validation, summary),
        steps=tuple(_steps(context.chain, jobs)),
        error=RequestError.model_validate(request.error) if request.error else None,
        links=tuple(_links(request, urls)),
    )


def _links(request: RequestRecord, urls: Urls) -> Iterator[Link]:
    yield Link(rel="self", href=urls.report(request.request_id))
    page = urls.report_page(request.request_id)
    yield Link(rel="alternate", href=page, title="The report as a page")
    yield Link(rel="up", href=urls.status(request.request_id), title="The status of the request")
    endpoints = request.endpoints or {}
    for name in _LINKED:
        if name in endpoints:
            yield Link(rel=name, href=endpoints[name], title=_LINKED[name])
    for name in endpoints:
        if name.startswith("download_"):
            yield Link(rel="enclosure", href=endpoints[name], title=name.removeprefix("download_"))


def _first(results: Results, names: Sequence[str]) -> Mapping[str, Any] | None:
    return next((results[name] for name in names if name in results), None)


def _source(*results: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return next((dict(result["source"]) for result in results if result and result.get("source")), None)


def _findings(results: Results) -> Iterator[ReportedFinding]:
    """Each once, with the first step that said it."""
    seen = set[tuple[str, str]]()
    for step, result in results.items():
        for finding in _findings_of(result):
            if (key := (finding["code"], finding["message"])) not in seen:
                seen.add(key)
                yield ReportedFinding(step=step, **finding)


def _findings_of(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of each mosaic. Of the whole first, then of its tables; what one of them says, says which."""
    for each in first_and_others(result):
        yield from each.get("findings", ())
    for table in result.get("tables", ()):
        for finding in table.get("findings", ()):
            yield {**finding, "context": {"layer": table["layer"], **finding["context"]}}


def _warnings(results: Results) -> tuple[str, ...]:
    each = (one for result in results.values() for one in first_and_others(result))
    return tuple(dict.fromkeys(text for one in each for text in one.get("warnings", ())))


def _missing(validation: Mapping[str, Any] | None, summary: Mapping[str, Any] | None) -> MissingParts:
    """Of mosaics; before they are there, what the validation has refused. Of tables, by layer and reason."""
    if summary and "tables" in summary:
        return MissingParts(count=summary["rejected_count"], parts=tuple(_rejected(summary["tables"])))
    if summary and "missing_count" in summary:
        whole = places.all_mosaics(summary)
        return MissingParts(count=whole["missing_count"], parts=tuple(whole["missing"]))
    refused = (validation or {}).get("refused", ())
    return MissingParts(count=(validation or {}).get("refused_count", 0), parts=tuple(refused))


def _rejected(tables: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for table in tables:
        for reason, count in table.get("reasons", {}).items():
            yield {"layer": table["layer"], "code": reason, "count": count}


def _steps(chain: Chain, jobs: Sequence[StepJob]) -> Iterator[StepReport]:
    by_step = {job.step: job for job in jobs}
    for number, step in enumerate(chain):
        job = by_step.get(number)
        yield StepReport(
            job_type=step.job_type,
            status=JobStatus(job.status) if job else None,
            skipped=step.skipped or None,
            started_at=job.started_at if job else None,
            finished_at=job.finished_at if job else None,
            seconds=_seconds(job) if job else None,
        )


def _seconds(job: StepJob) -> float | None:
    if job.started_at is None or job.finished_at is None:
        return None
    return round((job.finished_at - job.started_at).total_seconds(), 3)
