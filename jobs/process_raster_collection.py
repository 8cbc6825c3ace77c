"""The files of a collection become COGs, side by side; `create_mosaic_json` makes one map of them."""

from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath

from core.models.stage import FailurePolicy, Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_cog import CreateCogParameters
from core.task_models.raster_collection import (
    MAX_REFUSED,
    CollectionCog,
    CollectionCogParameters,
    CollectionFile,
    GatherPartsParameters,
    ListedFiles,
    ProcessRasterCollectionParameters,
    ReadCollectionParameters,
)
from core.task_models.raster_mosaic import MissingPart
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class ProcessRasterCollection(JobBaseMixin, JobBase):
    """The result is a `ProcessRasterCollectionResult`."""

    job_type = "process_raster_collection"
    description = "Converts each raster of a collection to a Cloud Optimized GeoTIFF."
    stages = (
        Stage(number=1, name="read", task_type="read_collection_files", activity="Reading the list of files"),
        Stage(
            number=2,
            name="create",
            task_type="create_collection_cog",
            parallelism=Parallelism.FAN_OUT,
            noun="file",
            activity="Creating COGs",
        ),
        Stage(number=3, name="gather", task_type="gather_parts", activity="Gathering the COGs"),
    )
    parameters_model = ProcessRasterCollectionParameters

    @classmethod
    def failure_policy(
        cls, stage: int, parameters: ProcessRasterCollectionParameters
    ) -> FailurePolicy | None:
        """Files may fail as far as the parameters allow."""
        return FailurePolicy.fraction(parameters.max_failed_fraction) if stage == 2 else None

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: ProcessRasterCollectionParameters, previous: StageResults
    ) -> Iterator[TaskDefinition]:
        """See `JobBase`."""
        if stage == 1:
            yield TaskDefinition(ReadCollectionParameters(files_uri=parameters.files_uri))
        elif stage == 2:
            for file in previous.one(ListedFiles).files:
                yield TaskDefinition(_conversion(file, parameters), key=file.name)
        else:
            yield TaskDefinition(_gathering(parameters, previous))


def _conversion(
    file: CollectionFile, parameters: ProcessRasterCollectionParameters
) -> CollectionCogParameters:
    return CollectionCogParameters(
        name=file.name,
        cog=CreateCogParameters(
            source_uri=file.uri,
            source_etag=file.etag,
            target_prefix=parameters.target_prefix,
            reading=parameters.reading,
            options=parameters.options,
            classification=parameters.classification,
        ),
    )


def _gathering(
    parameters: ProcessRasterCollectionParameters, previous: StageResults
) -> GatherPartsParameters:
    """Ten thousand URIs would be a megabyte; they differ in their last segment alone."""
    holes = tuple(previous.holes())
    return GatherPartsParameters(
        target_prefix=parameters.target_prefix,
        part_names=tuple(PurePosixPath(made.part_uri).name for made in previous.each(CollectionCog)),
        missing=tuple(MissingPart(name=hole.task_key, code=hole.code) for hole in islice(holes, MAX_REFUSED)),
        missing_count=len(holes),
    )
