"""The tasks `create_mosaic` (of the tiles of a large raster) and `create_mosaic_json` (of listed COGs)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from rasterio.crs import CRS
from rasterio.transform import Affine

from core.errors import PermanentTaskError
from core.schema.queue import QueueRole
from core.task_models.raster import RasterClass, RasterDescription
from core.task_models.raster_mosaic import (
    MAX_MISSING,
    CreateMosaicJsonParameters,
    MissingPart,
    MosaicPart,
    MosaicResult,
)
from core.task_models.raster_tiles import CreateMosaicParameters, LargeRasterPlan, MissingTile, TileRecord
from core.task_models.raster_validation import ReadingOptions
from services.context import TaskContext
from services.raster.block_cache import bounded_block_cache
from services.raster.classify import classify
from services.raster.documents import read_document
from services.raster.environment import MEMORY_LIMIT_BYTES, hardened_gdal
from services.raster.gathering import Gathering
from services.raster.georeference import geographic_bbox
from services.raster.header import Header
from services.raster.json_lines import read_lines, write_lines
from services.raster.mosaic import Ingredients, make_mosaic
from services.raster.mosaic_grid import crosses_antimeridian, union_of
from services.raster.profiles import resolve
from services.raster.reading import open_raster
from services.raster.sample import take_sample
from services.raster.source import remote_source
from services.raster.tiling import placed
from services.registry import register_task

_GRID = ("width", "height", "crs", "bounds", "bbox", "resolution", "transform")
_AT_A_TIME = 256
_GATHERED = 0.3
_CONNECTIONS = 8


@register_task(
    "create_mosaic", queue=QueueRole.RASTER_TASKS, isolated=True, memory_limit_bytes=MEMORY_LIMIT_BYTES
)
def create_mosaic(parameters: CreateMosaicParameters, context: TaskContext) -> MosaicResult:
    """The tiles that were made become a mosaic: a list of parts, a MosaicJSON and an overview are written.

    Raises:
        PermanentTaskError: COLORMAP_UNKNOWN.
        TransientError: STORAGE_TIMEOUT, OUTPUT_FAILED.
        ContractViolation: COG_INVALID.
    """
    plan = read_document(context.storage, parameters.plan_uri, LargeRasterPlan)
    options = resolve(plan.options, plan.classification, plan.source_header)
    gathered = _gather(
        Gathering(dtypes=plan.description.dtypes, nodata=options.nodata),
        _records(parameters, context),
        context,
        count=len(parameters.records),
    )
    parts_uri = f"{plan.target_prefix}/{context.attempt_name}_parts.jsonl"
    write_lines(context, parts_uri, gathered.parts)
    first = _look_at(gathered.parts[0], context)
    grid = {name: getattr(plan.description, name) for name in _GRID}
    return make_mosaic(
        Ingredients(
            parts=gathered.parts,
            parts_uri=parts_uri,
            target_prefix=plan.target_prefix,
            description=first.description.model_copy(update=grid),
            header=first.header,
            classification=_class_of_parts(plan.classification, first.description),
            options=plan.options,
            statistics=gathered.statistics(),
            classes=plan.classes,
            missing=tuple(_missing(tile, plan) for tile in parameters.missing[:MAX_MISSING]),
            missing_count=len(parameters.missing),
            source=plan.source,
            scheme_uri=plan.scheme_uri,
            findings=plan.findings,
        ),
        context,
    )


@register_task(
    "create_mosaic_json",
    queue=QueueRole.RASTER_TASKS,
    isolated=True,
    memory_limit_bytes=MEMORY_LIMIT_BYTES,
    aliases=("handler_raster_create_mosaic",),
)
def create_mosaic_json(parameters: CreateMosaicJsonParameters, context: TaskContext) -> MosaicResult:
    """COGs that exist become a mosaic: a MosaicJSON and an overview are written.

    Raises:
        NotFound: SOURCE_NOT_FOUND: the list or a COG is gone.
        PermanentTaskError: MOSAIC_EMPTY, COLORMAP_UNKNOWN.
        TransientError: STORAGE_TIMEOUT, OUTPUT_FAILED.
        ContractViolation: COG_INVALID.
    """
    listed = read_lines(context.storage, parameters.parts_uri, MosaicPart)
    records = (TileRecord(part=part) for part in listed)
    gathered = _gather(Gathering(), records, context, count=parameters.part_count)
    if not gathered.parts:
        raise PermanentTaskError(
            "The list of parts is empty.", code="MOSAIC_EMPTY", remedy="See the errors of the tasks before."
        )
    first = _look_at(gathered.parts[0], context)
    classification = parameters.classification or first.classification
    several_crs = len({part.crs for part in gathered.parts}) > 1
    return make_mosaic(
        Ingredients(
            parts=gathered.parts,
            parts_uri=parameters.parts_uri,
            target_prefix=parameters.target_prefix.rstrip("/"),
            description=union_of(gathered.parts, first.description),
            header=first.header,
            classification=_class_of_parts(classification, first.description),
            options=parameters.options,
            statistics=gathered.statistics(),
            classes=parameters.classes,
            missing=parameters.missing[:MAX_MISSING],
            missing_count=parameters.missing_count,
            findings=parameters.findings,
            draws_overview=not (several_crs and crosses_antimeridian(gathered.parts)),
        ),
        context,
    )


def _gather(
    gathering: Gathering, records: Iterator[TileRecord], context: TaskContext, *, count: int
) -> Gathering:
    while some := list(islice(records, _AT_A_TIME)):
        gathering.add(some)
        context.checkpoint(_GATHERED * min(1.0, len(gathering.parts) / max(1, count)))
    return gathering


def _records(parameters: CreateMosaicParameters, context: TaskContext) -> Iterator[TileRecord]:
    """In the order of the tiles; a few requests at a time."""
    uris = (parameters.record_prefix + name for name in parameters.records)
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        while some := list(islice(uris, _AT_A_TIME)):
            yield from pool.map(lambda uri: read_document(context.storage, uri, TileRecord), some)


def _missing(tile: MissingTile, plan: LargeRasterPlan) -> MissingPart:
    window = plan.grid.named(tile.name)
    _, bounds = placed(window, Affine(*plan.description.transform))
    try:
        bbox = geographic_bbox(CRS.from_user_input(plan.description.crs), bounds)
    except PermanentTaskError:
        bbox = None  # in a corner of the grid that is not on the globe
    return MissingPart(name=tile.name, code=tile.code, bbox=bbox)


@dataclass(frozen=True, slots=True)
class _FirstPart:
    """One part stands for all in what they have in common."""

    description: RasterDescription
    header: Header
    classification: RasterClass


def _look_at(part: MosaicPart, context: TaskContext) -> _FirstPart:
    source = remote_source(context, uri=part.blob_uri, etag=None, reading=ReadingOptions())
    with bounded_block_cache(), hardened_gdal(), open_raster(source, ReadingOptions()) as opened:
        return _FirstPart(opened.description, opened.header, classify(opened, take_sample(opened)))


def _class_of_parts(classification: RasterClass, parts: RasterDescription) -> RasterClass:
    """An alpha band may have become a mask."""
    if classification is RasterClass.RGBA and "alpha" not in parts.color_interpretation:
        return RasterClass.RGB
    return classification
