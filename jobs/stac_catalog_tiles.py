"""A large raster, cut into tiles, gets a STAC collection. The Platform writes it when it publishes."""

from collections.abc import Iterable

from core.models.stage import Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_stac import StacMosaicParameters
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class StacCatalogTiles(JobBaseMixin, JobBase):
    """The result is a `StacItemsResult`: a collection, and the items of its tiles in a blob."""

    job_type = "stac_catalog_tiles"
    description = "Describes a tiled raster as a STAC collection with one item for each tile."
    stages = (
        Stage(number=1, name="describe", task_type="create_mosaic_stac", activity="Describing in STAC"),
    )
    parameters_model = StacMosaicParameters

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: StacMosaicParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        return (TaskDefinition(parameters),)
