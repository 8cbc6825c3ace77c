"""The tasks of `validate_raster_collection`: list the files, look at each, compare them."""

from collections.abc import Iterator, Sequence

from core.errors import AppError, InvalidRequest, NotFound, PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.finding import Finding, Severity
from core.task_models.raster import RasterClass
from core.task_models.raster_collection import (
    MAX_NAMED_FILES,
    CollectionFile,
    CollectionFileReport,
    CollectionListing,
    ListedFiles,
    RasterGroup,
    RasterTraits,
    Refusal,
    ReportCollectionParameters,
    TraitGroup,
    ValidateCollectionFileParameters,
    ValidateRasterCollectionParameters,
    ValidateRasterCollectionResult,
)
from core.task_models.raster_validation import ValidateRasterParameters, ValidateRasterResult
from services.context import TaskContext
from services.raster.collection_listing import collection_files, list_sources
from services.raster.documents import read_document, write_document
from services.raster.environment import MEMORY_LIMIT_BYTES
from services.raster.findings import warning, warnings_of
from services.raster.homogeneity import compare, prevailing_class
from services.raster.json_lines import write_lines
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
    uri = f"{_folder(parameters.target_prefix)}/listing/{context.attempt_name}.json"
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


@register_task("report_raster_collection", queue=QueueRole.RASTER_TASKS)
def report_raster_collection(
    parameters: ReportCollectionParameters, context: TaskContext
) -> ValidateRasterCollectionResult:
    """Judge the files together, and leave the list of those that are taken, with their groups.

    Raises:
        PermanentTaskError: COLLECTION_FILES_REFUSED: more of them than may be; and what `compare` says.
    """
    asked = parameters.collection
    listed = read_document(context.storage, parameters.listing_uri, CollectionListing)
    files = listed.files
    _require_enough(parameters, file_count=len(files))
    findings = compare(
        parameters.groups,
        on_mixed=asked.on_mixed,
        options=asked.options,
        names=lambda index: files[index].name,
    )
    context.checkpoint(0.5)
    groups = sorted(parameters.groups, key=lambda group: -group.file_count)
    taken = sorted(_taken(groups, files), key=lambda file: file.uri)
    uri = f"{_folder(asked.target_prefix)}/files/{context.attempt_name}.jsonl"
    write_lines(context, uri, taken, temporary=True)
    classification = prevailing_class(groups)
    classes = parameters.classes if classification is RasterClass.CATEGORICAL else ()
    findings = (
        *listed.findings,
        *findings,
        *(_contested(parameters.contested) if classes else ()),
        *_counted(parameters.warning_counts, parameters.refused_count),
    )
    return ValidateRasterCollectionResult(
        files_uri=uri,
        file_count=len(taken),
        total_bytes=sum(file.size_bytes for file in taken),
        pixel_bytes=sum(group.pixel_bytes for group in groups),
        classification=classification,
        classes=classes,
        groups=tuple(_described(number, group, files) for number, group in enumerate(groups)),
        refused=parameters.refused,
        refused_count=parameters.refused_count,
        findings=findings,
        warnings=warnings_of(findings),
    )


def _require_enough(parameters: ReportCollectionParameters, *, file_count: int) -> None:
    allowed = parameters.collection.max_failed_fraction * file_count
    if parameters.groups and parameters.refused_count <= allowed:
        return
    first = parameters.refused[0] if parameters.refused else None
    raise PermanentTaskError(
        f"{parameters.refused_count} of {file_count} files cannot be published"
        + (f"; {first.name}: {first.message}" if first else "."),
        code="COLLECTION_FILES_REFUSED",
        remedy="Repair the files named, leave them out, or allow for them by max_failed_fraction.",
        context={
            "refused_count": parameters.refused_count,
            "file_count": file_count,
            "refused": [
                {"file": each.name, "code": each.code, "message": each.message}
                for each in parameters.refused[:MAX_NAMED_FILES]
            ],
        },
    )


def _taken(groups: Sequence[TraitGroup], files: Sequence[CollectionFile]) -> Iterator[CollectionFile]:
    for number, group in enumerate(groups):
        for first, count in group.runs:
            for file in files[first : first + count]:
                yield file.model_copy(update={"group": number})


def _described(number: int, group: TraitGroup, files: Sequence[CollectionFile]) -> RasterGroup:
    lines = [index for first, count in group.runs for index in range(first, first + count)]
    return RasterGroup(
        number=number,
        traits=group.traits,
        file_count=group.file_count,
        pixel_bytes=group.pixel_bytes,
        names=tuple(files[index].name for index in lines[:MAX_NAMED_FILES]),
    )


def _counted(warning_counts: dict[str, int], refused_count: int) -> Iterator[Finding]:
    """What was said of single files, in one line for each kind."""
    for code, count in warning_counts.items():
        yield warning(
            code,
            f"{count} files have the warning {code}.",
            remedy="Validate one of them by itself to read it.",
            file_count=count,
        )
    if refused_count:
        yield warning(
            "COLLECTION_FILES_LEFT_OUT",
            f"{refused_count} files cannot be published and are left out.",
            remedy="See `refused` for the reasons.",
            file_count=refused_count,
        )


def _contested(values: Sequence[int]) -> Iterator[Finding]:
    if values:
        yield warning(
            "COLLECTION_MIXED_CLASS_NAMES",
            f"The files do not agree on the names of {len(values)} classes; the first file's are used.",
            remedy="Give class_names that hold for all files.",
            values=list(values[:MAX_NAMED_FILES]),
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


def _folder(target_prefix: str) -> str:
    return target_prefix.rstrip("/")
