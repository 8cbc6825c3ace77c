"""The default stretch of rasters that are no pictures."""

from collections.abc import Mapping
from typing import Any


def stretch(characteristics: Mapping[str, Any], bidx: list[int] | None) -> list[tuple[float, float]] | None:
    """The (minimum, maximum) of each band that is shown; None for bytes, and where they are not known."""
    statistics = list(characteristics.get("statistics") or ())
    if set(characteristics.get("dtypes") or ()) <= {"uint8"} or not statistics:
        return None
    if any(not 1 <= band <= len(statistics) for band in bidx or ()):
        return None
    bands = [statistics[band - 1] for band in bidx] if bidx else statistics
    if any(band.get("min") is None or band.get("max") is None for band in bands):
        return None
    return [(band["min"], band["max"] if band["max"] > band["min"] else band["min"] + 1) for band in bands]
