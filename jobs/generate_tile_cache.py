"""The low zooms of a published raster as pictures, in a PMTiles archive for each mosaic of it."""

from core.models.stage import Parallelism, Stage
from core.task_models.raster_tile_cache import GenerateTileCacheParameters
from jobs.base import JobBase
from jobs.mixins import TaskForEachMixin
from jobs.registry import register_job


@register_job
class GenerateTileCache(TaskForEachMixin, JobBase):
    """The result is a `GenerateTileCacheResult`, with those of the `others`."""

    job_type = "generate_tile_cache"
    description = "Draws the low zooms of a raster into a PMTiles archive."
    stages = (
        Stage(
            number=1,
            name="draw",
            task_type="generate_tile_cache",
            parallelism=Parallelism.FAN_OUT,
            noun="archive",
            activity="Drawing tiles",
        ),
    )
    parameters_model = GenerateTileCacheParameters
