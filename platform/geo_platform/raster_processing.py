"""`processing_config` of rasters, as clients write it, and what in it excludes each other."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from core.task_models.raster import NodataOption
from core.task_models.raster_cog import BlockSize, CogTier, Compression, Predictor, Resampling
from core.task_models.raster_collection import OnMixed
from core.task_models.raster_terrain import TerrainProductName
from core.task_models.raster_validation import CRS_PATTERN, ClassNames

DEFAULT_TILE_SIZE = 8192
_PREDICTED = frozenset({Compression.DEFLATE, Compression.LZW, Compression.ZSTD})
_LOSSLESS_TIERS = frozenset({CogTier.ANALYSIS, CogTier.ARCHIVE})
_FOR_CLASSES = frozenset({Resampling.NEAREST, Resampling.MODE})
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,9}")
_OF_SEVERAL_DATASETS = (".nc", ".h5", ".hdf5")

Conflict = tuple[str, str, str]
"""The option, what is wrong with it, what to do about it."""


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _each_once(products: tuple[TerrainProductName, ...]) -> tuple[TerrainProductName, ...]:
    if len(set(products)) < len(products):
        raise PydanticCustomError("named_twice", "a product is named twice")
    return products


def _plain_integers(names: Any) -> Any:
    """`1` and `01` would be one value, under two names."""
    if isinstance(names, dict) and not all(_INTEGER.fullmatch(str(value)) for value in names):
        raise PydanticCustomError("class_values", "the values of classes are integers, such as 1 or -2")
    return names


_Crs = Annotated[str, BeforeValidator(_upper), Field(pattern=CRS_PATTERN)]
_Resampling = Annotated[Resampling, BeforeValidator(_lower)]


class RasterOptions(BaseModel):
    """What every raster can be asked for. Words may be in capitals or not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_crs: _Crs | None = Field(
        default=None, description="the CRS that the coordinates are in, where the file does not say it"
    )
    target_crs: _Crs | None = Field(
        default=None, description="the CRS to reproject to; without it the pixels stay as they are"
    )
    target_resolution: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="the size of a pixel of the result, in units of its CRS",
    )
    cog_tier: Annotated[CogTier, BeforeValidator(_lower)] | None = Field(
        default=None,
        description="`analysis` (lossless), `visualization` (small, for pictures) or `archive` (smallest "
        "without loss); `analysis` unless the compression is lossy",
    )
    compression: Annotated[Compression, BeforeValidator(_upper)] | None = Field(
        default=None, description="by the tier where it is not given"
    )
    blocksize: BlockSize = Field(default=512, description="the side in pixels of the blocks of a COG")
    predictor: Annotated[Predictor, BeforeValidator(_lower)] = Predictor.AUTO
    resampling: _Resampling | None = Field(default=None, description="for the reprojection")
    overview_resampling: _Resampling | None = None
    nodata: NodataOption | None = Field(
        default=None,
        description="a number or `nan` that stands for no data in the source, whatever the file says",
    )
    target_nodata: NodataOption | None = Field(
        default=None, description="the nodata value of the result, where pixels move or have none"
    )
    format: Annotated[Literal["cog"], BeforeValidator(_lower)] = "cog"
    generate_statistics: bool = True
    build_overviews: bool = True
    generate_tile_cache: bool = Field(
        default=False, description="draw the low zooms beforehand, as a PMTiles archive"
    )
    default_colormap: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9_]{1,64}$",
        description="the colours of tiles that are asked for without any",
    )
    class_names: Annotated[ClassNames, BeforeValidator(_plain_integers)] | None = Field(
        default=None,
        description='what the values of the only band mean, such as `{"1": "water"}`; the pixels are then '
        "taken as classes, and other names that the file carries stay",
    )
    max_failed_fraction: float = Field(
        default=0,
        ge=0,
        le=1,
        description="the share of tiles or files that may fail; what is published then says which",
    )
    subdataset: str | None = Field(
        default=None, min_length=1, max_length=255, description="the variable of a netCDF or HDF file"
    )


