"""Statistics: exact, whatever the parts, and the same when parts are merged."""

import numpy as np
import pytest

from core.task_models.raster import BandStatistics
from services.raster.statistics import band_tally, merge_statistics

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def measurements(dtype: str, *, shape: tuple[int, int] = (300, 211)) -> np.ndarray:
    """Normally distributed, within the range of a signed byte."""
    values = np.random.default_rng(3).normal(60, 15, shape)
    return values.clip(0, 127).astype(dtype)


def tallied(band: np.ndarray, *, parts: int = 1, nodata: float | None = None) -> BandStatistics:
    tally = band_tally(str(band.dtype), nodata=nodata)
    for part in np.array_split(band, parts):
        tally.add(part)
    return tally.statistics()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("parts", [1, 7])
def test_they_are_numpys(dtype: str, parts: int) -> None:
    band = measurements(dtype)
    found = tallied(band, parts=parts)
    assert (found.min, found.max) == (band.min(), band.max())
    exact = band.astype("float64")
    assert (found.mean, found.stddev) == pytest.approx((exact.mean(), exact.std()))
    assert found.percentiles == pytest.approx(np.percentile(exact, [2, 98]), abs=0.5)
    assert found.valid_percent == 100


@pytest.mark.parametrize("dtype", DTYPES)
def test_nodata_does_not_count(dtype: str) -> None:
    band = measurements(dtype)
    band[:100] = 5
    counted = band[band != 5].astype("float64")
    found = tallied(band, parts=3, nodata=5)
    assert (found.min, found.max) == (counted.min(), counted.max())
    assert found.mean == pytest.approx(counted.mean())
    assert found.valid_percent == pytest.approx(100 * counted.size / band.size)
    assert found.histogram is not None
    assert sum(found.histogram.buckets) == counted.size


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_only_valid_pixels_count(dtype: str) -> None:
    band = measurements(dtype)
    valid = np.arange(band.size).reshape(band.shape) % 3 == 0
    tally = band_tally(dtype)
    tally.add(band, valid)
    found = tally.statistics()
    assert found.mean == pytest.approx(band[valid].astype("float64").mean())
    assert found.valid_percent == pytest.approx(100 * valid.sum() / band.size)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_nothing_valid(dtype: str) -> None:
    found = tallied(np.full((4, 4), 7, dtype=dtype), nodata=7)
    assert found == BandStatistics(min=None, max=None, mean=None, stddev=None, valid_percent=0)


def test_numbers_that_are_none_do_not_count() -> None:
    found = tallied(np.array([[1, np.nan, np.inf, -np.inf, 3]]))
    assert (found.min, found.max, found.mean) == (1, 3, 2)
    assert found.valid_percent == pytest.approx(40)


def test_percentiles_of_integers_are_values_that_occur() -> None:
    band = np.repeat(np.arange(0, 200, 2), 5).astype("uint8")[None, :]
    found = tallied(band)
    assert found.percentiles == (2, 194), "rank 10 of 500, and rank 490"


def test_a_wild_value_does_not_spoil_the_percentiles() -> None:
    band = measurements("float32")
    band[0, 0] = -3.4e38
    found = tallied(band, parts=5)
    assert found.min == pytest.approx(-3.4e38)
    assert found.percentiles == pytest.approx(np.percentile(measurements("float32"), [2, 98]), rel=0.02)


def test_large_offsets_do_not_drown_the_deviation() -> None:
    found = tallied(1e9 + np.arange(4, dtype="float64").reshape(4, 1), parts=2)
    assert found.stddev == pytest.approx(np.std([0, 1, 2, 3]))


@pytest.mark.parametrize("value", [0.0, -5.25, 1e12])
def test_all_the_same(value: float) -> None:
    found = tallied(np.full((3, 3), value), parts=2)
    assert (found.min, found.max, found.mean, found.stddev) == (value, value, value, 0)
    assert found.percentiles == (value, value)
    assert found.histogram is not None
    assert found.histogram.buckets == (9,)


def test_histograms_are_those_of_numpy() -> None:
    bytes_band, wide = measurements("uint8"), measurements("float64")
    of_bytes, of_wide = tallied(bytes_band).histogram, tallied(wide, parts=4).histogram
    assert of_bytes is not None
    assert of_bytes.buckets == tuple(np.bincount(bytes_band.ravel(), minlength=256))
    assert (of_bytes.min, of_bytes.max) == (-0.5, 255.5)
    assert of_wide is not None
    expected, _ = np.histogram(wide, bins=of_wide.count, range=(of_wide.min, of_wide.max))
    assert of_wide.buckets == pytest.approx(expected, abs=0.01 * wide.size)
    assert sum(of_wide.buckets) == wide.size


def test_buckets_of_16_bits_hold_whole_numbers_of_values() -> None:
    band = np.arange(-1000, 9000, dtype="int16")[None, :]
    histogram = tallied(band).histogram
    assert histogram is not None
    width = (histogram.max - histogram.min) / histogram.count
    assert width == 157
    assert set(histogram.buckets[:-1]) == {157}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_merging_gives_those_of_the_whole(dtype: str) -> None:
    """Parts of different ranges and sizes, one of them without data."""
    band = np.sort(measurements(dtype), axis=None).reshape(300, 211)
    whole = tallied(band, nodata=0)
    parts = [band[:50], band[50:220], band[220:], np.zeros((10, 10), dtype=dtype)]
    merged = merge_statistics((tallied(part, nodata=0), part.size) for part in parts)
    assert (merged.min, merged.max) == (whole.min, whole.max)
    assert (merged.mean, merged.stddev) == pytest.approx((whole.mean, whole.stddev))
    counted = whole.valid_percent * band.size
    assert merged.valid_percent == pytest.approx(counted / (band.size + 100))
    assert whole.percentiles is not None
    assert merged.percentiles == pytest.approx(whole.percentiles, abs=0 if dtype == "uint8" else 1)
    assert merged.histogram is not None
    assert whole.histogram is not None
    assert sum(merged.histogram.buckets) == sum(whole.histogram.buckets)


def test_merging_bytes_is_exact() -> None:
    band = measurements("uint8")
    merged = merge_statistics([(tallied(band[:100]), 100 * 211), (tallied(band[100:]), 200 * 211)])
    whole = tallied(band)
    assert (merged.histogram, merged.percentiles) == (whole.histogram, whole.percentiles)


def test_merging_nothing() -> None:
    empty = tallied(np.zeros((2, 2), dtype="uint8"), nodata=0)
    assert merge_statistics([(empty, 4)]).valid_percent == 0
