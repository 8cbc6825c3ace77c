"""COGs that exist become a mosaic: the MosaicJSON, the picture of the whole, and the summary."""

from core.models.stage import Parallelism, Stage
from core.task_models.raster_mosaic import CreateMosaicJsonParameters
from jobs.base import JobBase
from jobs.mixins import TaskForEachMixin
from jobs.registry import register_job


@register_job
class CreateMosaicJson(TaskForEachMixin, JobBase):
    """The result is a `MosaicResult`, with those of the `others`."""

    job_type = "create_mosaic_json"
    description = "Makes mosaics of the COGs of a collection."
    stages = (
        Stage(
            number=1,
            name="create_mosaic",
            task_type="create_mosaic_json",
            parallelism=Parallelism.FAN_OUT,
            noun="mosaic",
            activity="Creating the mosaic",
        ),
    )
    parameters_model = CreateMosaicJsonParameters
