"""A raster becomes a Cloud Optimized GeoTIFF, which is looked for in storage before the job ends."""

from collections.abc import Iterable

from core.models.stage import Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_cog import CreateCogParameters, ProcessRasterResult, VerifyCogParameters
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class ProcessRaster(JobBaseMixin, JobBase):
    """The result is a `ProcessRasterResult`, of a COG that lies in storage."""

    job_type = "process_raster"
    description = "Converts a raster to a Cloud Optimized GeoTIFF and verifies it."
    stages = (
        Stage(number=1, name="create", task_type="create_cog"),
        Stage(number=2, name="verify", task_type="verify_cog"),
    )
    parameters_model = CreateCogParameters

    @classmethod
    def create_tasks_for_stage(
        cls, stage: int, parameters: CreateCogParameters, previous: StageResults
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        if stage == 1:
            return (TaskDefinition(parameters),)
        return (TaskDefinition(VerifyCogParameters(cog=previous.one(ProcessRasterResult))),)
