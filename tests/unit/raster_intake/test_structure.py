"""The structure of TIFF files: sound ones pass, whoever wrote them, and little is read of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.shutil import copy

from core.errors import PermanentTaskError
from services.raster.jp2 import check_jp2
from services.raster.tiff import TiffStructure, check_tiff
from tests import rasters
from tests.tiff_bytes import ROWS_PER_STRIP, Tag, TiffBytes


def structure(path: Path) -> TiffStructure:
    content = path.read_bytes()
    return check_tiff(lambda start, length: content[start : start + length], size_bytes=len(content))


@pytest.mark.parametrize(
    ("layout", "blocks"),
    [
        ({}, 6),
        ({"blockysize": 1}, 48),
        ({"tiled": True, "blockxsize": 16, "blockysize": 32}, 8),
        ({"bands": 3, "interleave": "band", "tiled": True, "blockxsize": 16, "blockysize": 32}, 24),
        ({"bands": 3, "interleave": "pixel", "tiled": True, "blockxsize": 16, "blockysize": 32}, 8),
        ({"compress": "DEFLATE", "blockysize": 8}, 6),
    ],
)
@pytest.mark.parametrize("big", ["YES", "NO"])
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_sound_files_pass(tmp_path: Path, layout: dict[str, Any], blocks: int, big: str, order: str) -> None:
    options: dict[str, Any] = {
        "blockysize": 8,
        "dtype": "uint16",
        "nodata": 7,
        "BIGTIFF": big,
        "ENDIANNESS": order,
    } | layout
    path = rasters.write_geotiff(tmp_path / "a.tif", **options)
    found = structure(path)
    assert (found.block_count, found.sparse_count, found.nodata) == (blocks, 0, "7")
    assert found.band_count == layout.get("bands", 1)
    assert found.stored_bytes <= path.stat().st_size


def test_masks_and_overviews_are_no_blocks_of_the_image(tmp_path: Path) -> None:
    path = rasters.masked(tmp_path / "a.tif")
    with rasterio.open(path, "r+") as dataset:
        before = structure(path).block_count
        dataset.build_overviews([2, 4], Resampling.nearest)
    assert structure(path).block_count == before


def test_a_file_cut_off_in_its_overviews_is_whole(tmp_path: Path) -> None:
    """They are not used: ours are made anew."""
    noise = np.random.default_rng(7).integers(0, 255, (1, 512, 512), dtype="uint8")
    path = rasters.write_geotiff(tmp_path / "a.tif", width=512, height=512, data=noise)
    whole = path.stat().st_size
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2], Resampling.nearest)
    content = path.read_bytes()
    path.write_bytes(content[: whole + (len(content) - whole) // 2])
    assert structure(path).sparse_count == 0


def test_a_mask_that_is_cut_off_is_damage(tmp_path: Path) -> None:
    path = rasters.masked(tmp_path / "a.tif")
    sound = path.read_bytes()
    with pytest.raises(PermanentTaskError, match="damaged"):
        check_tiff(lambda start, length: sound[start : start + length], size_bytes=len(sound) - 8)


def test_a_chain_of_directories_without_end(tmp_path: Path) -> None:
    """The second image is the first one again."""
    start = int.from_bytes(TiffBytes().build()[4:8], "little")
    content = TiffBytes(next_image=start).build()
    assert check_tiff(lambda begin, length: content[begin : begin + length], size_bytes=len(content))


def test_little_is_read_of_a_large_file() -> None:
    """Of 100,000 blocks in an alleged gigabyte: the lists of offsets and lengths, and no pixel."""
    count = 100_000
    content = TiffBytes(
        height=count,
        is_big=True,
        offsets=range(2**21, 2**21 + count * 64, 64),
        counts=[64] * count,
        tags={ROWS_PER_STRIP: Tag("I", [1])},
    ).build()
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        return content[start : start + length]

    assert check_tiff(read, size_bytes=2**30).block_count == count
    assert sum(reads) < 2 * count * 8 + 10 * 65_536
    assert len(reads) < 10


@pytest.mark.parametrize("name", ["a.jp2", "a.j2k"])
def test_a_jpeg_2000_is_whole_or_cut_off(tmp_path: Path, name: str) -> None:
    copy(rasters.rgb(tmp_path / "a.tif"), tmp_path / name, driver="JP2OpenJPEG")
    content = (tmp_path / name).read_bytes()

    def check(data: bytes) -> None:
        check_jp2(lambda start, length: data[start : start + length], size_bytes=len(data))

    check(content)
    for cut in (1, 20, 500):
        with pytest.raises(PermanentTaskError, match="cut off"):
            check(content[:-cut])
