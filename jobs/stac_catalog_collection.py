"""A collection of rasters gets a STAC collection. The Platform writes it when it publishes."""

from core.models.stage import Stage
from core.task_models.raster_stac import StacMosaicParameters
from jobs.base import JobBase
from jobs.mixins import OneTaskMixin
from jobs.registry import register_job


@register_job
class StacCatalogCollection(OneTaskMixin, JobBase):
    """The result is a `StacItemsResult`: a collection, and the items of its files in a blob."""

    job_type = "stac_catalog_collection"
    description = "Describes a collection of rasters in STAC, with one item for each file."
    stages = (
        Stage(number=1, name="describe", task_type="create_mosaic_stac", activity="Describing in STAC"),
    )
    parameters_model = StacMosaicParameters
