"""Which raster of a file is meant, where it holds several (netCDF, HDF5)."""

import rasterio

from core.errors import PermanentTaskError
from core.task_models.raster_validation import ReadingOptions
from services.raster.formats import HDF5, NETCDF
from services.raster.source import Source


def gdal_name_of(source: Source, reading: ReadingOptions) -> str:
    """What GDAL is to open: the file, or one of the names that GDAL itself gives to its variables.

    Raises:
        PermanentTaskError: AMBIGUOUS_RASTER: none is named, or one that is not there.
        RasterioError: the file cannot be read.
    """
    if source.format not in (NETCDF, HDF5):
        return source.gdal_name
    # The prefix: by its name alone, the file would be opened by another driver where the view opens it again.
    whole = f'NETCDF:"{source.gdal_name}"'
    with rasterio.open(whole, driver=source.format.driver) as dataset:
        names: dict[str, str] = {name.rsplit(":", 1)[-1]: name for name in dataset.subdatasets}
        if dataset.count and reading.subdataset is None:
            return whole
    chosen = names.get(reading.subdataset or "")
    if chosen is None:
        raise PermanentTaskError(
            "The file holds several variables, and it is not clear which one is meant.",
            code="AMBIGUOUS_RASTER",
            remedy="Name one of those in context as subdataset.",
            context={"rasters": [name[:255] for name in list(names)[:20]]},
        )
    return chosen
