"""From a COG to an archive: what is in it is what rio-tiler draws, and nothing else."""

import io
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from pmtiles.reader import MemorySource, Reader, all_tiles
from rasterio.errors import NotGeoreferencedWarning
from rasterio.shutil import copy
from rasterio.transform import Affine
from rio_tiler.io import Reader as CogReader

from core.errors import TaskCancelled, TransientError
from core.task_models.raster import Rendering
from core.task_models.raster_tile_cache import (
    GenerateTileCacheParameters,
    GenerateTileCacheResult,
    TileFormat,
)
from services.raster.tile_cache import generate_tile_cache
from tests.blobs import DirectoryBlobStore, surroundings
from tests.rasters import gradient, write_geotiff

COG = "azure://silver/d_1/r1/cog.tif"
GREY = Rendering(rescale=((0.0, 255.0),), resampling="bilinear")
COLORS = Rendering(bidx=(1, 2, 3), resampling="bilinear")
CLASSES = Rendering(colormap={1: (255, 0, 0, 255), 2: (0, 0, 255, 255)}, resampling="nearest")
GLOBE = rasterio.transform.from_bounds(-180, -90, 180, 90, 1024, 512)


@dataclass
class Drawing:
    """A storage with one COG."""

    root: Path
    storage: DirectoryBlobStore

    def put(self, **options: Any) -> None:
        plain, cog = self.root / "plain.tif", self.root / "cog.tif"
        shape = {"width": 1024, "height": 512, "crs": "EPSG:4326", "transform": GLOBE}
        write_geotiff(plain, **(shape | options))
        copy(plain, cog, driver="COG", OVERVIEW_RESAMPLING="NEAREST")
        self.storage.put(COG, cog.read_bytes())

    def draw(
        self, rendering: Rendering = GREY, *, cancel_at: float | None = None, **options: Any
    ) -> tuple[GenerateTileCacheResult, bytes]:
        parameters = GenerateTileCacheParameters(
            **({"blob_uri": COG, "target_prefix": "azure://silver/d_1/r1/"} | options), rendering=rendering
        )
        work = self.root / f"work{len(list(self.root.glob('work*')))}"
        around = surroundings(work, self.storage, cancel_at=cancel_at)
        result = generate_tile_cache(parameters, around.context)
        assert around.progress == sorted(around.progress)
        if result.tile_cache_uri is None:
            return result, b""
        assert around.artefacts.announced == [(result.tile_cache_uri, False)]
        content = b"".join(self.storage.open_range(result.tile_cache_uri))
        self.storage.delete(result.tile_cache_uri)
        return result, content


@pytest.fixture
def drawing(tmp_path: Path) -> Drawing:
    return Drawing(tmp_path, DirectoryBlobStore(tmp_path / "blobs"))


def tiles_of(archive: bytes) -> dict[tuple[int, int, int], bytes]:
    return dict(all_tiles(MemorySource(archive)))


def pixels_of(tile: bytes) -> np.ndarray:
    with (
        warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
        rasterio.open(io.BytesIO(tile)) as picture,
    ):
        data: np.ndarray = picture.read()
        return data


def test_the_archive_says_what_is_in_it(drawing: Drawing) -> None:
    drawing.put()
    result, archive = drawing.draw()
    header = Reader(MemorySource(archive)).header()
    assert (result.minzoom, result.maxzoom, result.tile_count) == (0, 2, 21)
    assert header["addressed_tiles_count"] == result.tile_count == len(tiles_of(archive))
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (0, 2, True)
    assert header["tile_type"].name == "PNG"
    assert (header["min_lon_e7"], header["max_lat_e7"]) == (-1_800_000_000, 900_000_000)
    assert (result.size_bytes, result.format) == (len(archive), TileFormat.PNG)


def test_a_tile_is_the_picture_that_rio_tiler_draws(drawing: Drawing, tmp_path: Path) -> None:
    drawing.put()
    _, archive = drawing.draw()
    with (
        warnings.catch_warnings(action="ignore", category=UserWarning),  # the globe has poles
        CogReader(str(tmp_path / "cog.tif")) as reader,
    ):
        image = reader.tile(2, 1, 2, tilesize=256, resampling_method="bilinear", reproject_method="bilinear")
    tile = pixels_of(tiles_of(archive)[2, 2, 1])
    assert tile.shape == (2, 256, 256), "grey and alpha"
    assert np.array_equal(tile[0], image.array.data[0])
    assert np.array_equal(tile[1], image.mask)


def test_the_same_raster_gives_the_same_bytes(drawing: Drawing) -> None:
    drawing.put()
    assert drawing.draw()[1] == drawing.draw()[1]


def test_colour_pictures_are_webp(drawing: Drawing) -> None:
    drawing.put(bands=3, photometric="RGB")
    result, archive = drawing.draw(COLORS, maxzoom=1)
    assert (result.format, result.maxzoom) == (TileFormat.WEBP, 1)
    assert all(tile[:4] == b"RIFF" and tile[8:12] == b"WEBP" for tile in tiles_of(archive).values())


