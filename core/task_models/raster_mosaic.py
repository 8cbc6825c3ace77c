"""What `process_large_raster` and `create_mosaic_json` end in: a mosaic of COGs."""

from pydantic import BaseModel, ConfigDict, Field

from core.task_models.finding import Finding
from core.task_models.raster import (
    BandStatistics,
    NamedClass,
    RasterClass,
    RasterDescription,
    RasterSource,
    Rendering,
    TaskModel,
)
from core.task_models.raster_cog import CogOptions
from core.task_models.stac import BBox

MAX_MISSING = 100
"""How many missing parts a result names; the rest is counted."""


class MosaicPart(BaseModel):
    """One COG of a mosaic. `name` is unique in it and fit for a STAC id and a file name.

    `source_uri` is the file it was made from, where each part has one of its own (collections).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
    blob_uri: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    crs: str
    bounds: tuple[float, float, float, float]
    bbox: BBox
    transform: tuple[float, float, float, float, float, float]
    statistics: tuple[BandStatistics, ...] = ()
    source_uri: str | None = None


class MissingPart(BaseModel):
    """A tile or file that could not be made, and why; its place stays empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    code: str
    bbox: BBox | None = None


class CreateMosaicJsonParameters(TaskModel):
    """COGs to be made a mosaic of.

    Attributes:
        parts_uri: a blob of lines of JSON, one `MosaicPart` each; where parts overlap, the first one shows.
        part_count: how many lines there are, if that is known; for the progress.
        classification: None looks at the first part.
        classes: the values that have names, where the parts are categorical.
        missing, missing_count: of the parts that could not be made; see `MosaicResult`.
        others: more mosaics of the same dataset, which the same job makes.
    """

    parts_uri: str
    target_prefix: str
    options: CogOptions = CogOptions()
    classification: RasterClass | None = None
    classes: tuple[NamedClass, ...] = ()
    part_count: int = Field(default=0, ge=0)
    missing: tuple[MissingPart, ...] = ()
    missing_count: int = Field(default=0, ge=0)
    findings: tuple[Finding, ...] = ()
    others: "tuple[CreateMosaicJsonParameters, ...]" = ()


class MosaicResult(RasterDescription):
    """A mosaic in blob storage. The header is that of the whole: the union of the parts in their grid, or,
    where their CRSs differ, in EPSG:4326.

    Attributes:
        scheme_uri: the GeoJSON of the tiles that a large raster was cut into.
        mosaic_uri: the MosaicJSON (0.0.3), whose assets are the `azure://` URIs of the parts.
        parts_uri: a blob of lines of JSON, one `MosaicPart` each; too many for a row.
        overview_uri: one COG of the whole at low resolution, which answers below `minzoom`; None for a
            mosaic that crosses the antimeridian in parts of different CRSs.
        minzoom, maxzoom: of WebMercatorQuad, between which parts are read.
        overview_resolution: the size of an overview pixel, in units of `crs`.
        missing: at most 100 of the parts that are not there; `missing_count` says how many there are.
        statistics: over all parts.
    """

    mosaic_uri: str
    parts_uri: str
    scheme_uri: str | None = None
    overview_uri: str | None
    part_count: int = Field(gt=0)
    missing_count: int = Field(ge=0)
    missing: tuple[MissingPart, ...] = ()
    total_bytes: int
    minzoom: int
    maxzoom: int
    overview_resolution: float | None
    statistics: tuple[BandStatistics, ...]
    classification: RasterClass
    rendering: Rendering
    source: RasterSource | None
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
