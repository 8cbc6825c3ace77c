"""MosaicJSON 0.0.3: which parts to open for a tile, by quadkey (developmentseed/mosaicjson-spec).

The index is made here and not by `MosaicJSON.from_features`, which takes only outlines that all have the same
number of points, and so none that were cut at the antimeridian.
"""

from collections.abc import Sequence
from functools import cache

import morecantile
import shapely
from cogeo_mosaic.mosaic import MosaicJSON
from morecantile import Tile
from rasterio.crs import CRS

from core.task_models.raster_mosaic import MosaicPart
from services.raster.footprint import footprint_pieces

_TILES = morecantile.tms.get("WebMercatorQuad")
_MERCATOR_LATITUDE = 85.051


def mosaic_json(
    parts: Sequence[MosaicPart], *, name: str, minzoom: int, maxzoom: int, index_zoom: int
) -> str:
    """The document; parts that overlap are listed in their order.

    `index_zoom` is that of the quadkeys: about where a tile is as large as a part.
    """
    outlines = [_pieces(part) for part in parts]
    mosaic = MosaicJSON(
        mosaicjson="0.0.3",
        name=name,
        minzoom=minzoom,
        maxzoom=maxzoom,
        quadkey_zoom=index_zoom,
        bounds=tuple(shapely.total_bounds([piece for pieces in outlines for piece in pieces])),
        tiles=_index(parts, outlines, index_zoom),
    )
    return str(mosaic.model_dump_json(exclude_none=True))


def _index(
    parts: Sequence[MosaicPart], outlines: Sequence[Sequence[shapely.Polygon]], zoom: int
) -> dict[str, list[str]]:
    outline_of = cache(_tile_outline)
    assets: dict[str, list[str]] = {}
    for part, pieces in zip(parts, outlines, strict=True):
        met = {
            tile
            for piece in pieces
            for tile in _TILES.tiles(*piece.bounds, zooms=[zoom])
            if piece.relate_pattern(outline_of(tile), "T********")
        }
        for tile in met:
            assets.setdefault(_TILES.quadkey(tile), []).append(part.blob_uri)
    return dict(sorted(assets.items()))


def _tile_outline(tile: Tile) -> shapely.Polygon:
    return shapely.box(*_TILES.bounds(tile))


def _pieces(part: MosaicPart) -> list[shapely.Polygon]:
    """The outline of a part, cut at the antimeridian, and where Web Mercator ends."""
    pieces = footprint_pieces(
        CRS.from_user_input(part.crs),
        part.transform,
        width=part.width,
        height=part.height,
        bbox=part.bbox,
        highest_latitude=_MERCATOR_LATITUDE,
    )
    return list(pieces)
