"""Which tiles of WebMercatorQuad a raster touches, zoom by zoom, within a budget. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from morecantile import Tile
from pmtiles.tile import zxy_to_tileid
from rio_tiler.constants import WEB_MERCATOR_TMS

from core.errors import PermanentTaskError
from core.task_models.stac import BBox

_MERCATOR_LATITUDE = 85.0511287
_INSIDE = 1e-9  # degrees: an edge at 180 belongs to the tile before it


@dataclass(frozen=True, slots=True)
class TileRange:
    """Columns and rows of one zoom, both ends included."""

    zoom: int
    columns: tuple[int, int]
    rows: tuple[int, int]

    def __len__(self) -> int:
        return (self.columns[1] - self.columns[0] + 1) * (self.rows[1] - self.rows[0] + 1)

    def __iter__(self) -> Iterator[Tile]:
        return (
            Tile(x, y, self.zoom)
            for x in range(self.columns[0], self.columns[1] + 1)
            for y in range(self.rows[0], self.rows[1] + 1)
        )


def plan_pyramid(bbox: BBox, *, minzoom: int, maxzoom: int, max_tiles: int) -> tuple[Tile, ...]:
    """The tiles from `minzoom` on, whole zooms only, in the order of a PMTiles archive (a Hilbert curve).

    Args:
        bbox: west, south, east, north in degrees; west > east across the antimeridian.
        maxzoom: where the resolution of the data ends; an earlier zoom when `max_tiles` are reached.

    Raises:
        PermanentTaskError: TILE_CACHE_TOO_LARGE: not even `minzoom` has room.
    """
    tiles = list[Tile]()
    for zoom in range(minzoom, max(minzoom, maxzoom) + 1):
        ranges = tile_ranges(bbox, zoom)
        if len(tiles) + sum(map(len, ranges)) > max_tiles:
            break
        tiles += {tile for tile_range in ranges for tile in tile_range}
    if not tiles:
        raise PermanentTaskError(
            f"Zoom {minzoom} alone has more than {max_tiles} tiles.",
            code="TILE_CACHE_TOO_LARGE",
            remedy="Start at a lower zoom, or at 0.",
            context={"minzoom": minzoom, "limit": max_tiles},
        )
    return tuple(sorted(tiles, key=lambda tile: zxy_to_tileid(tile.z, tile.x, tile.y)))


def tile_ranges(bbox: BBox, zoom: int) -> tuple[TileRange, ...]:
    """The tiles that a box touches: one range, or two across the antimeridian."""
    west, south, east, north = bbox
    if west > east:
        halves = (_range(west, south, 180.0, north, zoom=zoom), _range(-180.0, south, east, north, zoom=zoom))
        return halves if halves[0] != halves[1] else halves[:1]
    return (_range(west, south, east, north, zoom=zoom),)


def _range(west: float, south: float, east: float, north: float, *, zoom: int) -> TileRange:
    last = 2**zoom - 1
    top = WEB_MERCATOR_TMS.tile(west, _clipped(north - _INSIDE), zoom)
    bottom = WEB_MERCATOR_TMS.tile(max(west, east - _INSIDE), _clipped(south + _INSIDE), zoom)
    return TileRange(
        zoom,
        columns=(max(0, min(top.x, last)), max(0, min(bottom.x, last))),
        rows=(max(0, min(top.y, last)), max(0, min(bottom.y, last))),
    )


def _clipped(latitude: float) -> float:
    return max(-_MERCATOR_LATITUDE, min(_MERCATOR_LATITUDE, latitude))
