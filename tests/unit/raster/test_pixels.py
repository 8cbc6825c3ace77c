"""The pass over the pixels: windows that cover everything, and counts that do not depend on them."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from services.raster.pixels import BandTally, ClassTally, PixelChecksums, row_windows, valid_pixels
from tests import rasters


@pytest.mark.parametrize("max_samples", [1, 700, 64 * 33, 10**6])
def test_windows_cover_every_row_once(tmp_path: Path, max_samples: int) -> None:
    with rasterio.open(rasters.write_geotiff(tmp_path / "a.tif", height=50)) as dataset:
        windows = list(row_windows(dataset, row_multiple=16, max_samples=max_samples))
    rows = [row for window in windows for row in range(window.row_off, window.row_off + window.height)]
    assert rows == list(range(50))
    assert {window.width for window in windows} == {64}


def test_windows_end_on_tile_rows_where_they_can(tmp_path: Path) -> None:
    with rasterio.open(rasters.write_geotiff(tmp_path / "a.tif", height=50)) as dataset:
        windows = list(row_windows(dataset, row_multiple=16, max_samples=64 * 40))
    assert [window.height for window in windows] == [32, 18]


@pytest.mark.parametrize("max_samples", [64, 700, 10**6])
def test_statistics_are_those_of_the_whole(tmp_path: Path, max_samples: int) -> None:
    path = rasters.write_geotiff(tmp_path / "a.tif", dtype="float32", nodata=5)
    tally = BandTally()
    with rasterio.open(path) as dataset:
        for window in row_windows(dataset, max_samples=max_samples):
            data = dataset.read(window=window)
            tally.add(data[0], valid_pixels(dataset, data, window)[0])
        everything = dataset.read(1).astype("float64")
    counted = everything[everything != 5]
    found = tally.statistics()
    assert (found.mean, found.stddev) == pytest.approx((counted.mean(), counted.std()))
    assert (found.min, found.max) == (counted.min(), counted.max())
    assert found.valid_percent == pytest.approx(100 * counted.size / everything.size)


def test_large_offsets_do_not_drown_the_deviation() -> None:
    tally = BandTally()
    for chunk in (np.array([[1e9, 1e9 + 1]]), np.array([[1e9 + 2, 1e9 + 3]])):
        tally.add(chunk, np.ones(chunk.shape, dtype=bool))
    assert tally.statistics().stddev == pytest.approx(np.std([0, 1, 2, 3]))


def test_checksums_do_not_depend_on_the_windows(tmp_path: Path) -> None:
    with rasterio.open(rasters.masked(tmp_path / "a.tif")) as dataset:
        found = set()
        for max_samples in (64 * 3, 2000, 10**6):
            checksums = PixelChecksums(dataset)
            for window in row_windows(dataset, max_samples=max_samples):
                checksums.add(dataset.read(window=window), window)
            found.add(checksums.hex())
    assert len(found) == 1
    assert len(found.pop()) == 4, "three bands and the mask"


def test_a_band_without_valid_pixels_has_no_statistics() -> None:
    tally = BandTally()
    tally.add(np.zeros((2, 2)), np.zeros((2, 2), dtype=bool))
    found = tally.statistics()
    assert (found.min, found.max, found.mean, found.stddev, found.valid_percent) == (None,) * 4 + (0,)


@pytest.mark.parametrize(("count", "expected"), [(64, True), (65, False)])
def test_classes_are_few(count: int, expected: bool) -> None:
    tally = ClassTally()
    for part in np.array_split(np.arange(count)[None, :], 3, axis=1):
        tally.add(part, np.ones(part.shape, dtype=bool))
    assert tally.is_classes == expected
