"""A raster too large for one task becomes tiles, each a COG, and a mosaic of them."""

from collections.abc import Iterator

from core.errors import PermanentTaskError
from core.models.stage import FailurePolicy, Parallelism, Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_tiles import (
    CreateMosaicParameters,
    CreateTileCogParameters,
    ExtractedTile,
    ExtractTileParameters,
    MissingTile,
    ProcessLargeRasterParameters,
    TileCog,
    TilingScheme,
)
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job

_TILING, _EXTRACTION, _CONVERSION, _MOSAIC = 1, 2, 3, 4


@register_job
class ProcessLargeRaster(JobBaseMixin, JobBase):
    """The result is a `MosaicResult`.

    `max_failed_fraction` holds for the extraction and for the conversion, each of its own tasks; a tile
    that fails in either is missing from the mosaic, and named there.
    """

    job_type = "process_large_raster"
    description = "Cuts a large raster into tiles, makes a COG of each, and a mosaic of all."
    stages = (
        Stage(_TILING, "tiling_scheme", "tiling_scheme", activity="Planning the tiles"),
        Stage(
            _EXTRACTION,
            "extract_tiles",
            "extract_tile",
            Parallelism.FAN_OUT,
            noun="tile",
            activity="Checking tiles",
        ),
        Stage(
            _CONVERSION,
            "create_cogs",
            "create_tile_cog",
            Parallelism.FAN_OUT,
            noun="tile",
            activity="Creating tile COGs",
        ),
        Stage(_MOSAIC, "create_mosaic", "create_mosaic", activity="Creating the mosaic"),
    )
    parameters_model = ProcessLargeRasterParameters

    @classmethod
    def failure_policy(cls, stage: int, parameters: ProcessLargeRasterParameters) -> FailurePolicy | None:
        """See `JobBase`."""
        if stage in (_EXTRACTION, _CONVERSION):
            return FailurePolicy.fraction(parameters.max_failed_fraction)
        return None

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: ProcessLargeRasterParameters, previous: StageResults
    ) -> Iterator[TaskDefinition]:
        """See `JobBase`."""
        if stage == _TILING:
            yield TaskDefinition(parameters)
        elif stage == _EXTRACTION:
            scheme = previous.one(TilingScheme)
            for index in range(scheme.grid.count):
                extraction = ExtractTileParameters(plan_uri=scheme.plan_uri, index=index)
                yield TaskDefinition(extraction, key=scheme.grid.tile(index).name)
        elif stage == _CONVERSION:
            for tile in previous.each(ExtractedTile):
                if not tile.is_empty:
                    conversion = CreateTileCogParameters(plan_uri=tile.plan_uri, index=tile.index)
                    yield TaskDefinition(conversion, key=tile.name)
        else:
            yield TaskDefinition(_mosaic(previous))


def _mosaic(previous: StageResults) -> CreateMosaicParameters:
    missing = tuple(MissingTile(name=hole.task_key, code=hole.code) for hole in previous.holes())
    mosaic = CreateMosaicParameters.of(previous.each(TileCog), missing)
    if mosaic is not None:
        return mosaic
    if missing:
        raise PermanentTaskError(
            f"Not a single tile could be made; {len(missing)} failed.",
            code="MOSAIC_EMPTY",
            remedy="See the errors of the tasks.",
            context={"missing_count": len(missing), "codes": sorted({tile.code for tile in missing})},
        )
    raise PermanentTaskError(
        "Every pixel of the raster is nodata, masked or not a number.",
        code="RASTER_EMPTY",
        remedy="Check the nodata value and the mask of the file.",
    )
