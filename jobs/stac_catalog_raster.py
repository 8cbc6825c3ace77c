"""A published raster gets its STAC item. The Platform writes it to the catalogue when it publishes."""

from core.models.stage import Stage
from core.task_models.raster_stac import StacRasterParameters
from jobs.base import JobBase
from jobs.mixins import OneTaskMixin
from jobs.registry import register_job


@register_job
class StacCatalogRaster(OneTaskMixin, JobBase):
    """The result is a `StacResult`: a collection and an item."""

    job_type = "stac_catalog_raster"
    description = "Describes a Cloud Optimized GeoTIFF as a STAC item."
    stages = (Stage(number=1, name="describe", task_type="extract_stac_metadata"),)
    parameters_model = StacRasterParameters
