"""Which jobs serve a request, in which order, and with which parameters. Pure: no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from core.errors import ContractViolation
from geo_platform.endpoints import DatasetUrls, Urls
from geo_platform.states import DataType

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What the parameters of a chain's jobs are made from.

    `results` are the results of the jobs that have run, by job type.
    """

    data_type: DataType
    request_id: str
    revision: int
    namespace: str
    identifiers: Mapping[str, str]
    collection_id: str
    source_uri: str
    source_etag: str | None
    processing: Mapping[str, Any]
    published_container: str
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def stac_collection(self) -> str:
        """The STAC collection that takes datasets of this type."""
        return f"{self.namespace}_{self.data_type.value}s"

    def result_of(self, job_type: str) -> Mapping[str, Any]:
        """The result of an earlier job.

        Raises:
            ContractViolation: it has left none.
        """
        if job_type not in self.results:
            raise ContractViolation(f"the chain needs the result of {job_type}, which has not run")
        return self.results[job_type]

    def urls(self, urls: Urls) -> DatasetUrls:
        """The endpoints that the dataset will have."""
        return urls.dataset(
            self.data_type,
            collection_id=self.collection_id,
            stac_collection=self.stac_collection,
            request_id=self.request_id,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One job of a chain, and how its parameters follow from the request and the jobs before it."""

    job_type: str
    parameters: Callable[[PlanContext, Urls], Parameters]


def _source(context: PlanContext, urls: Urls) -> Parameters:  # noqa: ARG001 - one signature for all
    return {"source_uri": context.source_uri, "source_etag": context.source_etag}


def _ingest_vector(context: PlanContext, urls: Urls) -> Parameters:
    return {**_source(context, urls), **context.processing}


def _process_raster(context: PlanContext, urls: Urls) -> Parameters:
    prefix = f"azure://{context.published_container}/rasters/{context.collection_id}/r{context.revision}"
    return {**_source(context, urls), **context.processing, "target_prefix": prefix}


def _stac(summary_of: str, *href_names: str) -> Callable[[PlanContext, Urls], Parameters]:
    def parameters(context: PlanContext, urls: Urls) -> Parameters:
        return {
            "item_id": context.collection_id,
            "collection_id": context.stac_collection,
            "collection_title": f"{context.namespace.upper()} {context.data_type.value} datasets",
            "namespace": context.namespace,
            "identifiers": dict(context.identifiers),
            "title": " / ".join(context.identifiers.values()),
            "summary": context.result_of(summary_of),
            "hrefs": context.urls(urls).pick(*href_names),
        }

    return parameters


CHAINS: Mapping[DataType, tuple[Step, ...]] = MappingProxyType(
    {
        DataType.VECTOR: (
            Step("ingest_vector", _ingest_vector),
            Step(
                "stac_catalog_vectors",
                _stac("ingest_vector", "features", "items", "vector_tiles", "tilejson", "download", "map"),
            ),
        ),
        DataType.RASTER: (
            Step("validate_raster", _source),
            Step("process_raster", _process_raster),
            Step(
                "stac_catalog_raster",
                _stac("process_raster", "info", "tiles", "tilejson", "preview", "download", "map"),
            ),
        ),
    }
)


def chain_of(data_type: DataType) -> tuple[str, ...]:
    """The job types of a chain, in order."""
    return tuple(step.job_type for step in CHAINS[data_type])
