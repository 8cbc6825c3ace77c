"""A published mosaic as a STAC collection of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.task_models.raster import BandStatistics
from core.task_models.raster_stac import StacMosaic, StacMosaicParameters
from core.task_models.stac import BBox
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
    DEFAULT_RENDER,
    bands,
    eo_bands,
    extensions_of_bands,
    has_colors,
    map_links,
    renders,
    tile_cache_asset,
)

_EXTENSIONS = (RENDER, WEB_MAP_LINKS, ITEM_ASSETS)


@dataclass(frozen=True, slots=True)
class PartsSummary:
    """What the items of the parts have in common: from the earliest to the latest time, and their CRSs."""

    start: datetime
    end: datetime
    crs: Sequence[str]


def mosaic_collection(parameters: StacMosaicParameters, parts: PartsSummary, *, description: str) -> Json:
    """The collection as JSON: STAC 1.0.0 with the extensions raster, render, web-map-links, item-assets, eo.

    Of several mosaics, the assets, looks and links of the further ones carry their names.

    `description` is for a dataset whose client gave none. The licence is `various` unless the client named
    one (STAC 1.0.0, collection-spec, "license").
    """
    mosaics = parameters.mosaics
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(_extensions(mosaics)),
        "id": parameters.collection_id,
        "title": parameters.title,
        "description": parameters.description or description,
        "keywords": list(parameters.keywords),
        "license": parameters.license or "various",
        "extent": {
            "spatial": {"bbox": _boxes([each.summary.bbox for each in mosaics])},
            "temporal": {"interval": [[rfc3339(parts.start), rfc3339(parts.end)]]},
        },
        "summaries": _projections(parts.crs) | _bands(mosaics, mosaics[0].summary.statistics),
        "item_assets": {"data": _item_asset(mosaics)},
        "renders": {name: look for each in mosaics for name, look in _render(each, parameters).items()},
        "assets": {
            f"{name}{_suffix(each, parameters)}": found
            for each in mosaics
            for name, found in _assets(each).items()
        },
        "links": [entry for each in mosaics for entry in _links(each, parameters)],
        **identifier_properties(parameters),
        **_facts(mosaics, parameters.namespace),
    }


def _extensions(mosaics: Sequence[StacMosaic]) -> tuple[str, ...]:
    """Bands are told of all parts only where they are the same."""
    first = mosaics[0].summary
    of_bands = (RASTER, *extensions_of_bands(first, first.rendering)) if len(mosaics) == 1 else ()
    return (*_EXTENSIONS, *of_bands)


def _boxes(boxes: Sequence[BBox]) -> list[list[float]]:
    """The box around all, then the box of each if there are several (STAC 1.0.0, "Spatial Extent Object")."""
    if len(boxes) == 1:
        return [list(boxes[0])]
    crosses = any(west > east for west, _, east, _ in boxes)
    wests, souths, easts, norths = zip(*boxes, strict=True)
    west, east = (-180.0, 180.0) if crosses else (min(wests), max(easts))
    return [[west, min(souths), east, max(norths)], *map(list, boxes)]


def _suffix(mosaic: StacMosaic, parameters: StacMosaicParameters) -> str:
    """What tells the assets and looks of a further mosaic from those of the first: the end of its name."""
    return mosaic.name.removeprefix(parameters.item_id)


def _projections(crs: Sequence[str]) -> Json:
    codes = [name for name in crs if name.startswith("EPSG:")]
    epsg = [int(code.removeprefix("EPSG:")) for code in codes]
    return {"proj:code": codes, "proj:epsg": epsg} if codes else {}


def _bands(mosaics: Sequence[StacMosaic], statistics: Sequence[BandStatistics]) -> Json:
    if len(mosaics) > 1:
        return {}
    mosaic = mosaics[0].summary
    return {"raster:bands": bands(mosaic, statistics, bbox=mosaic.bbox, rendering=mosaic.rendering)}


def _item_asset(mosaics: Sequence[StacMosaic]) -> Json:
    first = mosaics[0].summary
    colors = {"eo:bands": eo_bands(first)} if len(mosaics) == 1 and has_colors(first) else {}
    described = {"type": COG_MEDIA_TYPE, "title": "Cloud Optimized GeoTIFF", "roles": ["data"]}
    return described | _bands(mosaics, ()) | colors


def _render(mosaic: StacMosaic, parameters: StacMosaicParameters) -> Json:
    found = renders(mosaic.summary.rendering, zooms=(mosaic.summary.minzoom, mosaic.summary.maxzoom))
    suffix = _suffix(mosaic, parameters)
    if not suffix:
        return found
    return {f"{name}{suffix}": {**look, "title": mosaic.title} for name, look in found.items()}


def _assets(mosaic: StacMosaic) -> dict[str, Json]:
    hrefs = mosaic.hrefs
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
            "tile_cache": tile_cache_asset(hrefs.tile_cache, mosaic.tile_cache),
        }
    )


def _facts(mosaics: Sequence[StacMosaic], namespace: str) -> Json:
    """What no extension has a name for; `missing_count` parts could not be made."""
    summaries = [each.summary for each in mosaics]
    several = {f"{namespace}:mosaics": [each.name for each in mosaics]} if len(mosaics) > 1 else {}
    return {
        f"{namespace}:classification": summaries[0].classification.value,
        f"{namespace}:part_count": sum(each.part_count for each in summaries),
        f"{namespace}:missing_count": sum(each.missing_count for each in summaries),
    } | several


def _links(mosaic: StacMosaic, parameters: StacMosaicParameters) -> Iterator[Json]:
    hrefs, suffix = mosaic.hrefs, _suffix(mosaic, parameters)
    render = f"{DEFAULT_RENDER}{suffix}"
    for entry in map_links(tiles=hrefs.tiles, tilejson=hrefs.tilejson, tile_cache=hrefs.tile_cache):
        yield {**entry, "render": render}
    about = f": {mosaic.title}" if suffix else ""
    yield link("describedby", hrefs.info, "application/json", f"Raster header{about}")
    yield link("alternate", hrefs.map, "text/html", f"Map{about}")
