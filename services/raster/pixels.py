"""One pass over all pixels, in rows: the windows, and what is counted on the way."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.windows import Window

from core.task_models.raster import BandStatistics

_MAX_SAMPLES_PER_WINDOW = 16 * 2**20
_MAX_CLASSES = 64


def row_windows(
    dataset: Any, *, row_multiple: int = 512, max_samples: int = _MAX_SAMPLES_PER_WINDOW
) -> Iterator[Window]:
    """Windows over the full width, from top to bottom; all bands of one hold at most `max_samples`.

    Their height is a multiple of `row_multiple` where that fits, so that tiles are written once.
    """
    rows = max(1, max_samples // (dataset.width * dataset.count))
    if rows > row_multiple:
        rows -= rows % row_multiple
    for top in range(0, dataset.height, rows):
        yield Window(0, top, dataset.width, min(rows, dataset.height - top))


def has_dataset_mask(dataset: Any) -> bool:
    """True for a mask that lies beside the bands: neither nodata nor an alpha band nor all valid."""
    return any(
        MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in dataset.mask_flag_enums
    )


def valid_pixels(dataset: Any, data: np.ndarray, window: Window) -> np.ndarray:
    """Which of `data` (bands, rows, columns) count: not masked, not nodata, and numbers."""
    valid = np.ones(data.shape, dtype=bool)
    if any(MaskFlags.all_valid not in flags for flags in dataset.mask_flag_enums):
        valid = dataset.read_masks(window=window) != 0
    return valid & np.isfinite(data) if data.dtype.kind == "f" else valid


@dataclass(slots=True)
class BandTally:
    """Running statistics of one band, exact over all chunks (Chan, Golub, LeVeque 1979, equation 2.1)."""

    count: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0
    total: int = 0

    def add(self, band: np.ndarray, valid: np.ndarray) -> None:
        """Count the valid pixels of one chunk."""
        self.total += band.size
        values = band[valid].astype(np.float64)
        if values.size == 0:
            return
        mean, count = float(values.mean()), self.count + values.size
        shift = mean - self.mean
        self.squares += float(values.var()) * values.size + shift**2 * self.count * values.size / count
        self.mean += shift * values.size / count
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))
        self.count = count

    def statistics(self) -> BandStatistics:
        """The statistics of all chunks added so far."""
        if not self.count:
            return BandStatistics(min=None, max=None, mean=None, stddev=None, valid_percent=0)
        return BandStatistics(
            min=self.minimum,
            max=self.maximum,
            mean=self.mean,
            stddev=math.sqrt(self.squares / self.count),
            valid_percent=100 * self.count / self.total,
        )


@dataclass(slots=True)
class ClassTally:
    """Does a band hold a few classes, or measurements? Gives up at the first value too many."""

    values: set[int] | None = field(default_factory=set)

    def add(self, band: np.ndarray, valid: np.ndarray) -> None:
        """Look at one chunk."""
        if self.values is None:
            return
        found = np.unique(band[valid])
        self.values |= {int(value) for value in found[: _MAX_CLASSES + 1]}
        if len(self.values) > _MAX_CLASSES:
            self.values = None

    @property
    def is_classes(self) -> bool:
        """True when there were at most 64 different values."""
        return self.values is not None


class PixelChecksums:
    """SHA-256 of each band in row order, and of the mask: the same however the rows are cut into windows."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._with_mask = has_dataset_mask(dataset)
        self._digests = [hashlib.sha256() for _ in range(dataset.count + self._with_mask)]

    def add(self, data: np.ndarray, window: Window) -> None:
        """Take in the next rows, of all bands."""
        for digest, band in zip(self._digests, data, strict=False):
            digest.update(np.ascontiguousarray(band).data)
        if self._with_mask:
            self._digests[-1].update(np.ascontiguousarray(self._dataset.read_masks(1, window=window)).data)

    def hex(self) -> tuple[str, ...]:
        """One digest for each band, then the mask's if there is one."""
        return tuple(digest.hexdigest() for digest in self._digests)
