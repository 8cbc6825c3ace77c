"""The task `extract_stac_metadata`: a published COG as a STAC item."""

from collections.abc import Iterator
from datetime import UTC, datetime

from core.schema.queue import QueueRole
from core.task_models.raster_cog import ProcessRasterResult
from core.task_models.raster_stac import StacRasterParameters
from core.task_models.raster_terrain import TerrainProduct
from core.task_models.stac import RasterHrefs, StacResult
from services.context import TaskContext
from services.registry import register_task
from services.stac.collections import collection_document
from services.stac.elements import (
    FILE,
    PROJECTION,
    RASTER,
    RENDER,
    WEB_MAP_LINKS,
    Json,
    asset,
    link,
    multihash,
    optional_assets,
)
from services.stac.footprints import footprint
from services.stac.items import ItemContent, item_document
from services.stac.raster_parts import (
    bands,
    crs_of,
    data_asset,
    extensions_of_bands,
    map_links,
    projection,
    renders,
    tile_cache_asset,
)

_EXTENSIONS = (PROJECTION, RASTER, FILE, WEB_MAP_LINKS, RENDER)


@register_task("extract_stac_metadata", queue=QueueRole.RASTER_TASKS, aliases=("handler_stac_raster_item",))
def extract_stac_metadata(
    parameters: StacRasterParameters,
    context: TaskContext,  # noqa: ARG001 - all that is needed came with the parameters
) -> StacResult:
    """Describe the COG from what `process_raster` measured; the file is not opened again."""
    return StacResult(
        collection=collection_document(
            parameters, description="Cloud Optimized GeoTIFFs, one item for each published raster."
        ),
        item=raster_item(parameters, now=datetime.now(UTC)),
    )


def raster_item(parameters: StacRasterParameters, *, now: datetime) -> Json:
    """The item as JSON: STAC 1.0.0 and projection, raster, file, render, web-map-links, eo."""
    cog, hrefs = parameters.summary, parameters.hrefs
    place = footprint(crs_of(cog.crs), cog.transform, width=cog.width, height=cog.height, bbox=cog.bbox)
    content = ItemContent(
        geometry=place.geometry,
        bbox=place.bbox,
        assets=_assets(parameters),
        links=tuple(_links(hrefs)),
        extensions=(*_EXTENSIONS, *extensions_of_bands(cog, cog.rendering)),
        properties=projection(
            cog.crs, bounds=cog.bounds, shape=(cog.height, cog.width), transform=cog.transform
        )
        | {"renders": renders(cog.rendering)}
        | _facts(cog, parameters.namespace),
    )
    return item_document(parameters, content, now=now)


def _facts(cog: ProcessRasterResult, namespace: str) -> Json:
    """What no extension has a name for."""
    return {
        f"{namespace}:classification": cog.classification.value,
        f"{namespace}:compression": cog.compression.value,
    }


def _assets(parameters: StacRasterParameters) -> dict[str, Json]:
    cog, hrefs = parameters.summary, parameters.hrefs
    data = data_asset(str(hrefs.download), cog, size_bytes=cog.size_bytes, sha256=cog.sha256)
    data["raster:bands"] = bands(cog, cog.statistics, bbox=cog.bbox, rendering=cog.rendering)
    own: dict[str, Json | None] = {
        "data": data,
        "thumbnail": asset(hrefs.preview, "image/png", "Preview", "thumbnail"),
        "tilejson": asset(hrefs.tilejson, "application/json", "TileJSON", "tiles"),
        "legend": asset(hrefs.legend, "image/png", "Legend", "legend") if hrefs.legend else None,
        "tile_cache": tile_cache_asset(hrefs.tile_cache, parameters.tile_cache),
    }
    derived = {
        product.name.value: _derived(product, str(hrefs.products[product.name.value]))
        for product in parameters.products
        if product.name.value in hrefs.products
    }
    return optional_assets(own) | derived


def _derived(product: TerrainProduct, href: str) -> Json:
    described = asset(href, product.media_type, product.name.value.capitalize(), "data", "derived")
    unit = {"raster:bands": [{"unit": product.unit}]} if product.unit and product.rendering else {}
    return described | {"file:size": product.size_bytes, "file:checksum": multihash(product.sha256)} | unit


def _links(hrefs: RasterHrefs) -> Iterator[Json]:
    yield from map_links(tiles=hrefs.tiles, tilejson=hrefs.tilejson, tile_cache=hrefs.tile_cache)
    yield link("preview", hrefs.preview, "image/png", "Preview")
    yield link("describedby", hrefs.info, "application/json", "Raster header")
    yield link("alternate", hrefs.map, "text/html", "Map")
