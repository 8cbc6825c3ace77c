"""Colours for classes: the colour table of the file, a map that the client named, or colours of our own."""

import colorsys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from rio_tiler.colormap import cmap

from core.task_models.raster import MAX_CLASSES, RGBA, BandStatistics, Histogram, NamedClass

_GOLDEN_RATIO = (5**0.5 - 1) / 2
_LIGHTNESSES = (0.50, 0.34, 0.66, 0.42, 0.76)
_PADDING = frozenset({(0, 0, 0, 0), (0, 0, 0, 255)})


def class_color(value: int) -> RGBA:
    """A colour for a class, always the same for the same value, far from those of its neighbours.

    Hues follow the golden ratio, which spreads any run of consecutive values evenly around the circle.
    """
    hue = (value * _GOLDEN_RATIO) % 1.0
    lightness = _LIGHTNESSES[value % len(_LIGHTNESSES)]
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, 0.65))
    return red, green, blue, 255


def occurring_classes(
    statistics: Sequence[BandStatistics], known: Collection[int] | None
) -> frozenset[int] | None:
    """The values that occur, or may; None when that cannot be said, or when there are too many."""
    if known is not None:
        return frozenset(known) if len(known) <= MAX_CLASSES else None
    found = statistics[0] if statistics else None
    if found is None or found.min is None or found.max is None:
        return None
    if not (float(found.min).is_integer() and float(found.max).is_integer()):
        return None
    low, high = int(found.min), int(found.max)
    values = _counted(low, high, found.histogram) if found.histogram else None
    if values is None:
        values = range(low, min(high, low + MAX_CLASSES) + 1)
    return frozenset(values) if len(values) <= MAX_CLASSES else None


def class_colors(
    values: Collection[int] | None,
    *,
    palette: Mapping[int, RGBA] | None,
    colormap_name: str | None,
    named: Sequence[NamedClass] = (),
) -> dict[int, RGBA]:
    """Colours by value; none when there is nothing to choose colours for.

    Where nobody knows which values occur, those that have names are taken to.
    """
    if values is None:
        values = [each.value for each in named]
    if colormap_name is not None:
        return _sampled(colormap_name, sorted(values))
    if palette:
        return _without_padding(palette, values)
    stated = {each.value: each.color for each in named if each.color is not None}
    return {value: stated.get(value) or class_color(value) for value in sorted(values)}


def _sampled(colormap_name: str, values: Sequence[int]) -> dict[int, RGBA]:
    """The named map at as many even steps as there are classes."""
    colors = cast(Mapping[int, Any], cmap.get(colormap_name))  # all that rio-tiler brings have 256 entries
    last = max(len(values) - 1, 1)
    return {value: _rgba(colors[round(255 * rank / last)]) for rank, value in enumerate(values)}


def _without_padding(palette: Mapping[int, RGBA], values: Collection[int]) -> dict[int, RGBA]:
    """TIFF fills a colour table up to 256 entries with black (TIFF 6.0, section 5)."""
    meant = [value for value, color in palette.items() if _rgba(color) not in _PADDING]
    last = max(meant, default=-1)
    return {
        value: _rgba(color) for value, color in sorted(palette.items()) if value <= last or value in values
    }


def _rgba(color: Sequence[int]) -> RGBA:
    red, green, blue, alpha = (*(int(part) for part in color), 255)[:4]
    return red, green, blue, alpha


def _counted(low: int, high: int, histogram: Histogram) -> Sequence[int] | None:
    """The integers whose bucket is not empty; None where a bucket holds several."""
    width = (histogram.max - histogram.min) / histogram.count
    if width > 1:
        return None

    def bucket(value: int) -> int:
        position = int((value - histogram.min) / width) if width else 0
        return min(max(position, 0), histogram.count - 1)

    return [value for value in range(low, high + 1) if histogram.buckets[bucket(value)]]
