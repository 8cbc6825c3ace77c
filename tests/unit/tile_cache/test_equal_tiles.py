"""An archive says how deep it goes, also when its tiles are all alike, as those of one large area are."""

from pathlib import Path

from morecantile import Tile
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import zxy_to_tileid

from core.task_models.raster_tile_cache import TileFormat
from services.raster.tile_archive import write_archive


def test_the_deepest_zoom_is_that_of_the_last_tile(tmp_path: Path) -> None:
    target, zooms = tmp_path / "one.pmtiles", range(4)
    places = [(z, x, y) for z in zooms for x in range(2**z) for y in range(2**z)]
    places.sort(key=lambda place: zxy_to_tileid(*place))
    tiles = [(Tile(x, y, z), b"the same picture") for z, x, y in places]
    number = write_archive(
        target, tiles, tile_format=TileFormat.PNG, bbox=(-180.0, -85.0, 180.0, 85.0), name="world"
    )
    with target.open("rb") as file:
        source = MmapSource(file)
        header = Reader(source).header()
        assert (header["min_zoom"], header["max_zoom"]) == (0, 3)
        assert (header["tile_entries_count"], header["addressed_tiles_count"]) == (1, number)
        assert {place for place, _ in all_tiles(source)} == set(places)
