"""Rasters: which are taken, and which are large."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.defaults import RasterDefaults


class RasterConfig(BaseSettings):
    """Which rasters are taken, and which are large."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    extra_formats: bool = Field(
        default=False,
        validation_alias="RASTER_EXTRA_FORMATS",
        description="whether netCDF and HDF5 are taken as well",
    )
    large_bytes: int = Field(
        RasterDefaults.LARGE_BYTES,
        gt=0,
        validation_alias="RASTER_LARGE_BYTES",
        description="of pixels, uncompressed, above which a raster becomes a mosaic of tiles",
    )
    collection_max_files: int = Field(
        RasterDefaults.COLLECTION_MAX_FILES,
        ge=1,
        le=RasterDefaults.COLLECTION_MAX_FILES,
        validation_alias="RASTER_COLLECTION_MAX_FILES",
        description="the most files of a collection",
    )
