"""The tiles of a large raster: what the four stages of `process_large_raster` take and leave.

A job may have ten thousand tiles, so that what goes from stage to stage through rows is small: the plan,
which all tiles share, is a blob (`LargeRasterPlan`), and so is what is known of each finished tile
(`TileRecord`). Rows carry their names.
"""

import math
import re
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from core.task_models.finding import Finding
from core.task_models.raster import NamedClass, RasterClass, RasterDescription, RasterSource, TaskModel
from core.task_models.raster_cog import CogOptions
from core.task_models.raster_mosaic import MosaicPart
from core.task_models.raster_validation import ReadingOptions

MAX_TILES = 20_000
_NAME = re.compile(r"r(\d{4,})_c(\d{4,})")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProcessLargeRasterParameters(TaskModel):
    """The raster to cut up, and the prefix under which the tiles and the mosaic will lie.

    Attributes:
        tile_size: the side of a tile in pixels, about: tiles begin where blocks of the source begin, and
            are smaller where many bands or wide types would make them too large for a worker's memory.
        max_failed_fraction: the share of the tiles that may fail; what is missing is listed.
    """

    source_uri: str
    source_etag: str | None = None
    target_prefix: str
    reading: ReadingOptions = ReadingOptions()
    options: CogOptions = CogOptions()
    tile_size: int = Field(default=8192, ge=256, le=32768)
    max_failed_fraction: float = Field(default=0, ge=0, le=1)


class TileWindow(_Part):
    """A tile as a window of the whole, in pixels from its upper left corner."""

    row: int = Field(ge=0)
    column: int = Field(ge=0)
    col_off: int = Field(ge=0)
    row_off: int = Field(ge=0)
    width: int = Field(gt=0)
    height: int = Field(gt=0)

    @property
    def name(self) -> str:
        """Unique in the raster, and in the order of the tiles."""
        return f"r{self.row:04d}_c{self.column:04d}"


class TileGrid(_Part):
    """How a raster of `width` x `height` is cut: rows of tiles of one size, the last of them smaller."""

    width: int = Field(gt=0)
    height: int = Field(gt=0)
    tile_width: int = Field(gt=0)
    tile_height: int = Field(gt=0)

    @property
    def columns(self) -> int:
        """How many tiles lie side by side."""
        return math.ceil(self.width / self.tile_width)

    @property
    def rows(self) -> int:
        """How many tiles lie below each other."""
        return math.ceil(self.height / self.tile_height)

    @property
    def count(self) -> int:
        """How many tiles there are, the empty ones among them."""
        return self.columns * self.rows

    def tile(self, index: int) -> TileWindow:
        """The tile of this number, from 0, row by row."""
        row, column = divmod(index, self.columns)
        col_off, row_off = column * self.tile_width, row * self.tile_height
        return TileWindow(
            row=row,
            column=column,
            col_off=col_off,
            row_off=row_off,
            width=min(self.tile_width, self.width - col_off),
            height=min(self.tile_height, self.height - row_off),
        )

    def named(self, name: str) -> TileWindow:
        """The tile of this name.

        Raises:
            ValueError: no tile has it.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(f"{name!r} is no name of a tile")
        return self.tile(int(match[1]) * self.columns + int(match[2]))


class LargeRasterPlan(TaskModel):
    """All that the tiles of a raster have in common; a temporary blob of JSON.

    Attributes:
        source_header: the raster as it is read; `description` is the raster as it will be, which differs
            where it is reprojected.
        classification: from the sample that the plan was made with. It decides how pixels are resampled,
            so that it has to be the same for all tiles.
        classes: the values that have names.
    """

    source: RasterSource
    reading: ReadingOptions
    options: CogOptions
    target_prefix: str
    scheme_uri: str
    source_header: RasterDescription
    description: RasterDescription
    classification: RasterClass
    classes: tuple[NamedClass, ...] = ()
    grid: TileGrid
    findings: tuple[Finding, ...] = ()


class TilingScheme(TaskModel):
    """The raster cut up. `scheme_uri` is the GeoJSON for people; `plan_uri` a `LargeRasterPlan`."""

    scheme_uri: str
    plan_uri: str
    grid: TileGrid


class ExtractTileParameters(TaskModel):
    """A tile, by its number in the grid of the plan."""

    plan_uri: str
    index: int = Field(ge=0)


class ExtractedTile(TaskModel):
    """A window that can be read and may hold data; or one that is `is_empty` and goes no further."""

    plan_uri: str
    index: int
    name: str
    is_empty: bool


class CreateTileCogParameters(TaskModel):
    """A tile that becomes a COG."""

    plan_uri: str
    index: int = Field(ge=0)


class TileCog(TaskModel):
    """A finished tile, of which the temporary blob `record_uri` tells; None when it held no data."""

    plan_uri: str
    index: int
    record_uri: str | None


class TileRecord(TaskModel):
    """What is known of a finished tile. Its statistics have histograms, which the list of parts has not.

    `value_counts` are the packed counts of each band, where its integers have 16 bits: histograms of these
    are too coarse to be added up to exact percentiles.
    """

    part: MosaicPart
    value_counts: tuple[Base64Bytes, ...] = ()


class MissingTile(_Part):
    """A tile that failed, and why."""

    name: str
    code: str


class CreateMosaicParameters(TaskModel):
    """The finished tiles in their order: `record_prefix` followed by each of `records` is a URI.

    Ten thousand of them are half a megabyte.
    """

    plan_uri: str
    record_prefix: str
    records: Annotated[tuple[str, ...], Field(min_length=1)]
    missing: tuple[MissingTile, ...] = ()

    @classmethod
    def of(cls, cogs: Iterable[TileCog], missing: tuple[MissingTile, ...]) -> Self | None:
        """From the results of the stage before; None when no tile held data."""
        plan_uri, uris = "", list[str]()
        for cog in cogs:
            plan_uri = cog.plan_uri
            if cog.record_uri is not None:
                uris.append(cog.record_uri)
        if not uris:
            return None
        prefix = uris[0].rpartition("/")[0] + "/"
        return cls(
            plan_uri=plan_uri,
            record_prefix=prefix,
            records=tuple(uri.removeprefix(prefix) for uri in uris),
            missing=missing,
        )
