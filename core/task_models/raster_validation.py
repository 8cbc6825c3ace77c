"""Parameters and results of `validate_raster`: the report of one file."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.task_models.finding import Finding
from core.task_models.raster import (
    MAX_CLASSES,
    ClassName,
    NamedClass,
    NodataOption,
    RasterClass,
    RasterDescription,
    RasterSource,
    TaskModel,
)

CRS_PATTERN = r"^EPSG:[1-9][0-9]{3,5}$"
ClassNames = Annotated[dict[int, ClassName], Field(min_length=1, max_length=MAX_CLASSES)]
"""What the values of a band mean."""


class ReadingOptions(BaseModel):
    """How a source is to be understood where the file does not say it, or says it wrongly.

    Attributes:
        source_crs: the CRS that the coordinates are in; it is assigned, nothing is reprojected.
        nodata: the value that stands for no data, in place of what the file says.
        subdataset: the variable to take from a file of several (netCDF, HDF).
        rpc_height: the height in metres above the ellipsoid at which RPCs are evaluated; None for the mean
            height that they state.
        class_names: the values are classes, and these are their names; before those that the file carries.
        extra_formats: netCDF and HDF5 are read as well; the operator's choice, not the client's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_crs: str | None = Field(default=None, pattern=CRS_PATTERN)
    nodata: NodataOption | None = None
    subdataset: str | None = Field(default=None, min_length=1, max_length=255)
    rpc_height: float | None = Field(default=None, ge=-500, le=9_000)
    class_names: ClassNames | None = None
    extra_formats: bool = False


class ValidateRasterParameters(TaskModel):
    """The raster to look at; with `source_etag`, only if it is still that one."""

    source_uri: str
    source_etag: str | None = None
    reading: ReadingOptions = ReadingOptions()


class ValidateRasterResult(RasterDescription):
    """The report on a raster that can be published.

    The header is that of the raster as it will be read: with the CRS assigned, in the grid that ground
    control points or RPCs lead to.

    Attributes:
        classification: from the header and a sample; `process_raster` looks at all pixels.
        classes: the values that have names, ascending; only of a categorical raster.
        pixel_bytes: all bands uncompressed.
        by_ranges: the format lets parts be read from storage, so that the raster can be cut into tiles.
        findings: everything worth saying, from INFO to WARNING; an ERROR refuses the file instead.
        warnings: the messages of the WARNINGs.
    """

    source: RasterSource
    classification: RasterClass
    classes: tuple[NamedClass, ...] = ()
    pixel_bytes: int
    by_ranges: bool = True
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
