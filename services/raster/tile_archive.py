"""Pictures of a raster as one PMTiles archive."""

from collections.abc import Iterable
from pathlib import Path

from morecantile import Tile
from pmtiles.tile import Compression, TileType, zxy_to_tileid

from core.task_models.raster_tile_cache import TileFormat
from core.task_models.stac import BBox
from services.pmtiles_file import finish, open_archive

CONTENT_TYPE = "application/vnd.pmtiles"
_TILE_TYPES = {TileFormat.PNG: TileType.PNG, TileFormat.WEBP: TileType.WEBP}
_E7 = 10_000_000


def write_archive(
    target: Path, tiles: Iterable[tuple[Tile, bytes]], *, tile_format: TileFormat, bbox: BBox, name: str
) -> int:
    """Write the tiles, which come in the order of the archive; equal ones are stored once.

    The same tiles give the same bytes. Without a single tile there is no archive, and no file.

    Returns:
        The number of tiles.
    """
    zooms = set[int]()
    with open_archive(target) as writer:
        for tile, content in tiles:
            writer.write_tile(zxy_to_tileid(tile.z, tile.x, tile.y), content)
            zooms.add(tile.z)
        if zooms:
            deepest = max(zooms)
            header = _header(bbox, tile_format, maxzoom=deepest)
            finish(writer, header, _metadata(tile_format, name), deepest=deepest)
    if not zooms:
        target.unlink()
    return int(writer.addressed_tiles)


def _header(bbox: BBox, tile_format: TileFormat, *, maxzoom: int) -> dict[str, object]:
    """Across the antimeridian the archive says "the whole globe": its header knows no west beyond east."""
    west, south, east, north = bbox
    if west > east:
        west, east = -180.0, 180.0
    return {
        "tile_type": _TILE_TYPES[tile_format],
        "tile_compression": Compression.NONE,
        "min_lon_e7": round(west * _E7),
        "min_lat_e7": round(south * _E7),
        "max_lon_e7": round(east * _E7),
        "max_lat_e7": round(north * _E7),
        "center_zoom": maxzoom // 2,
        "center_lon_e7": round((west + east) / 2 * _E7),
        "center_lat_e7": round((south + north) / 2 * _E7),
    }


def _metadata(tile_format: TileFormat, name: str) -> dict[str, str]:
    return {"name": name, "type": "overlay", "format": tile_format.value}
