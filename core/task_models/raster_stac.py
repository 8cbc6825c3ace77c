"""Parameters and results of the tasks that describe rasters in STAC."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from core.task_models.raster import TaskModel
from core.task_models.raster_cog import ProcessRasterResult
from core.task_models.raster_mosaic import MosaicResult
from core.task_models.raster_terrain import TerrainProduct
from core.task_models.raster_tile_cache import GenerateTileCacheResult
from core.task_models.stac import MosaicHrefs, RasterHrefs, StacParameters


class StacRasterParameters(StacParameters):
    """A published COG, to be described as one item of a collection of many datasets.

    What was derived from it becomes an asset where `hrefs` has a URL for it.
    """

    summary: ProcessRasterResult
    hrefs: RasterHrefs
    products: tuple[TerrainProduct, ...] = ()
    tile_cache: GenerateTileCacheResult | None = None


class StacMosaic(BaseModel):
    """One of several mosaics of a dataset: `name` is what it is served as."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    summary: MosaicResult
    hrefs: MosaicHrefs
    tile_cache: GenerateTileCacheResult | None = None


class StacMosaicParameters(StacParameters):
    """A published mosaic, to be described as a collection of its own with one item for each part.

    `collection_id` is the name of the dataset, and so is `item_id`: there is no item of the whole. Of several
    mosaics of a dataset it is the first one; parts of the `others` are items of the same collection.
    """

    summary: MosaicResult
    hrefs: MosaicHrefs
    tile_cache: GenerateTileCacheResult | None = None
    others: tuple[StacMosaic, ...] = ()

    @property
    def mosaics(self) -> tuple[StacMosaic, ...]:
        """All of them, the first by the dataset's own name."""
        first = StacMosaic(
            name=self.item_id,
            title=self.title,
            summary=self.summary,
            hrefs=self.hrefs,
            tile_cache=self.tile_cache,
        )
        return (first, *self.others)


class StacItemsResult(TaskModel):
    """The collection, and its items as a temporary blob of lines of JSON, one item each."""

    collection: dict[str, Any]
    items_uri: str
    item_count: int
