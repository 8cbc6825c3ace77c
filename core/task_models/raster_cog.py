"""Parameters and results of `process_raster`: a source becomes a Cloud Optimized GeoTIFF."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.task_models.finding import Finding
from core.task_models.raster import (
    BandStatistics,
    NodataOption,
    RasterClass,
    RasterDescription,
    RasterSource,
    Rendering,
    TaskModel,
)
from core.task_models.raster_validation import CRS_PATTERN, ReadingOptions

BlockSize = Annotated[int, Field(ge=128, le=4096, multiple_of=16)]


class CogTier(StrEnum):
    """What the COG is for: `analysis` keeps every bit, `visualization` is small and lossy for pictures,
    `archive` keeps every bit in the least space."""

    ANALYSIS = "analysis"
    VISUALIZATION = "visualization"
    ARCHIVE = "archive"


class Compression(StrEnum):
    """LERC here is lossless; JPEG and WEBP lose, and are for pictures of bytes."""

    NONE = "NONE"
    DEFLATE = "DEFLATE"
    LZW = "LZW"
    ZSTD = "ZSTD"
    LERC_ZSTD = "LERC_ZSTD"
    JPEG = "JPEG"
    WEBP = "WEBP"

    @property
    def is_lossless(self) -> bool:
        """Whether the pixels come back as they were."""
        return self not in (Compression.JPEG, Compression.WEBP)


class Predictor(StrEnum):
    """TIFF 6.0, section 14: differences of neighbours; `auto` by type and compression."""

    AUTO = "auto"
    NONE = "none"
    HORIZONTAL = "horizontal"
    FLOATING_POINT = "floating_point"


class Resampling(StrEnum):
    """GDAL's names. Classes are only ever resampled by `nearest` or `mode`."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    CUBIC = "cubic"
    AVERAGE = "average"
    MODE = "mode"
    LANCZOS = "lanczos"


class CogOptions(BaseModel):
    """How the COG is written. What is None follows from the tier and the class of the raster.

    Attributes:
        target_crs: the CRS to reproject to; None keeps the grid and the pixels.
        target_resolution: the size of a pixel in units of the target CRS.
        overview_resampling: by which overviews are made; `resampling` is for the reprojection.
        target_nodata: the nodata value of the COG, when pixels are reprojected or have none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cog_tier: CogTier = CogTier.ANALYSIS
    compression: Compression | None = None
    blocksize: BlockSize = 512
    predictor: Predictor = Predictor.AUTO
    resampling: Resampling | None = None
    overview_resampling: Resampling | None = None
    target_crs: str | None = Field(default=None, pattern=CRS_PATTERN)
    target_resolution: float | None = Field(default=None, gt=0)
    target_nodata: NodataOption | None = None
    build_overviews: bool = True
    generate_statistics: bool = True
    default_colormap: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,64}$")


class CreateCogParameters(TaskModel):
    """The raster to convert, and the prefix of the blob name under which the COG will lie.

    `classification` is what the pixels are taken as; None looks at them. The files of a collection share it,
    so that all are resampled alike: a tile of sea in an elevation model looks like classes.
    """

    source_uri: str
    source_etag: str | None = None
    target_prefix: str
    reading: ReadingOptions = ReadingOptions()
    options: CogOptions = CogOptions()
    classification: RasterClass | None = None


class PixelProof(BaseModel):
    """That the COG holds the pixels it should.

    Attributes:
        compared_with: `source` where the pixels are those of the source, `warped` where they are those of
            the reprojection, `none` where the compression loses.
        algorithm: of `checksums`, one for each band in row order, then one of the mask if there is one.
        equal: what was read back from the COG had the same checksums.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    compared_with: str = Field(pattern=r"^(source|warped|none)$")
    algorithm: str
    checksums: tuple[str, ...]
    equal: bool | None


class ProcessRasterResult(RasterDescription):
    """A COG in blob storage: the summary that STAC, serving and clients live on.

    Attributes:
        sha256: of the file, 64 hex digits.
        overviews: the decimation factors, ascending; empty for an image of a single tile.
        statistics: one for each band; empty when they were not asked for.
        resampling: what the reprojection and the overviews were made with (None: no reprojection).
        etag: of the blob.
        md5: of the file, 32 hex digits, as it is stored with the blob.
    """

    blob_uri: str
    size_bytes: int
    sha256: str
    overviews: tuple[int, ...]
    statistics: tuple[BandStatistics, ...]
    classification: RasterClass
    rendering: Rendering
    compression: Compression
    blocksize: int
    resampling: Resampling | None
    overview_resampling: Resampling | None
    proof: PixelProof
    source: RasterSource
    findings: tuple[Finding, ...] = ()
    warnings: tuple[str, ...] = ()
    etag: str = ""
    md5: str = ""


class VerifyCogParameters(TaskModel):
    """The COG to look for."""

    cog: ProcessRasterResult
