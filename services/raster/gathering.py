"""The parts of a mosaic, and the statistics of all of them, taken in one after the other.

Ten thousand parts are held in memory; their histograms are not, but merged as they come.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from core.task_models.raster import BandStatistics
from core.task_models.raster_mosaic import MosaicPart
from core.task_models.raster_tiles import TileRecord
from services.raster.statistics import ValueCounts, merge_statistics

_AllBands = tuple[BandStatistics, ...]


class Gathering:
    """Takes in parts, in the order in which they cover each other."""

    def __init__(self, *, dtypes: Sequence[str] = (), nodata: float | None = None) -> None:
        """`dtypes` and `nodata` are those of all parts, where records come with counts of their values."""
        self.parts: list[MosaicPart] = []
        self._tallies = [ValueCounts(np.dtype(dtype), nodata) for dtype in dtypes if _is_counted(dtype)]
        self._merged: list[_AllBands] = []
        self._pixels: list[int] = []

    def add(self, records: Sequence[TileRecord]) -> None:
        """Take in some more."""
        counted = [record.part for record in records if record.part.statistics]
        if counted:
            sizes = [part.width * part.height for part in counted]
            self._merged.append(_merge([part.statistics for part in counted], sizes))
            self._pixels.append(sum(sizes))
        for record in records:
            self.parts.append(_without_histograms(record.part))
            for tally, packed in zip(self._tallies, record.value_counts, strict=False):
                tally.add_packed(packed)

    def statistics(self) -> _AllBands:
        """Of each band over all parts; empty where nothing was counted.

        Exact, also the percentiles, for bytes and where all values were counted.
        """
        if not self._merged:
            return ()
        merged = _merge(self._merged, self._pixels)
        exact = [tally.statistics() for tally in self._tallies]
        is_whole = len(exact) == len(merged) and all(band.histogram for band in exact)
        return tuple(exact) if is_whole else merged


def packed_counts(tallies: Iterable[ValueCounts], dtypes: Sequence[str]) -> tuple[bytes, ...]:
    """The counts that a record carries: of bytes, the histogram says as much."""
    return tuple(tally.packed() for tally in tallies) if all(map(_is_counted, dtypes)) else ()


def _is_counted(dtype: str) -> bool:
    return dtype in ("int16", "uint16")


def _merge(statistics: Iterable[_AllBands], pixels: list[int]) -> _AllBands:
    return tuple(
        merge_statistics(zip(of_band, pixels, strict=True)) for of_band in zip(*statistics, strict=True)
    )


def _without_histograms(part: MosaicPart) -> MosaicPart:
    lean = tuple(band.model_copy(update={"histogram": None}) for band in part.statistics)
    return part.model_copy(update={"statistics": lean})
