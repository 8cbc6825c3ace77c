"""Statistics of bands: counted in one pass, exact, and mergeable between the parts of a mosaic.

Integers of up to 16 bits are counted value by value, from which all else follows exactly, and faster than
by summing. Wider types keep running moments (exact up to rounding), a histogram whose range grows with
the data, and an even sample for the percentiles, which one wild value cannot spoil.
"""

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from core.task_models.raster import BandStatistics, Histogram

PERCENTILES = (2.0, 98.0)
_BUCKETS = 64
_CHUNK = 2**17  # elements that are converted at once: they and their copies stay in the processor's cache
_MAX_SAMPLES = 2**16
_FINE_BINS = 4096
NOTHING = BandStatistics(min=None, max=None, mean=None, stddev=None, valid_percent=0)


class BandTally(Protocol):
    """Counts one band, in parts of any shape and in any order."""

    def add(self, band: np.ndarray, valid: np.ndarray | None = None) -> None:
        """Count the pixels of `band` that are `valid` (None: all) and no nodata, NaN or infinity."""

    def statistics(self) -> BandStatistics:
        """Of everything added so far."""


def band_tally(dtype: str, *, nodata: float | None = None) -> BandTally:
    """The tally for a band of this type; pixels that equal `nodata` do not count."""
    kind = np.dtype(dtype)
    if kind.kind in "ui" and kind.itemsize <= 2:
        return ValueCounts(kind, nodata)
    return Moments(kind, nodata)


