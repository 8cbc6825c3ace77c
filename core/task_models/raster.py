"""Parameters and results of raster tasks: `validate_raster`, `create_cog`, `verify_cog`, and their STAC."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.task_models.stac import BBox, RasterHrefs, StacParameters

Nodata = float | Literal["nan", "inf", "-inf"] | None
"""JSON has no NaN and no infinity: they travel by name, as in the STAC raster extension."""

_TileSize = Annotated[int, Field(ge=128, le=1024, multiple_of=16)]


class Compression(StrEnum):
    """Lossless ones only: every COG is compared with its source pixel by pixel."""

    DEFLATE = "DEFLATE"
    LZW = "LZW"
    ZSTD = "ZSTD"


class _TaskModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)


class RasterSource(BaseModel):
    """The blob that a raster was read from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    size_bytes: int
    etag: str
    driver: str


class RasterDescription(_TaskModel):
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


class ValidateRasterParameters(_TaskModel):
    """The raster to look at; with `source_etag`, only if it is still that one."""

    source_uri: str
    source_etag: str | None = None


class ValidateRasterResult(RasterDescription):
    """A raster that can be read to its last block and has a place on earth."""

    source: RasterSource
    warnings: tuple[str, ...] = ()


class CreateCogParameters(_TaskModel):
    """The raster to convert, and the prefix of the blob name under which the COG will lie."""

    source_uri: str
    source_etag: str | None = None
    target_prefix: str
    compression: Compression = Compression.DEFLATE
    tile_size: _TileSize = 512


class BandStatistics(BaseModel):
    """Over all valid pixels of a band; None where there is not a single one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: float | None
    max: float | None
    mean: float | None
    stddev: float | None
    valid_percent: float = Field(ge=0, le=100)


class ProcessRasterResult(RasterDescription):
    """A COG in blob storage.

    Attributes:
        sha256: of the file, 64 hex digits.
        overviews: the decimation factors, ascending; empty for an image of a single tile.
    """

    blob_uri: str
    size_bytes: int
    sha256: str
    overviews: tuple[int, ...]
    statistics: tuple[BandStatistics, ...]
    compression: Compression
    source: RasterSource
    warnings: tuple[str, ...] = ()


class CreateCogResult(_TaskModel):
    """The COG, and what `verify_cog` needs to prove that it holds the pixels of its source.

    `pixel_checksums` are SHA-256 of each band's pixels in row order, and of the mask where there is one.
    """

    cog: ProcessRasterResult
    etag: str
    pixel_checksums: tuple[str, ...]


class VerifyCogParameters(_TaskModel):
    """What `create_cog` says it has made."""

    created: CreateCogResult


class StacRasterParameters(StacParameters):
    """A published COG, to be described in STAC."""

    summary: ProcessRasterResult
    hrefs: RasterHrefs