def test_classes_have_their_colours_and_no_others(drawing: Drawing) -> None:
    drawing.put(data=(gradient(1, 512, 1024, "uint8") % 2 + 1))
    _, archive = drawing.draw(CLASSES)
    for tile in tiles_of(archive).values():
        colors = np.unique(pixels_of(tile).reshape(4, -1), axis=1)
        opaque = {tuple(color) for color in colors.T.tolist() if color[3]}
        assert opaque <= {(255, 0, 0, 255), (0, 0, 255, 255)}


def test_empty_tiles_are_left_out(drawing: Drawing) -> None:
    data = gradient(1, 512, 1024, "uint8")
    data[:, :, 512:] = 0
    drawing.put(data=data, nodata=0)
    result, archive = drawing.draw()
    assert set(tiles_of(archive)) == {
        (z, x, y) for z in range(3) for x in range(max(1, 2**z // 2)) for y in range(2**z)
    }
    assert result.tile_count == 1 + 2 + 8


def test_without_a_single_tile_there_is_no_archive(drawing: Drawing) -> None:
    drawing.put(data=np.zeros((1, 512, 1024), "uint8"), nodata=0)
    result, _ = drawing.draw()
    assert (result.tile_cache_uri, result.tile_count, result.size_bytes) == (None, 0, 0)
    assert list(drawing.storage.list_blobs("silver", "d_1/r1/")) != []


def test_the_budget_holds(drawing: Drawing) -> None:
    drawing.put()
    result, _ = drawing.draw(max_tiles=5)
    assert (result.maxzoom, result.tile_count) == (1, 5)


def test_across_the_antimeridian(drawing: Drawing) -> None:
    transform = rasterio.transform.from_origin(800_000, 8_000_000, 500, 500)
    drawing.put(width=400, height=200, crs="EPSG:32760", transform=transform)
    result, archive = drawing.draw()
    west, _, east, _ = result.bbox
    assert west > east
    deepest = {x for z, x, _ in tiles_of(archive) if z == result.maxzoom}
    assert {0, 2**result.maxzoom - 1} <= deepest
    assert len(deepest) <= 4


GRIDS = {
    "turned": Affine(10, 0, 500_000, 0, -10, 5_299_000) @ Affine.rotation(30),
    "south-up": Affine(10, 0, 500_000, 0, 10, 5_299_000),
    "mirrored": Affine(-10, 0, 500_000, 0, -10, 5_299_000),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_turned_grid_in_the_crs_of_the_tiles_lies_where_gdalwarp_puts_it(
    drawing: Drawing, tmp_path: Path, grid: Affine
) -> None:
    drawing.put(width=300, height=300, crs="EPSG:3857", transform=grid)
    result, archive = drawing.draw(Rendering(rescale=((0.0, 255.0),)))
    upright = tmp_path / "upright.tif"
    subprocess.run(["gdalwarp", "-q", "-dstalpha", tmp_path / "cog.tif", upright], check=True)
    tiles = tiles_of(archive)
    assert result.maxzoom == 14
    with CogReader(str(upright)) as reader:
        for (z, x, y), tile in tiles.items():
            image = reader.tile(x, y, z, tilesize=256, indexes=1)
            assert np.mean(pixels_of(tile)[1] != image.mask) < 0.005
            if z == result.maxzoom:
                assert np.mean(pixels_of(tile)[0] != image.array.data[0]) < 0.02


@pytest.mark.parametrize("crs", ["EPSG:3031", "EPSG:3413"])
def test_at_a_pole(drawing: Drawing, crs: str) -> None:
    transform = rasterio.transform.from_origin(-3_000_000, 3_000_000, 20_000, 20_000)
    drawing.put(width=300, height=300, crs=crs, transform=transform)
    result, _ = drawing.draw(max_tiles=100)
    assert result.tile_count > 0


def test_a_mosaic_is_drawn_from_its_overview(drawing: Drawing) -> None:
    drawing.put()
    result, _ = drawing.draw(blob_uri=None, overview_uri=COG, mosaic_uri="azure://silver/d_1/r1/m.json")
    assert result.tile_count == 21


def test_it_stops_between_two_tiles_when_it_is_cancelled(drawing: Drawing) -> None:
    drawing.put()
    with pytest.raises(TaskCancelled):
        drawing.draw(cancel_at=0.4)
    assert [blob.uri for blob in drawing.storage.list_blobs("silver")] == [COG]


def test_a_cog_that_cannot_be_read_is_tried_again(drawing: Drawing) -> None:
    drawing.storage.put(COG, b"no raster")
    with pytest.raises(TransientError) as caught:
        drawing.draw()
    assert caught.value.code == "RASTER_UNAVAILABLE"
