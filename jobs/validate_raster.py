"""Can this raster be published? One task looks at its structure, its header and a sample of its pixels."""

from collections.abc import Iterable

from core.models.stage import Stage, TaskDefinition
from core.stage_results import StageResults
from core.task_models.raster_validation import ValidateRasterParameters
from jobs.base import JobBase
from jobs.mixins import JobBaseMixin
from jobs.registry import register_job


@register_job
class ValidateRaster(JobBaseMixin, JobBase):
    """The result is a `ValidateRasterResult`."""

    job_type = "validate_raster"
    description = "Checks that a raster is whole, readable and has a place on earth, and says what it holds."
    stages = (Stage(number=1, name="validate", task_type="validate_raster"),)
    parameters_model = ValidateRasterParameters

    @classmethod
    def create_tasks_for_stage(
        cls,
        stage: int,  # noqa: ARG003 - there is one
        parameters: ValidateRasterParameters,
        previous: StageResults,  # noqa: ARG003
    ) -> Iterable[TaskDefinition]:
        """See `JobBase`."""
        return (TaskDefinition(parameters),)
