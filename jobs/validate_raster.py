"""Can this raster be published? One task looks at its structure, its header and a sample of its pixels."""

from core.models.stage import Stage
from core.task_models.raster_validation import ValidateRasterParameters
from jobs.base import JobBase
from jobs.mixins import OneTaskMixin
from jobs.registry import register_job


@register_job
class ValidateRaster(OneTaskMixin, JobBase):
    """The result is a `ValidateRasterResult`."""

    job_type = "validate_raster"
    description = "Checks that a raster is whole, readable and has a place on earth, and says what it holds."
    stages = (Stage(number=1, name="validate", task_type="validate_raster"),)
    parameters_model = ValidateRasterParameters
