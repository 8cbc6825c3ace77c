"""Rasters that stay open: lent to one at a time, closed when they are too old, too many, or broken."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioIOError
from rasterio.transform import from_origin

from triggers.serving.reading.open_rasters import OpenRasters


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rasters(clock: Clock) -> Iterator[OpenRasters]:
    opened = OpenRasters(most_idle=2, seconds=60, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    found = [str(tmp_path / f"{number}.tif") for number in range(3)]
    for number, path in enumerate(found):
        with rasterio.open(
            path, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs="EPSG:4326",
            transform=from_origin(0, 4, 1, 1),
        ) as dataset:  # fmt: skip
            dataset.write(np.full((1, 4, 4), number, "uint8"))
    return found


def borrowed(rasters: OpenRasters, path: str) -> Any:
    """The dataset, given back at once."""
    with rasters.borrow(path, driver="GTiff") as dataset:
        return dataset


def test_who_comes_later_gets_the_same_one_still_open(rasters: OpenRasters, paths: list[str]) -> None:
    first = borrowed(rasters, paths[0])
    assert borrowed(rasters, paths[0]) is first
    assert borrowed(rasters, paths[1]).read(1)[0, 0] == 1


def test_nobody_shares_one(rasters: OpenRasters, paths: list[str]) -> None:
    with ExitStack() as stack:
        two = [stack.enter_context(rasters.borrow(paths[0], driver="GTiff")) for _ in range(2)]
        assert two[0] is not two[1]


def test_the_one_longest_unused_is_closed(rasters: OpenRasters, paths: list[str]) -> None:
    first, second = borrowed(rasters, paths[0]), borrowed(rasters, paths[1])
    borrowed(rasters, paths[0])
    third = borrowed(rasters, paths[2])
    assert [dataset.closed for dataset in (first, second, third)] == [False, True, False]


def test_access_comes_to_an_end(rasters: OpenRasters, clock: Clock, paths: list[str]) -> None:
    first = borrowed(rasters, paths[0])
    clock.now = 61
    assert borrowed(rasters, paths[0]) is not first
    assert first.closed


def test_one_that_cannot_be_read_is_not_lent_again(rasters: OpenRasters, paths: list[str]) -> None:
    with pytest.raises(RasterioIOError), rasters.borrow(paths[0], driver="GTiff") as broken:
        raise RasterioIOError
    assert broken.closed
    with pytest.raises(KeyError), rasters.borrow(paths[0], driver="GTiff") as sound:
        raise KeyError
    assert borrowed(rasters, paths[0]) is sound


def test_content_chooses_no_driver(rasters: OpenRasters, paths: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "picture.tif"
    picture.write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>")
    with pytest.raises(RasterioIOError):
        borrowed(rasters, str(picture))
    with pytest.raises(RasterioIOError), rasters.borrow(paths[0], driver="VRT"):
        pass


def test_closing_closes_what_nobody_uses(rasters: OpenRasters, paths: list[str]) -> None:
    first = borrowed(rasters, paths[0])
    rasters.close()
    assert first.closed
