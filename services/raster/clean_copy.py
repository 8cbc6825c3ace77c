"""The one pass over the pixels of a source: onto the canvas, counted and checksummed on the way.

Reading and counting go side by side in two threads. What the pass finds is exact, and enough: the file of
the stranger is not looked at again.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from rasterio.enums import ColorInterp

from core.errors import PermanentTaskError
from core.task_models.raster import BandStatistics
from services.raster.canvas import Canvas
from services.raster.feed import Feed
from services.raster.proof import PixelChecksums
from services.raster.statistics import ValueCounts, band_tally
from services.raster.warp import CELL

_CHUNK_BYTES = 48 * 2**20
_CHUNKS_AT_ONCE = 2
_MAX_CLASSES = 1024


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What the pass found.

    `has_data` is False when not a single pixel of any band is valid; `class_values` are those that occur in
    the first band, if they are few integers; `value_counts` are there for integers of 8 or 16 bits, so that
    passes over parts of a raster can be added up exactly.
    """

    statistics: tuple[BandStatistics, ...]
    checksums: tuple[str, ...]
    has_data: bool
    class_values: tuple[int, ...] | None
    value_counts: tuple[ValueCounts, ...] = field(compare=False, repr=False)


def clean_copy(feed: Feed, canvas: Canvas, *, on_progress: Callable[[float], None]) -> PixelFacts:
    """Copy the pixels and the mask of the feed onto the canvas.

    Raises:
        TransientError: OUTPUT_FAILED. Errors of reading are the caller's to translate.
    """
    counter = _Counter(feed)
    with ThreadPoolExecutor(1, "counting") as counting:
        pending: list[Future[None]] = []
        for top in range(0, feed.layout.height, height := rows_at_once(feed)):
            pixels = canvas.rows(top, min(height, feed.layout.height - top))
            mask = feed.read(top, pixels)
            pending.append(counting.submit(counter.add, pixels, mask))
            canvas.write(top, pixels, mask)
            if len(pending) == _CHUNKS_AT_ONCE:
                pending.pop(0).result()
            on_progress((top + pixels.shape[1]) / feed.layout.height)
        for counted in pending:
            counted.result()
    return counter.facts()


def rows_at_once(feed: Feed) -> int:
    """Few enough for the memory; whole cells, or whole blocks of a tiled file, where that fits."""
    layout = feed.layout
    row_bytes = layout.width * (len(layout.bands) + 1) * np.dtype(layout.dtype).itemsize
    rows = max(1, _CHUNK_BYTES // row_bytes)
    multiple = CELL if feed.in_cells else 512
    return rows - rows % multiple if rows > multiple else rows


def require_data(has_data: bool) -> None:
    """Refuse a raster without a single valid pixel.

    Raises:
        PermanentTaskError: RASTER_EMPTY.
    """
    if not has_data:
        raise PermanentTaskError(
            "Every pixel of the raster is nodata, masked or not a number.",
            code="RASTER_EMPTY",
            remedy="Check the nodata value and the mask of the file.",
        )


class _Counter:
    """All that is counted in the pass."""

    def __init__(self, feed: Feed) -> None:
        layout = feed.layout
        self._bands = [band_tally(layout.dtype, nodata=feed.nodata) for _ in layout.bands]
        self._checksums = PixelChecksums(len(layout.bands), has_mask=layout.has_mask)
        is_alpha = [band.color is ColorInterp.alpha for band in layout.bands]
        self._alpha = is_alpha.index(True) if True in is_alpha else None

    def add(self, pixels: np.ndarray, mask: np.ndarray | None) -> None:
        self._checksums.add(pixels, mask)
        shown = mask if mask is not None or self._alpha is None else pixels[self._alpha]
        valid = None if shown is None or shown.all() else shown != 0
        for number, (tally, band) in enumerate(zip(self._bands, pixels, strict=True)):
            tally.add(band, None if number == self._alpha else valid)

    def facts(self) -> PixelFacts:
        statistics = tuple(band.statistics() for band in self._bands)
        measured = (band for number, band in enumerate(statistics) if number != self._alpha)
        return PixelFacts(
            statistics=statistics,
            has_data=any(band.valid_percent > 0 for band in measured),
            checksums=self._checksums.hex(),
            class_values=self._class_values(),
            value_counts=tuple(band for band in self._bands if isinstance(band, ValueCounts)),
        )

    def _class_values(self) -> tuple[int, ...] | None:
        first = self._bands[0]
        if not isinstance(first, ValueCounts):
            return None
        values, _ = first.values_and_counts()
        return tuple(values.tolist()) if values.size <= _MAX_CLASSES else None
