"""Starting the jobs of a request's chain, one after the other."""

from core.submission import create_job
from geo_platform import vector_summary
from geo_platform.bodies import default_processing
from geo_platform.collection_source import CollectionSource
from geo_platform.job_parameters import parameters_of
from geo_platform.plan_context import Chain, ChainStep, PlanContext, Results
from geo_platform.ports import PlatformOptions, PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.states import DataType
from infrastructure.repositories.requests import RequestRecord


def chain_in(request: RequestRecord) -> Chain:
    """The chain of a stored request, as it was last revised."""
    return tuple(ChainStep.stored(entry) for entry in request.job_chain)


def plan_context(
    request: RequestRecord,
    options: PlatformOptions,
    *,
    chain: Chain,
    results: Results | None = None,
    collection: CollectionSource | None = None,
) -> PlanContext:
    """The planner's view of a stored request and of the results of its jobs so far."""
    data_type = DataType(request.request_type)
    return PlanContext(
        data_type=data_type,
        request_id=request.request_id,
        revision=request.revision,
        namespace=request.namespace,
        identifiers=request.identifiers,
        collection_id=request.collection_id,
        source_uri=request.source_path,
        source_etag=request.processing_metadata.get("source", {}).get("etag"),
        processing={**default_processing(data_type), **request.processing_config},
        published_container=options.published_container,
        extra_formats=data_type in options.extras,
        max_files=options.collection_max_files,
        chain=chain,
        collection=collection.parameters if collection else None,
        results=_of_today(results or {}),
    )


def _of_today(results: Results) -> Results:
    ingested = results.get("ingest_vector")
    return {**results, "ingest_vector": vector_summary.as_of_today(ingested)} if ingested else results


def start_step(
    parts: PlatformParts, tx: PlatformUnitOfWork, request: RequestRecord, context: PlanContext, *, step: int
) -> None:
    """Create the job of a step (from 0), with its link to the request, in the caller's transaction.

    Raises:
        InvalidRequest: the parameters do not fit the job type.
        ContractViolation: a result that they need is missing.
    """
    job_type = context.chain[step].job_type
    submitted = create_job(
        tx,
        parts.jobs[job_type],
        parameters_of(job_type, context, parts.options.urls),
        seed={"request_id": request.request_id, "step": step},
        tenant=request.client_id,
        platform_request_id=request.request_id,
        dataset_key=request.dataset_key,
    )
    Stores.of(tx).chain.link(request.request_id, step=step, job_id=submitted.job_id)
