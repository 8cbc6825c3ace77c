"""The task `validate_raster`: is this a raster that can be published, and what is to be said of it?"""

from core.schema.queue import QueueRole
from core.task_models.raster_validation import ValidateRasterParameters, ValidateRasterResult
from services.context import TaskContext
from services.raster.clean_copy import require_data
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.findings import warnings_of
from services.raster.meaning import Meaning, meaning_of
from services.raster.reading import OpenRaster, open_raster
from services.raster.sample import take_sample
from services.raster.source import RemoteSource, choose_source, source_of
from services.raster.structure import check_structure, structure_findings
from services.raster.tiff import TiffStructure
from services.registry import register_task


@register_task(
    "validate_raster",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
    aliases=("handler_raster_validate",),
)
def validate_raster(parameters: ValidateRasterParameters, context: TaskContext) -> ValidateRasterResult:
    """Admit, check the structure and the header, and look at a sample of the pixels.

    A GeoTIFF and a JPEG 2000 are read by ranges where they lie, in a fraction of a second whatever their
    size. Damage inside of a compressed block shows when it is decoded, which `process_raster` does with
    every block; it has the same code there.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        PermanentTaskError: what `choose_source`, `check_structure`, `open_raster` and `meaning_of` say, and
            RASTER_EMPTY.
        TransientError: STORAGE_TIMEOUT.
    """
    reading = parameters.reading
    source = choose_source(context, uri=parameters.source_uri, etag=parameters.source_etag, reading=reading)
    context.checkpoint(0.3)
    structure = check_structure(source.format, source.read, size_bytes=source.size_bytes)
    context.checkpoint(0.5)
    with hardened_gdal(), open_raster(source, reading) as opened:
        sample = take_sample(opened, on_progress=lambda done: context.checkpoint(0.5 + 0.4 * done))
        is_empty = structure is not None and structure.is_empty
        require_data(not is_empty and (sample.has_data or not sample.is_whole))
        meaning = meaning_of(opened, reading, sample=lambda: sample)
        result = _report(opened, meaning, structure)
    source.recheck()
    context.checkpoint(1.0)
    return result


def _report(opened: OpenRaster, meaning: Meaning, structure: TiffStructure | None) -> ValidateRasterResult:
    findings = opened.findings
    if structure is not None:
        findings += structure_findings(structure, dtype=opened.header.bands[0].dtype)
    return ValidateRasterResult(
        **dict(opened.description),
        source=source_of(opened.source),
        classification=meaning.classification,
        classes=meaning.classes,
        pixel_bytes=opened.pixel_bytes,
        by_ranges=isinstance(opened.source, RemoteSource),
        findings=findings,
        warnings=warnings_of(findings),
    )
