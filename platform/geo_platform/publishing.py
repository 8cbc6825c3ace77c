"""Publishing: everything that makes a dataset visible, in one transaction.

Before the commit a reader sees nothing of it, after the commit all of it: the tables or the blobs'
addresses, the STAC documents, the dataset's row, the answer to the client, the version of the catalogue.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from core.crashpoints import crashpoint
from core.errors import ContractViolation
from geo_platform import places, stac_builder
from geo_platform.layer_collections import LayerCollection, layer_collections
from geo_platform.mosaics import DatasetMosaic, first_and_others
from geo_platform.plan_context import PlanContext
from geo_platform.ports import PlatformParts, PlatformUnitOfWork, Stores
from geo_platform.states import DatasetStatus, Shape, allowed_from
from infrastructure.repositories.datasets import PublishedCollection, PublishedData, PublishedMosaic
from infrastructure.repositories.request_jobs import StepJob
from infrastructure.repositories.requests import Publication, RequestRecord


class Publisher:
    """Publishes the results of a chain inside the caller's transaction."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def publish(
        self,
        tx: PlatformUnitOfWork,
        request: RequestRecord,
        context: PlanContext,
        *,
        last: StepJob,
        items: Sequence[str] = (),
    ) -> None:
        """Make the dataset visible and complete the request; `items` are a mosaic's STAC items as JSON.

        Raises:
            ContractViolation: the results are not what the chain promises, or the dataset is not in a
                state to be published.
        """
        stores = Stores.of(tx)
        stores.publications.begin()
        locations = self._release(tx, stores, request, context)
        document = _catalogue(stores, context, context.result_of(last.job_type), items)
        self._point_readers(stores, request, context, locations=locations)
        warning = places.missing_warning(context.result_of(context.maker))
        publication = Publication(
            endpoints=context.urls(self._parts.options.urls).endpoints,
            stac_metadata=document,
            data_characteristics=places.characteristics(context, self._parts.options.urls),
            warnings=_warnings(context, missing=warning),
            status_message=f"Published. {warning}".strip(),
        )
        completed = stores.requests.complete(
            request.request_id, publication, completed_step=last.step, started_at=request.started_at
        )
        _must(completed, f"request {request.request_id} was not waiting to be completed")
        crashpoint("request_published_before_commit")

    def _release(
        self, tx: PlatformUnitOfWork, stores: Stores, request: RequestRecord, context: PlanContext
    ) -> dict[str, Any]:
        """Take the data out of staging; where they are now. Those of other revisions are the sweeper's.

        Of blobs, all that the winning attempts made is published, except what is temporary: a mosaic has
        more parts than its summary can name. The sweeper deletes what stays `staged`, so that what the
        summary does name must be among them.
        """
        tables = self._release_tables(tx, stores, request, context)
        released = frozenset(stores.publications.publish_blobs(context.request_id))
        locations = places.locations(context)
        beside = [self._beside(each, context) for each in context.mosaics[1:]]
        for uri in chain.from_iterable(
            map(places.blobs_in, (locations, *(each.locations for each in beside)))
        ):
            _must(uri in released, f"the blob {uri} is not among the staged artefacts of the request")
        stores.publications.replace_mosaics(request.dataset_key, beside, request_id=request.request_id)
        stores.publications.retire(request.dataset_key, request_id=request.request_id)
        return {**tables, **locations}

    def _beside(self, mosaic: DatasetMosaic, context: PlanContext) -> PublishedMosaic:
        return PublishedMosaic(
            collection_id=mosaic.collection_id,
            title=mosaic.title,
            locations=places.mosaic_locations(mosaic),
            characteristics=places.mosaic_characteristics(mosaic),
            endpoints=context.urls_of(mosaic, self._parts.options.urls).endpoints,
        )

    def _release_tables(
        self, tx: PlatformUnitOfWork, stores: Stores, request: RequestRecord, context: PlanContext
    ) -> dict[str, Any]:
        """`table`, the first one, is what older code serves; a raster has none."""
        collections = layer_collections(context) if context.shape is Shape.TABLE else ()
        for staged, published in chain.from_iterable(each.moves for each in collections):
            self._parts.publish_table(tx.connection, staged, published)
            taken = stores.publications.take_table(context.request_id, staged=staged, published_as=published)
            _must(taken, f"the table {staged} is not among the staged artefacts of the request")
        stores.publications.replace_collections(
            request.dataset_key, [_registered(each) for each in collections], request_id=request.request_id
        )
        return {"table": collections[0].table_name} if collections else {}

    def _point_readers(
        self,
        stores: Stores,
        request: RequestRecord,
        context: PlanContext,
        *,
        locations: Mapping[str, Any],
    ) -> None:
        urls = context.urls(self._parts.options.urls)
        item = {} if context.shape is Shape.MOSAIC else {"stac_item": context.collection_id}
        data = PublishedData(
            data_locations={**locations, "stac_collection": context.stac_collection, **item},
            data_characteristics=places.characteristics(context, self._parts.options.urls),
            api_endpoint=urls.api_endpoint,
            api_type=urls.api_type,
        )
        key = request.dataset_key
        pointed = stores.publications.point_to(key, revision=request.revision, data=data)
        ready = stores.datasets.move(
            key, DatasetStatus.READY, allowed_from=allowed_from(DatasetStatus.READY), reason="published"
        )
        _must(pointed and ready, f"dataset {key} was not waiting for revision {request.revision}")


def _registered(collection: LayerCollection) -> PublishedCollection:
    return PublishedCollection(
        collection_id=collection.collection_id,
        layer=collection.layer,
        family=collection.family,
        title=collection.title,
        table_name=collection.table_name,
        generalised_name=collection.generalised_name,
        overview_name=collection.overview_name,
        characteristics=collection.characteristics,
    )


def _catalogue(
    stores: Stores, context: PlanContext, result: Mapping[str, Any], items: Sequence[str]
) -> Mapping[str, Any]:
    """Write the STAC documents; the item as it was written, or the collection of a mosaic."""
    if context.shape is Shape.MOSAIC:
        collection = stac_builder.collection_of_items(result, items, context)
        stores.stac.forget_item(context.collection_id, collection_id=context.collection_of(Shape.COG))
        stores.stac.replace(collection=collection, items=items)
        return collection
    collection, item = stac_builder.documents(result, context)
    stored = stores.stac.collection(context.stac_collection)
    stores.stac.forget_collection(context.collection_id)
    stores.stac.upsert(collection=stac_builder.extended(collection, stored=stored, item=item), item=item)
    return item


def _warnings(context: PlanContext, *, missing: str) -> list[str]:
    """What is missing, the steps that were skipped and why, and the warnings of all jobs, each once."""
    skipped = [f"{step.skipped[:1].upper()}{step.skipped[1:]}." for step in context.chain if step.skipped]
    of_jobs: Iterable[str] = (
        warning
        for result in context.results.values()
        for each in first_and_others(result)
        for warning in each.get("warnings", ())
    )
    return list(dict.fromkeys([*filter(None, [missing]), *skipped, *of_jobs]))


def _must(condition: bool, message: str) -> None:
    if not condition:
        raise ContractViolation(message)
