"""What is known of a raster, wherever it comes from: header, class, statistics, and how to show it."""

import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from core.task_models.stac import BBox

Nodata = float | Literal["nan", "inf", "-inf"] | None
"""JSON has no NaN and no infinity: they travel by name, as in the STAC raster extension."""


def _no_infinity(value: float) -> float:
    if math.isinf(value):
        raise ValueError("a nodata value is a finite number, or nan")
    return value


def _named(value: float) -> float | str:
    return "nan" if math.isnan(value) else value


NodataOption = Annotated[
    float,
    AfterValidator(_no_infinity),
    PlainSerializer(_named, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"const": "nan"}]}),
]
"""A value that somebody chooses to mean no data: a number, or `"nan"`."""

RGBA = tuple[int, int, int, int]


class TaskModel(BaseModel):
    """The base of the parameters and results of tasks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RasterClass(StrEnum):
    """What the pixels mean, which decides how they may be resampled and shown."""

    RGB = "rgb"
    RGBA = "rgba"
    DEM = "dem"
    CATEGORICAL = "categorical"
    CONTINUOUS = "continuous"
    MULTISPECTRAL = "multispectral"


class RasterSource(_Part):
    """The blob that a raster was read from. `driver` is GDAL's short name."""

    uri: str
    size_bytes: int
    etag: str
    driver: str


class RasterDescription(TaskModel):
    """The header of a raster.

    Attributes:
        crs: `EPSG:n` where the CRS is exactly that one, WKT 2 otherwise.
        bounds: left, bottom, right, top of the outer pixel edges, in `crs`.
        resolution: the size of a pixel along its own axes, in units of `crs`; positive.
        descriptions: the names of the bands, None for those without one.
        transform: a, b, c, d, e, f of x = a*col + b*row + c, y = d*col + e*row + f.
    """

    width: int = Field(gt=0)
    height: int = Field(gt=0)
    band_count: int = Field(gt=0)
    dtypes: tuple[str, ...]
    nodata: Nodata
    crs: str
    bounds: tuple[float, float, float, float]
    bbox: BBox
    resolution: tuple[float, float]
    transform: tuple[float, float, float, float, float, float]
    color_interpretation: tuple[str, ...]
    descriptions: tuple[str | None, ...]


class Histogram(_Part):
    """Counts of valid pixels in buckets of equal width from `min` to `max` (STAC raster 1.1)."""

    count: int = Field(gt=0)
    min: float
    max: float
    buckets: tuple[int, ...]


class BandStatistics(_Part):
    """Over all valid pixels of a band; None where there is not a single one.

    `percentiles` are of the values at 2 and 98 percent, exact for integers of up to 16 bits and from the
    histogram otherwise.
    """

    min: float | None
    max: float | None
    mean: float | None
    stddev: float | None
    valid_percent: float = Field(ge=0, le=100)
    percentiles: tuple[float, float] | None = None
    histogram: Histogram | None = None


MAX_CLASSES = 256
"""Beyond so many values a legend is no legend any more, and colours cannot be told apart."""
MAX_CLASS_NAME = 64


def _one_line(name: str) -> str:
    stripped = name.strip()
    if not (stripped and stripped.isprintable()):
        raise ValueError("the name of a class is a line of text")
    return stripped


ClassName = Annotated[str, Field(max_length=MAX_CLASS_NAME), AfterValidator(_one_line)]


class NamedClass(_Part):
    """A value of a categorical raster, and what it means. `color` is what the file says, if it does."""

    value: int
    name: ClassName
    color: RGBA | None = None


class LegendEntry(_Part):
    """A class of a categorical raster."""

    value: float
    color: RGBA
    label: str = ""


class Rendering(_Part):
    """How a raster is shown by default, in the words of titiler and of STAC's render extension 2.0.

    Attributes:
        bidx: the bands (from 1) that are shown: one, or three for a colour picture.
        rescale: the values that become the darkest and the brightest, for each band of `bidx`; None
            for bytes that are shown as they are, and for classes.
        colormap_name: one of rio-tiler's, for a single band.
        colormap: the colours of single values; then `legend` says what they mean.
        resampling: `nearest` for classes.
    """

    title: str = "default"
    bidx: tuple[int, ...] = (1,)
    rescale: tuple[tuple[float, float], ...] | None = None
    colormap_name: str | None = None
    colormap: dict[int, RGBA] | None = None
    resampling: Literal["nearest", "bilinear", "cubic"] = "nearest"
    legend: tuple[LegendEntry, ...] = ()
    unit: str | None = None
