"""The first tasks of `validate_raster_collection`: list the files, look at each."""

from core.errors import AppError, InvalidRequest, NotFound, PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.finding import Severity
from core.task_models.raster_collection import (
    CollectionFile,
    CollectionFileReport,
    CollectionListing,
    ListedFiles,
    RasterTraits,
    Refusal,
    ValidateCollectionFileParameters,
    ValidateRasterCollectionParameters,
)
from core.task_models.raster_validation import ValidateRasterParameters, ValidateRasterResult
from services.context import TaskContext
from services.raster.collection_listing import collection_files, list_sources
from services.raster.documents import write_document
from services.raster.environment import MEMORY_LIMIT_BYTES
from services.raster.validate import validate_raster
from services.registry import register_task

_RESOLUTION_DIGITS = 5


@register_task("list_raster_collection", queue=QueueRole.RASTER_TASKS)
def list_raster_collection(
    parameters: ValidateRasterCollectionParameters, context: TaskContext
) -> ListedFiles:
    """Find the files, and leave their list as a blob for the tasks to come.

    Raises:
        AppError: what `list_sources` says.
    """
    listing = list_sources(context.storage, parameters.sources, max_files=parameters.max_files)
    context.checkpoint(0.8)
    listed = CollectionListing(files=collection_files(listing.rasters), findings=listing.findings())
    uri = f"{parameters.target_prefix.rstrip('/')}/listing/{context.attempt_name}.json"
    write_document(context, uri, listed.model_dump_json(), temporary=True)
    return ListedFiles(listing_uri=uri, files=listed.files)


@register_task(
    "validate_collection_file",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
)
def validate_collection_file(
    parameters: ValidateCollectionFileParameters, context: TaskContext
) -> CollectionFileReport:
    """`validate_raster` on one file; a refusal is an answer here, and no failure.

    Raises:
        TransientError: STORAGE_TIMEOUT.
        ContractViolation: a fault of ours is not the file's.
    """
    file = parameters.file
    single = ValidateRasterParameters(source_uri=file.uri, source_etag=file.etag, reading=parameters.reading)
    where = {"listing_uri": parameters.listing_uri, "index": parameters.index}
    try:
        found = validate_raster(single, context)
    except (PermanentTaskError, NotFound, InvalidRequest) as exc:
        return CollectionFileReport(**where, refusal=_refusal(file, exc))
    return CollectionFileReport(
        **where,
        traits=_traits(found),
        classes=found.classes,
        pixel_bytes=found.pixel_bytes,
        warning_codes=tuple(
            sorted({each.code for each in found.findings if each.severity is Severity.WARNING})
        ),
    )


def _traits(found: ValidateRasterResult) -> RasterTraits:
    return RasterTraits(
        band_count=found.band_count,
        dtypes=found.dtypes,
        crs=found.crs,
        resolution=(_rounded(found.resolution[0]), _rounded(found.resolution[1])),
        nodata=found.nodata,
        alpha="alpha" in found.color_interpretation,
        classification=found.classification,
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{_RESOLUTION_DIGITS}g}")


def _refusal(file: CollectionFile, error: AppError) -> Refusal:
    return Refusal(name=file.name, uri=file.uri, code=error.code, message=error.message, remedy=error.remedy)
