"""Which bands of a raster make its picture."""

import re

from core.task_models.raster import RasterDescription

_COLORS = ("red", "green", "blue")
_BAND_NAMES = {
    # Whole words, and the names of Sentinel-2; "B4" means red or infrared, depending on the satellite.
    "red": re.compile(r"(^|[^a-z])red([^a-z]|$)|^b04$"),
    "green": re.compile(r"(^|[^a-z])green([^a-z]|$)|^b03$"),
    "blue": re.compile(r"(^|[^a-z])blue([^a-z]|$)|^b02$"),
}
_NOT_QUITE_A_COLOR = re.compile(r"edge|infra|nir|coastal|swir")


def data_bands(description: RasterDescription) -> list[int]:
    """The bands, from 1, that are not transparency."""
    kinds = description.color_interpretation
    bands = [band for band in range(1, description.band_count + 1) if kinds[band - 1 : band] != ("alpha",)]
    return bands or [1]


def color_bands(description: RasterDescription) -> tuple[int, ...]:
    """Red, green and blue where they are to be found, the first three otherwise; one if there are fewer."""
    bands = data_bands(description)
    for named in (description.color_interpretation, _named_colors(description)):
        found = [next((b for b in bands if named[b - 1 : b] == (color,)), None) for color in _COLORS]
        if None not in found:
            return tuple(band for band in found if band is not None)
    return tuple(bands[:3]) if len(bands) >= 3 else (bands[0],)


def _named_colors(description: RasterDescription) -> tuple[str, ...]:
    """The colour that each band's name speaks of, or an empty string."""
    return tuple(_color_in(name or "") for name in description.descriptions)


def _color_in(name: str) -> str:
    plain = name.strip().lower()
    if _NOT_QUITE_A_COLOR.search(plain):
        return ""
    return next((color for color, pattern in _BAND_NAMES.items() if pattern.search(plain)), "")