class ValueCounts:
    """How often each value of an 8 or 16 bit integer occurs."""

    def __init__(self, dtype: np.dtype, nodata: float | None) -> None:
        self._dtype = dtype
        self._nodata = nodata
        self._counts = np.zeros(2 ** (8 * dtype.itemsize), dtype=np.int64)
        self._total = 0

    def add(self, band: np.ndarray, valid: np.ndarray | None = None) -> None:
        """See `BandTally`."""
        self._total += band.size
        values = (band.reshape(-1) if valid is None else band[valid]).view(f"u{self._dtype.itemsize}")
        for start in range(0, values.size, 2 * _CHUNK):
            self._counts += _counted(values[start : start + 2 * _CHUNK], self._counts.size)

    def statistics(self) -> BandStatistics:
        """See `BandTally`. A percentile is the smallest value that so many percent do not exceed."""
        values, counts = self.values_and_counts()
        if not values.size:
            return NOTHING
        count = int(counts.sum())
        mean = float((values * counts).sum() / count)
        ranks = np.searchsorted(counts.cumsum(), [math.ceil(count * p / 100) for p in PERCENTILES])
        return BandStatistics(
            min=float(values[0]),
            max=float(values[-1]),
            mean=mean,
            stddev=math.sqrt(float((counts * (values - mean) ** 2).sum() / count)),
            valid_percent=100 * count / self._total,
            percentiles=(float(values[ranks[0]]), float(values[ranks[1]])),
            histogram=self._histogram(values, counts),
        )

    def values_and_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """The values that occur, ascending, and how often; nodata is none of them."""
        found = np.flatnonzero(self._counts)
        values = found.astype(f"u{self._dtype.itemsize}").view(self._dtype).astype(np.int64)
        counts = self._counts[found]
        counted = values != self._nodata
        order = np.argsort(values[counted])
        return values[counted][order], counts[counted][order]

    def packed(self) -> bytes:
        """All that was counted, for `add_packed` of another tally of this type; mostly a few kilobytes."""
        numbers = np.concatenate([[self._total], self._counts]).astype("<i8")
        return zlib.compress(numbers.tobytes(), level=1)

    def add_packed(self, packed: bytes) -> None:
        """Count what another tally has counted."""
        numbers = np.frombuffer(zlib.decompress(packed), dtype="<i8")
        self._total += int(numbers[0])
        self._counts += numbers[1:]

    def _histogram(self, values: np.ndarray, counts: np.ndarray) -> Histogram:
        """A bucket is one value of a byte, or a whole number of values. Its edges lie between values."""
        if self._dtype.itemsize == 1:
            first, width, buckets = int(np.iinfo(self._dtype).min), 1, 256
        else:
            first, span = int(values[0]), int(values[-1] - values[0]) + 1
            width = -(-span // _BUCKETS)
            buckets = -(-span // width)
        filled = np.bincount((values - first) // width, weights=counts, minlength=buckets).astype(np.int64)
        edge = first - 0.5
        return Histogram(count=buckets, min=edge, max=edge + width * buckets, buckets=tuple(filled.tolist()))


def _counted(values: np.ndarray, size: int) -> np.ndarray:
    """Bytes are counted in pairs: `bincount` takes as long for a pair as for a byte."""
    if size > 256 or values.size % 2 or not values.flags.c_contiguous:
        return np.bincount(values, minlength=size)
    pairs = np.bincount(values.view(np.uint16), minlength=2**16).reshape(256, 256)
    counts: np.ndarray = pairs.sum(axis=0) + pairs.sum(axis=1)
    return counts


class Moments:
    """Running moments (Chan, Golub, LeVeque 1979, equation 2.1), a histogram and a sample."""

    def __init__(self, dtype: np.dtype, nodata: float | None) -> None:
        self._is_float = dtype.kind == "f"
        self._nodata = None if nodata is None or math.isnan(nodata) else dtype.type(nodata)
        self._total = self._count = 0
        self._mean = self._squares = 0.0
        self._histogram = _GrowingHistogram()
        self._sample = _Sample()

    def add(self, band: np.ndarray, valid: np.ndarray | None = None) -> None:
        """See `BandTally`."""
        self._total += band.size
        flat = band.reshape(-1) if valid is None else band[valid]
        for start in range(0, flat.size, _CHUNK):
            values = self._counting(flat[start : start + _CHUNK]).astype(np.float64)
            if values.size:
                self._add(values)

    def _counting(self, values: np.ndarray) -> np.ndarray:
        if self._nodata is not None:
            values = values[values != self._nodata]
        if self._is_float and not (finite := np.isfinite(values)).all():
            values = values[finite]
        return values

    def _add(self, values: np.ndarray) -> None:
        count = self._count + values.size
        mean = float(values.mean())
        shift = mean - self._mean
        own = float(np.square(values - mean).sum())
        self._squares += own + shift**2 * self._count * values.size / count
        self._mean += shift * values.size / count
        self._count = count
        self._histogram.add(values)
        self._sample.add(values)

    def statistics(self) -> BandStatistics:
        """See `BandTally`."""
        if not self._count:
            return NOTHING
        low, high = self._histogram.minimum, self._histogram.maximum
        return BandStatistics(
            min=low,
            max=high,
            mean=min(max(self._mean, low), high),
            stddev=math.sqrt(self._squares / self._count),
            valid_percent=100 * self._count / self._total,
            percentiles=self._sample.percentiles(),
            histogram=self._histogram.buckets(),
        )


@dataclass(slots=True)
class _GrowingHistogram:
    """Fine bins over a range that doubles until it holds every value, pairs of bins becoming one."""

    minimum: float = math.inf
    maximum: float = -math.inf
    _low: float = 0.0
    _width: float = 0.0
    _bins: np.ndarray = field(default_factory=lambda: np.zeros(_FINE_BINS, dtype=np.int64))

    def add(self, values: np.ndarray) -> None:
        low, high = float(values.min()), float(values.max())
        if self._width == 0:
            self._low = low
            # Wide enough for adding it to make a difference, when all values are the same.
            self._width = max((high - low) / (_FINE_BINS - 1), abs(low) * 1e-9, abs(high) * 1e-9, 1e-30)
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        while low < self._low:
            self._grow(downwards=True)
        while high >= self._low + self._width * _FINE_BINS:
            self._grow(downwards=False)
        places = np.clip(((values - self._low) / self._width).astype(np.int64), 0, _FINE_BINS - 1)
        self._bins += np.bincount(places, minlength=_FINE_BINS)

    def _grow(self, *, downwards: bool) -> None:
        pairs = self._bins.reshape(-1, 2).sum(axis=1)
        nothing = np.zeros(_FINE_BINS // 2, dtype=np.int64)
        if downwards:
            self._low -= self._width * _FINE_BINS
        self._bins = np.concatenate([nothing, pairs] if downwards else [pairs, nothing])
        self._width *= 2

    def buckets(self) -> Histogram:
        edges = self._low + self._width * np.arange(_FINE_BINS + 1)
        return _rebinned([(edges, self._bins)], self.minimum, self.maximum)


@dataclass(slots=True)
class _Sample:
    """Every n-th value. n is a power of 3, so that it does not fall into step with rows of 2^k pixels."""

    _step: int = 1
    _skip: int = 0
    _size: int = 0
    _parts: list[np.ndarray] = field(default_factory=list)

    def add(self, values: np.ndarray) -> None:
        taken = values[self._skip :: self._step]
        self._skip = (self._skip - values.size) % self._step
        self._parts.append(taken.copy())
        self._size += taken.size
        while self._size > _MAX_SAMPLES:
            self._thin()

    def _thin(self) -> None:
        kept = np.concatenate(self._parts)
        # The next value taken was to be number `size`: it stays in step only if that is a multiple of 3.
        self._skip += -kept.size % 3 * self._step
        self._step *= 3
        self._parts = [kept[::3].copy()]
        self._size = self._parts[0].size

    def percentiles(self) -> tuple[float, float]:
        low, high = np.percentile(np.concatenate(self._parts), PERCENTILES)
        return float(low), float(high)


def merge_statistics(parts: Iterable[tuple[BandStatistics, int]]) -> BandStatistics:
    """The statistics of a band over all parts of a mosaic, each with its number of pixels.

    Minimum, maximum, mean, standard deviation and valid_percent are exact. The histogram is exact where
    the parts have the same buckets, as bytes have, and so are the percentiles then; otherwise both are
    interpolated within buckets.
    """
    known = [(part, pixels) for part, pixels in parts]
    total = sum(pixels for _, pixels in known)
    filled = [(part, pixels * part.valid_percent / 100) for part, pixels in known if part.histogram]
    if not filled:
        return NOTHING
    counts = [round(count) for _, count in filled]
    means = [_number(part.mean) for part, _ in filled]
    count = sum(counts)
    mean = math.fsum(m * n for m, n in zip(means, counts, strict=True)) / count
    variance = math.fsum(
        n * (_number(part.stddev) ** 2 + (m - mean) ** 2)
        for (part, _), m, n in zip(filled, means, counts, strict=True)
    )
    low = min(_number(part.min) for part, _ in filled)
    high = max(_number(part.max) for part, _ in filled)
    histograms = [part.histogram for part, _ in filled if part.histogram]
    merged = _merged_histogram(histograms, low, high)
    return BandStatistics(
        min=low,
        max=high,
        mean=mean,
        stddev=math.sqrt(variance / count),
        valid_percent=min(100.0, 100 * count / total),
        percentiles=_percentiles_of(merged, histograms, low, high),
        histogram=merged,
    )


def _number(value: float | None) -> float:
    """Of a part that has valid pixels, and therefore statistics."""
    assert value is not None
    return value


def _edges(histogram: Histogram) -> np.ndarray:
    return np.linspace(histogram.min, histogram.max, histogram.count + 1)


def _merged_histogram(histograms: Sequence[Histogram], low: float, high: float) -> Histogram:
    first = histograms[0]
    if all((h.count, h.min, h.max) == (first.count, first.min, first.max) for h in histograms):
        filled = np.array([h.buckets for h in histograms], dtype=np.int64).sum(axis=0)
        return first.model_copy(update={"buckets": tuple(filled.tolist())})
    return _rebinned([(_edges(h), np.array(h.buckets)) for h in histograms], low, high)


def _cumulated(parts: Sequence[tuple[np.ndarray, np.ndarray]], at: np.ndarray) -> np.ndarray:
    """How many values lie below each of `at`, values being spread evenly within a bin."""
    below = np.zeros(at.size)
    for edges, counts in parts:
        below += np.interp(at, edges, np.concatenate([[0], np.cumsum(counts)]))
    return below


def _rebinned(parts: Sequence[tuple[np.ndarray, np.ndarray]], low: float, high: float) -> Histogram:
    """Equal buckets from `low` to `high`; whole numbers whose sum stays."""
    count = sum(int(counts.sum()) for _, counts in parts)
    if low == high:
        return Histogram(count=1, min=low, max=high, buckets=(count,))
    below = _cumulated(parts, np.linspace(low, high, _BUCKETS + 1))
    below[0], below[-1] = 0, count
    return Histogram(
        count=_BUCKETS, min=low, max=high, buckets=tuple(np.diff(np.rint(below)).astype(int).tolist())
    )


def _percentiles_of(
    merged: Histogram, histograms: Sequence[Histogram], low: float, high: float
) -> tuple[float, float]:
    """From the finest there is: the parts' own buckets."""
    if low == high:
        return low, high
    count = sum(merged.buckets)
    if merged.max - merged.min == merged.count:  # buckets of one integer each
        below = np.cumsum(merged.buckets)
        ranks = np.searchsorted(below, [math.ceil(count * p / 100) for p in PERCENTILES])
        return float(merged.min + 0.5 + ranks[0]), float(merged.min + 0.5 + ranks[1])
    at = np.linspace(low, high, _FINE_BINS)
    below = _cumulated([(_edges(h), np.array(h.buckets)) for h in histograms], at)
    found = np.interp([count * p / 100 for p in PERCENTILES], below, at)
    return float(found[0]), float(found[1])
