"""The low zooms of a published raster as pictures, in one PMTiles archive."""

from collections.abc import Iterable

from core.models.stage import Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_tile_cache import GenerateTileCacheParameters
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class GenerateTileCache(JobBaseMixin, JobBase):
    """The result is a `GenerateTileCacheResult`."""

    job_type = "generate_tile_cache"
    description = "Draws the low zooms of a raster into a PMTiles archive."
    stages = (
        Stage(
            number=1, name="draw", task_type="generate_tile_cache", noun="archive", activity="Drawing tiles"
        ),
    )
    parameters_model = GenerateTileCacheParameters

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: GenerateTileCacheParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        return (TaskDefinition(parameters),)
