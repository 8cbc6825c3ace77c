"""Starting the jobs of a request's chain, one after the other."""

from collections.abc import Mapping
from typing import Any

from core.submission import create_job
from geo_platform.planner import CHAINS, PlanContext
from geo_platform.ports import PlatformOptions, PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.states import DataType
from infrastructure.repositories.requests import RequestRecord


def plan_context(
    request: RequestRecord, options: PlatformOptions, results: Mapping[str, Mapping[str, Any]] | None = None
) -> PlanContext:
    """The planner's view of a stored request and of the results of its jobs so far."""
    return PlanContext(
        data_type=DataType(request.request_type),
        request_id=request.request_id,
        revision=request.revision,
        namespace=request.namespace,
        identifiers=request.identifiers,
        collection_id=request.collection_id,
        source_uri=request.source_path,
        source_etag=request.processing_metadata.get("source", {}).get("etag"),
        processing=request.processing_config,
        published_container=options.published_container,
        results=results or {},
    )


def start_step(
    parts: PlatformParts,
    tx: PlatformUnitOfWork,
    request: RequestRecord,
    *,
    step: int,
    results: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Create the job of a step (from 0), with its link to the request, in the caller's transaction.

    Raises:
        InvalidRequest: the parameters do not fit the job type.
        ContractViolation: a result that they need is missing.
    """
    context = plan_context(request, parts.options, results)
    planned = CHAINS[context.data_type][step]
    submitted = create_job(
        tx,
        parts.jobs[planned.job_type],
        planned.parameters(context, parts.options.urls),
        seed={"request_id": request.request_id, "step": step},
        tenant=request.client_id,
        platform_request_id=request.request_id,
        dataset_key=request.dataset_key,
    )
    Stores.of(tx).chain.link(request.request_id, step=step, job_id=submitted.job_id)
