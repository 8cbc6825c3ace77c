"""From which value to which a band is shown."""

import math
import re
from collections.abc import Sequence

from core.task_models.raster import BandStatistics, RasterDescription

Range = tuple[float, float]


def stretch(band: int, statistics: Sequence[BandStatistics], description: RasterDescription) -> Range:
    """What becomes the darkest and the brightest; finite, and never equal."""
    if band > len(statistics):
        return _range_of_type(description.dtypes[band - 1])
    found = statistics[band - 1]
    for candidate in (found.percentiles, (found.min, found.max)):
        if candidate is not None and _is_range(*candidate):
            return float(candidate[0]), float(candidate[1])  # type: ignore[arg-type] # _is_range saw to it
    constant = next((v for v in (found.mean, found.min) if v is not None and math.isfinite(v)), None)
    if constant is None:
        return _range_of_type(description.dtypes[band - 1])
    margin = max(abs(constant) * 1e-6, 0.5)
    return constant - margin, constant + margin


def has_range(band: int, statistics: Sequence[BandStatistics]) -> bool:
    """Whether the band was measured, and has values at all."""
    return band <= len(statistics) and statistics[band - 1].min is not None


def _is_range(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and low < high and math.isfinite(high - low)


def _range_of_type(dtype: str) -> Range:
    """All values of an integer type; 0 to 1 for others, as nothing is known."""
    match = re.fullmatch(r"(u?)int(\d+)", dtype)
    if not match:
        return 0.0, 1.0
    bits = int(match[2])
    return (0.0, 2.0**bits - 1) if match[1] else (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)
