"""Parameters and results of `generate_tile_cache`: the low zooms as pictures, in one archive."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from core.task_models.raster import Rendering, TaskModel
from core.task_models.stac import BBox

MAX_CACHED_TILES = 4_000
MAX_CACHED_ZOOM = 20


class TileFormat(StrEnum):
    """`png` for values under a colour map, `webp` for colour pictures."""

    PNG = "png"
    WEBP = "webp"


class GenerateTileCacheParameters(TaskModel):
    """What to draw.

    Attributes:
        blob_uri: a COG; or
        mosaic_uri, overview_uri: a mosaic, of which the overview COG is drawn: its parts are too many.
        rendering: the dataset's default one.
        target_prefix: the archive becomes `<target_prefix>/<attempt name>.pmtiles`.
        maxzoom: None goes on until `max_tiles` or the resolution of the data is reached.
        others: more archives of the same dataset, which the same job makes.
    """

    blob_uri: str | None = None
    mosaic_uri: str | None = None
    overview_uri: str | None = None
    rendering: Rendering
    target_prefix: str
    minzoom: int = Field(default=0, ge=0, le=MAX_CACHED_ZOOM)
    maxzoom: int | None = Field(default=None, ge=0, le=MAX_CACHED_ZOOM)
    max_tiles: int = Field(default=MAX_CACHED_TILES, ge=1, le=100_000)
    others: "tuple[GenerateTileCacheParameters, ...]" = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.blob_uri is None) == (self.overview_uri is None):
            raise ValueError("give either blob_uri or overview_uri")
        return self

    @property
    def cog_uri(self) -> str:
        """The COG that is drawn."""
        return self.blob_uri or self.overview_uri or ""


class GenerateTileCacheResult(TaskModel):
    """A PMTiles archive (version 3) of tiles of 256 pixels in WebMercatorQuad.

    Attributes:
        tile_cache_uri: None where every tile is empty.
        minzoom, maxzoom: between which every tile that is not empty is there.
        tile_count: without the empty ones, which are left out.
    """

    tile_cache_uri: str | None = None
    size_bytes: int = 0
    sha256: str | None = None
    minzoom: int
    maxzoom: int
    tile_count: int = Field(ge=0)
    format: TileFormat
    bbox: BBox