_TileSize = Annotated[
    int,
    Field(ge=256, le=32768, description="the side in pixels of the tiles that a large raster is cut into"),
]


class RasterProcessing(RasterOptions):
    """How a raster is read and written. `tile_size` counts when it is so large that it becomes a mosaic."""

    tile_size: _TileSize = DEFAULT_TILE_SIZE
    products: Annotated[tuple[TerrainProductName, ...], AfterValidator(_each_once)] = Field(
        default=(), description="what to derive from an elevation model"
    )


class LargeRasterProcessing(RasterOptions):
    """How a raster is read, cut into tiles, and written."""

    tile_size: _TileSize = DEFAULT_TILE_SIZE


class CollectionProcessing(RasterOptions):
    """How the files of a collection are read and written."""

    on_mixed: Annotated[OnMixed, BeforeValidator(_lower)] = Field(
        default=OnMixed.ERROR,
        description="what becomes of files that differ: `error` refuses them, `groups` makes one mosaic of "
        "files that differ in CRS or resolution alone, `split` makes a mosaic of each kind of files",
    )


def conflicts(options: RasterOptions) -> Iterator[Conflict]:
    """The options that exclude each other."""
    if options.compression is not None:
        yield from _of_compression(options.compression, options)
    if options.class_names is not None:
        yield from _of_classes(options.class_names, options)
    if options.overview_resampling and not options.build_overviews:
        yield "overview_resampling", "no overviews are to be built", _ONE_OF_BOTH
    tile_size = getattr(options, "tile_size", None)
    if tile_size is not None and tile_size < options.blocksize:
        yield "tile_size", f"a tile is smaller than a block of {options.blocksize} pixels", _TILES_AND_BLOCKS


def _of_compression(compression: Compression, options: RasterOptions) -> Iterator[Conflict]:
    if not compression.is_lossless and options.cog_tier in _LOSSLESS_TIERS:
        yield "compression", f"{options.cog_tier} keeps every bit, and {compression} does not", _ONE_OF_BOTH
    if compression not in _PREDICTED and options.predictor not in (Predictor.AUTO, Predictor.NONE):
        yield "predictor", f"{compression} has no predictor", "Leave it out, or use DEFLATE, LZW or ZSTD."


def _of_classes(names: ClassNames, options: RasterOptions) -> Iterator[Conflict]:
    """What would make other classes of classes, or something else than classes."""
    for name in ("resampling", "overview_resampling"):
        method = getattr(options, name)
        if method is not None and method not in _FOR_CLASSES:
            yield (
                name,
                f"class_names says that the pixels are classes; {method} would invent others",
                _NEAREST,
            )
    if options.compression is not None and not options.compression.is_lossless:
        yield (
            "compression",
            f"class_names says that the pixels are classes; {options.compression} loses",
            _LOSSLESS,
        )
    for option in ("nodata", "target_nodata"):
        if (value := getattr(options, option)) in names:
            yield option, f"{value:g} has a name in class_names, so it is data", _ONE_OF_BOTH
    if getattr(options, "products", ()):
        yield "products", "class_names says that the pixels are classes, and no elevations", _ONE_OF_BOTH


def conflict_with_source(options: RasterOptions, uris: tuple[str, ...]) -> Iterator[Conflict]:
    """The options that this source cannot have; of a folder no names are known."""
    if options.subdataset and uris and not any(uri.lower().endswith(_OF_SEVERAL_DATASETS) for uri in uris):
        yield "subdataset", "only netCDF and HDF files have several datasets", "Leave it out."


_NEAREST = "Leave it out, or use nearest or mode."
_LOSSLESS = "Leave it out, or use a lossless one."
_ONE_OF_BOTH = "Leave out one of the two."
_TILES_AND_BLOCKS = "tile_size is the side of the tiles of a large raster; a COG's blocks are `blocksize`."
