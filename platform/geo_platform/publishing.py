"""Publishing: everything that makes a dataset visible, in one transaction.

Before the commit a reader sees nothing of it, after the commit all of it: the table or the blob's
address, the STAC documents, the dataset's row, the answer to the client, the version of the catalogue.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from core.crashpoints import crashpoint
from core.errors import ContractViolation
from geo_platform import stac_builder
from geo_platform.chain import plan_context
from geo_platform.planner import PlanContext
from geo_platform.ports import PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.states import DatasetStatus, DataType, allowed_from
from infrastructure.repositories.datasets import PublishedData
from infrastructure.repositories.request_jobs import StepJob
from infrastructure.repositories.requests import Publication, RequestRecord

Results = Mapping[str, Mapping[str, Any]]

# What describes how the data came about, not what they are.
_NOT_CHARACTERISTICS = frozenset({"schema_version", "table", "blob_uri", "source", "warnings"})


class Publisher:
    """Publishes the results of a chain inside the caller's transaction."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def publish(
        self, tx: PlatformUnitOfWork, request: RequestRecord, *, last: StepJob, results: Results
    ) -> None:
        """Make the dataset visible and complete the request.

        Raises:
            ContractViolation: the results are not what the chain promises, or the dataset is not in a
                state to be published.
        """
        stores, context = Stores.of(tx), plan_context(request, self._parts.options, results)
        stores.publications.begin()
        summary = context.result_of(_MAKER[context.data_type])
        locations = self._release(tx, stores, context, summary)
        item = _catalogue(stores, context, results[last.job_type])
        self._point_readers(stores, request, context, locations=locations, summary=summary)
        publication = Publication(
            endpoints=context.urls(self._parts.options.urls).endpoints,
            stac_metadata=item,
            data_characteristics=_characteristics(summary),
            warnings=_warnings(results.values()),
            status_message="Published.",
        )
        completed = stores.requests.complete(
            request.request_id, publication, completed_step=last.step, started_at=request.started_at
        )
        _must(completed, f"request {request.request_id} was not waiting to be completed")
        crashpoint("request_published_before_commit")

    def _release(
        self, tx: PlatformUnitOfWork, stores: Stores, context: PlanContext, summary: Mapping[str, Any]
    ) -> dict[str, str]:
        """Take the data out of staging; where they are now.

        What is published must be in the list of artefacts: the sweeper deletes what stays `staged`.
        """
        if context.data_type is DataType.VECTOR:
            kind, location = "table", summary["table"]
            self._parts.publish_table(tx.connection, location, context.collection_id)
            locations = {"table": context.collection_id}
        else:
            kind, location = "blob", summary["blob_uri"]
            locations = {"blob": location}
        taken = stores.publications.take_artefact(context.request_id, kind=kind, location=location)
        _must(taken, f"the {kind} {location} is not among the staged artefacts of the request")
        return locations

    def _point_readers(
        self,
        stores: Stores,
        request: RequestRecord,
        context: PlanContext,
        *,
        locations: Mapping[str, str],
        summary: Mapping[str, Any],
    ) -> None:
        urls = context.urls(self._parts.options.urls)
        data = PublishedData(
            data_locations={
                **locations,
                "stac_collection": context.stac_collection,
                "stac_item": context.collection_id,
            },
            data_characteristics=_characteristics(summary),
            api_endpoint=urls.api_endpoint,
            api_type=urls.api_type,
        )
        key = request.dataset_key
        pointed = stores.publications.point_to(key, revision=request.revision, data=data)
        ready = stores.datasets.move(
            key, DatasetStatus.READY, allowed_from=allowed_from(DatasetStatus.READY), reason="published"
        )
        _must(pointed and ready, f"dataset {key} was not waiting for revision {request.revision}")


_MAKER = {DataType.VECTOR: "ingest_vector", DataType.RASTER: "process_raster"}


def _catalogue(stores: Stores, context: PlanContext, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the STAC documents; the item as it was written."""
    collection, item = stac_builder.documents(result, context)
    stored = stores.stac.collection(context.stac_collection)
    stores.stac.upsert(collection=stac_builder.extended(collection, stored=stored, item=item), item=item)
    return item


def _characteristics(summary: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in summary.items() if name not in _NOT_CHARACTERISTICS}


def _warnings(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """The warnings of all jobs, each once, in order."""
    return list(dict.fromkeys(warning for result in results for warning in result.get("warnings", ())))


def _must(condition: bool, message: str) -> None:
    if not condition:
        raise ContractViolation(message)
