"""COGs that exist become a mosaic: the MosaicJSON, the picture of the whole, and the summary."""

from collections.abc import Iterable

from core.models.stage import Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_mosaic import CreateMosaicJsonParameters
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class CreateMosaicJson(JobBaseMixin, JobBase):
    """The result is a `MosaicResult`."""

    job_type = "create_mosaic_json"
    description = "Makes a mosaic of the COGs of a collection."
    stages = (Stage(1, "create_mosaic", "create_mosaic_json", activity="Creating the mosaic"),)
    parameters_model = CreateMosaicJsonParameters

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003
        parameters: CreateMosaicJsonParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        return (TaskDefinition(parameters),)
