"""The files of a collection become COGs, side by side; `create_mosaic_json` makes one map of them."""

from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from pathlib import PurePosixPath

from core.models.job import Hole
from core.models.stage import FailurePolicy, Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster import RasterClass
from core.task_models.raster_cog import CreateCogParameters
from core.task_models.raster_collection import (
    MAX_COLLECTION_FILES,
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
    """The result is a `ProcessRasterCollectionResult`. Files of several mosaics come mosaic by mosaic."""

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
            files = previous.one(ListedFiles).files
            for file, classification in zip(files, _classifications(parameters), strict=False):
                yield TaskDefinition(_conversion(file, classification, parameters), key=file.name)
        else:
            yield TaskDefinition(_gathering(parameters, previous))


def _classifications(parameters: ProcessRasterCollectionParameters) -> Iterator[RasterClass | None]:
    """What each file is taken as, in the order of the files."""
    for mosaic in parameters.mosaics:
        yield from repeat(mosaic.classification, mosaic.file_count)
    yield from repeat(parameters.classification)


def _conversion(
    file: CollectionFile, classification: RasterClass | None, parameters: ProcessRasterCollectionParameters
) -> CollectionCogParameters:
    return CollectionCogParameters(
        name=file.name,
        cog=CreateCogParameters(
            source_uri=file.uri,
            source_etag=file.etag,
            target_prefix=parameters.target_prefix,
            reading=parameters.reading,
            options=parameters.options,
            classification=classification,
        ),
    )


def _gathering(
    parameters: ProcessRasterCollectionParameters, previous: StageResults
) -> GatherPartsParameters:
    """The mosaics of which something was made; the first of them also tells what those lack that are gone."""
    gone, found = list[Hole](), list[tuple[int, tuple[str, ...], list[Hole]]]()
    for number, (names, holes) in enumerate(_made(parameters, previous)):
        if names:
            found.append((number, names, holes))
        else:
            gone += holes
    (number, names, holes), *others = found or [(0, (), [])]
    first = _list_of(parameters, number, names, [*holes, *gone])
    return first.model_copy(update={"others": tuple(_list_of(parameters, *each) for each in others)})


def _made(
    parameters: ProcessRasterCollectionParameters, previous: StageResults
) -> Iterator[tuple[tuple[str, ...], list[Hole]]]:
    """What became of the files of each mosaic: the index of a task is the line of its file.

    Ten thousand URIs would be a megabyte; they differ in their last segment alone.
    """
    made = (PurePosixPath(each.part_uri).name for each in previous.each(CollectionCog))
    holes, first = list(previous.holes()), 0
    for count in [mosaic.file_count for mosaic in parameters.mosaics] or [MAX_COLLECTION_FILES]:
        missing = [hole for hole in holes if first <= hole.task_index < first + count]
        yield tuple(islice(made, count - len(missing))), missing
        first += count


def _list_of(
    parameters: ProcessRasterCollectionParameters, mosaic: int, names: tuple[str, ...], holes: Sequence[Hole]
) -> GatherPartsParameters:
    return GatherPartsParameters(
        target_prefix=parameters.target_prefix,
        mosaic=mosaic,
        part_names=names,
        missing=tuple(MissingPart(name=hole.task_key, code=hole.code) for hole in holes[:MAX_REFUSED]),
        missing_count=len(holes),
    )
