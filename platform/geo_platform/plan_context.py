"""What a chain's jobs are planned from: the request, its chain, and the results so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from core.errors import ContractViolation
from core.task_models.vector_export import ExportFormat
from geo_platform.endpoints import DatasetUrls, Offer, Urls
from geo_platform.layer_collections import layer_collections
from geo_platform.mosaics import DatasetMosaic, dataset_mosaics, first_and_others
from geo_platform.states import DataType, Shape

Results = Mapping[str, Mapping[str, Any]]
"""Of the jobs that have run, by job type."""


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step of a request's chain. `skipped` says why its job does not run; empty when it does."""

    job_type: str
    skipped: str = ""

    @classmethod
    def stored(cls, entry: Mapping[str, str]) -> Self:
        """From an entry of `platform.requests.job_chain`."""
        return cls(entry["job_type"], entry.get("skipped", ""))

    @property
    def entry(self) -> dict[str, str]:
        """The entry of `platform.requests.job_chain`."""
        return {"job_type": self.job_type} | ({"skipped": self.skipped} if self.skipped else {})


Chain = tuple[ChainStep, ...]

_SHAPE_OF_MAKER = {
    "ingest_vector": Shape.TABLE,
    "process_raster": Shape.COG,
    "process_large_raster": Shape.MOSAIC,
    "create_mosaic_json": Shape.MOSAIC,
}
"""The job that makes what is published, and whose result is the summary of it."""


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What the parameters of a chain's jobs are made from.

    Attributes:
        extra_formats: whether the formats behind a setting are taken as well.
        collection: the source of a collection, as `CollectionSources` has it; only the first job gets it.
        results: of the jobs that have run, by job type.
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
    chain: Chain
    extra_formats: bool = False
    max_files: int = 10_000
    collection: Mapping[str, Any] | None = None
    results: Results = field(default_factory=dict)

    @property
    def maker(self) -> str:
        """The job type that makes what is published."""
        return next(step.job_type for step in self.chain if step.job_type in _SHAPE_OF_MAKER)

    @property
    def shape(self) -> Shape:
        """What the dataset is published as."""
        return _SHAPE_OF_MAKER[self.maker]

    @property
    def summary(self) -> Mapping[str, Any]:
        """What is published, in the words of the job that made it; of several mosaics the first."""
        return first_and_others(self.result_of(self.maker))[0]

    @property
    def mosaics(self) -> tuple[DatasetMosaic, ...]:
        """All that the dataset is published as; none where it is no mosaic."""
        return dataset_mosaics(self) if self.shape is Shape.MOSAIC else ()

    @property
    def stac_collection(self) -> str:
        """The one that the dataset is described in."""
        return self.collection_of(self.shape)

    def collection_of(self, shape: Shape) -> str:
        """A mosaic is a STAC collection of its own; one collection takes all other datasets of a kind."""
        if shape is Shape.MOSAIC:
            return self.collection_id
        return f"{self.namespace}_{'vectors' if shape is Shape.TABLE else 'rasters'}"

    @property
    def title(self) -> str:
        """The identifiers as people read them."""
        return " / ".join(self.identifiers.values())

    @property
    def target_prefix(self) -> str:
        """Where the blobs of this revision lie."""
        kind = "vectors" if self.data_type is DataType.VECTOR else "rasters"
        return f"azure://{self.published_container}/{kind}/{self.collection_id}/r{self.revision}"

    def runs(self, job_type: str) -> bool:
        """Whether the chain has this job and it is not skipped."""
        return ChainStep(job_type) in self.chain

    def result_of(self, job_type: str) -> Mapping[str, Any]:
        """The result of an earlier job.

        Raises:
            ContractViolation: it has left none.
        """
        if job_type not in self.results:
            raise ContractViolation(f"the chain needs the result of {job_type}, which has not run")
        return self.results[job_type]

    def urls(self, urls: Urls) -> DatasetUrls:
        """The endpoints that the dataset will have; of several mosaics those of the first."""
        if self.shape is Shape.MOSAIC:
            return self.urls_of(self.mosaics[0], urls)
        return urls.dataset(self._table_offer() if self.shape is Shape.TABLE else self._cog_offer())

    def urls_of(self, mosaic: DatasetMosaic, urls: Urls) -> DatasetUrls:
        """The endpoints that a mosaic of the dataset will have."""
        return urls.dataset(
            Offer(
                shape=Shape.MOSAIC,
                collection_id=mosaic.collection_id,
                stac_collection=self.stac_collection,
                request_id=self.request_id,
                has_file=mosaic.has_overview,
                has_scheme=mosaic.summary.get("scheme_uri") is not None,
                has_tile_cache=mosaic.has_overview and self.runs("generate_tile_cache"),
                is_first=mosaic.is_first,
            )
        )

    def _table_offer(self) -> Offer:
        exports = tuple(dict.fromkeys(each["format"] for each in self.exports))
        return Offer(
            shape=Shape.TABLE,
            collection_id=self.collection_id,
            stac_collection=self.stac_collection,
            request_id=self.request_id,
            collections=tuple(each.collection_id for each in layer_collections(self)),
            has_rejects=self.summary["rejects_uri"] is not None,
            has_tile_cache=ExportFormat.PMTILES in exports,
            exports=exports,
        )

    @property
    def exports(self) -> Sequence[Mapping[str, Any]]:
        """The files that were made of a table beforehand (`ExportedFile`)."""
        if not self.runs("export_vector"):
            return ()
        exports: Sequence[Mapping[str, Any]] = self.result_of("export_vector")["exports"]
        return exports

    def _cog_offer(self) -> Offer:
        return Offer(
            shape=Shape.COG,
            collection_id=self.collection_id,
            stac_collection=self.stac_collection,
            request_id=self.request_id,
            has_tile_cache=self.runs("generate_tile_cache"),
            products=tuple(self.processing["products"]) if self.runs("terrain_products") else (),
        )
