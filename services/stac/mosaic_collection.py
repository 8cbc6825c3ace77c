"""A published mosaic as a STAC collection of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.task_models.raster_mosaic import MosaicResult
from core.task_models.raster_stac import StacMosaicParameters
from core.task_models.stac import MosaicHrefs
from services.stac.collections import STAC_VERSION
from services.stac.elements import (
    ITEM_ASSETS,
    RASTER,
    RENDER,
    WEB_MAP_LINKS,
    Json,
    asset,
    link,
    optional_assets,
)
from services.stac.items import identifier_properties, rfc3339
from services.stac.raster_parts import (
    COG_MEDIA_TYPE,
    bands,
    eo_bands,
    extensions_of_bands,
    has_colors,
    map_links,
    renders,
    tile_cache_asset,
)

_EXTENSIONS = (RASTER, RENDER, WEB_MAP_LINKS, ITEM_ASSETS)


@dataclass(frozen=True, slots=True)
class PartsSummary:
    """What the items of the parts have in common: from the earliest to the latest time, and their CRSs."""

    start: datetime
    end: datetime
    crs: Sequence[str]


def mosaic_collection(parameters: StacMosaicParameters, parts: PartsSummary, *, description: str) -> Json:
    """The collection as JSON: STAC 1.0.0 with the extensions raster, render, web-map-links, item-assets, eo.

    `description` is for a dataset whose client gave none. The licence is `various` unless the client named
    one (STAC 1.0.0, collection-spec, "license").
    """
    mosaic, hrefs = parameters.summary, parameters.hrefs
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [*_EXTENSIONS, *extensions_of_bands(mosaic, mosaic.rendering)],
        "id": parameters.collection_id,
        "title": parameters.title,
        "description": parameters.description or description,
        "keywords": list(parameters.keywords),
        "license": parameters.license or "various",
        "extent": {
            "spatial": {"bbox": [list(mosaic.bbox)]},
            "temporal": {"interval": [[rfc3339(parts.start), rfc3339(parts.end)]]},
        },
        "summaries": _summaries(mosaic, parts.crs),
        "item_assets": {"data": _item_asset(mosaic)},
        "renders": renders(mosaic.rendering, zooms=(mosaic.minzoom, mosaic.maxzoom)),
        "assets": _assets(parameters),
        "links": list(_links(hrefs)),
        **identifier_properties(parameters),
        **_facts(mosaic, parameters.namespace),
    }


def _summaries(mosaic: MosaicResult, crs: Sequence[str]) -> Json:
    codes = [name for name in crs if name.startswith("EPSG:")]
    projections: Json = {
        "proj:code": codes,
        "proj:epsg": [int(code.removeprefix("EPSG:")) for code in codes],
    }
    return (projections if codes else {}) | {
        "raster:bands": bands(mosaic, mosaic.statistics, bbox=mosaic.bbox, rendering=mosaic.rendering)
    }


def _item_asset(mosaic: MosaicResult) -> Json:
    described: Json = {
        "type": COG_MEDIA_TYPE,
        "title": "Cloud Optimized GeoTIFF",
        "roles": ["data"],
        "raster:bands": bands(mosaic, (), bbox=mosaic.bbox, rendering=mosaic.rendering),
    }
    return described | ({"eo:bands": eo_bands(mosaic)} if has_colors(mosaic) else {})


def _assets(parameters: StacMosaicParameters) -> dict[str, Json]:
    hrefs = parameters.hrefs
    png = "image/png"
    return optional_assets(
        {
            "mosaicjson": asset(hrefs.mosaicjson, "application/json", "MosaicJSON", "metadata"),
            "tilejson": asset(hrefs.tilejson, "application/json", "TileJSON", "tiles"),
            "overview": asset(hrefs.download, COG_MEDIA_TYPE, "Overview of the whole", "overview")
            if hrefs.download
            else None,
            "thumbnail": asset(hrefs.preview, png, "Preview", "thumbnail") if hrefs.preview else None,
            "legend": asset(hrefs.legend, png, "Legend", "legend") if hrefs.legend else None,
            "tile_cache": tile_cache_asset(hrefs.tile_cache, parameters.tile_cache),
        }
    )


def _facts(mosaic: MosaicResult, namespace: str) -> Json:
    """What no extension has a name for; `missing_count` parts could not be made."""
    return {
        f"{namespace}:classification": mosaic.classification.value,
        f"{namespace}:part_count": mosaic.part_count,
        f"{namespace}:missing_count": mosaic.missing_count,
    }


def _links(hrefs: MosaicHrefs) -> Iterator[Json]:
    yield from map_links(tiles=hrefs.tiles, tilejson=hrefs.tilejson, tile_cache=hrefs.tile_cache)
    yield link("describedby", hrefs.info, "application/json", "Raster header")
    yield link("alternate", hrefs.map, "text/html", "Map")
