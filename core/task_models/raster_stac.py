"""Parameters and results of the tasks that describe rasters in STAC."""

from typing import Any

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


class StacMosaicParameters(StacParameters):
    """A published mosaic, to be described as a collection of its own with one item for each part.

    `collection_id` is the name of the dataset, and so is `item_id`: there is no item of the whole.
    """

    summary: MosaicResult
    hrefs: MosaicHrefs
    tile_cache: GenerateTileCacheResult | None = None


class StacItemsResult(TaskModel):
    """The collection, and its items as a temporary blob of lines of JSON, one item each."""

    collection: dict[str, Any]
    items_uri: str
    item_count: int
