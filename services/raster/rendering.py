"""How a raster is shown when nobody says how: the bands, the stretch, the colours. Pure.

What it aims at: a first look that is neither black nor white nor misleading. Classes keep their colours,
pictures keep theirs, measurements are stretched between their 2nd and 98th percentile, because minimum and
maximum are as often as not a dead pixel or an undeclared nodata value.
"""

from collections.abc import Collection, Mapping, Sequence

from rio_tiler.colormap import cmap

from core.errors import PermanentTaskError
from core.task_models.raster import (
    RGBA,
    BandStatistics,
    LegendEntry,
    NamedClass,
    RasterClass,
    RasterDescription,
    Rendering,
)
from services.raster.class_colors import class_colors, occurring_classes
from services.raster.color_bands import color_bands, data_bands
from services.raster.stretch import Range, has_range, stretch

_ELEVATION_COLORS = "terrain"
_ELEVATION_AND_DEPTH_COLORS = "topo"  # water below the middle, land above it
_MEASUREMENT_COLORS = "viridis"
_DIVERGING_COLORS = "rdbu_r"
_WATER_SHARE_OF_TERRAIN = 0.25  # of the map `terrain`: its blues, which dry land should not have
_MIN_DEPTH_SHARE = 0.1  # of the larger side, for the other side of zero to count
_MIN_BALANCE = 0.5


def default_rendering(
    *,
    classification: RasterClass,
    statistics: Sequence[BandStatistics],
    description: RasterDescription,
    palette: Mapping[int, RGBA] | None = None,
    default_colormap: str | None = None,
    classes: Sequence[NamedClass] = (),
    class_values: Collection[int] | None = None,
) -> Rendering:
    """The look of a raster, deterministic, fit for titiler and for STAC's render extension.

    Args:
        statistics: one for each band, or none at all: then the stretch is that of the data type.
        palette: the colour table of the file, for classes.
        default_colormap: the client's wish, one of `known_colormaps()`. It colours the first band;
            pictures (`rgb`, `rgba`) keep their own colours.
        classes: the values that have names; their colours count where there is no palette.
        class_values: the values that occur, where they are known; otherwise they are taken from a
            histogram with a bucket for each integer, or are all integers from minimum to maximum.

    Raises:
        PermanentTaskError: COLORMAP_UNKNOWN.
    """
    if default_colormap is not None:
        require_known_colormap(default_colormap)
    if classification is RasterClass.CATEGORICAL:
        values = occurring_classes(statistics, class_values)
        colors = class_colors(values, palette=palette, named=classes, colormap_name=default_colormap)
        if colors:
            return _classes_rendering(colors, values, names={each.value: each.name for each in classes})
    if classification in (RasterClass.RGB, RasterClass.RGBA, RasterClass.MULTISPECTRAL):
        bands = color_bands(description)
        is_picture = classification is not RasterClass.MULTISPECTRAL
        if len(bands) == 3 and (is_picture or default_colormap is None):
            return _picture(bands, statistics, description, keeps_balance=is_picture)
    return _single_band(classification, statistics, description, default_colormap)


def known_colormaps() -> tuple[str, ...]:
    """The names that `default_colormap` may have, in alphabetical order; all of rio-tiler's."""
    return tuple(sorted(cmap.list()))


def require_known_colormap(name: str) -> None:
    """Refuse a name that no tile could be drawn with.

    Raises:
        PermanentTaskError: COLORMAP_UNKNOWN.
    """
    if name not in cmap.list():
        raise PermanentTaskError(
            f"There is no colormap of the name {name!r}.",
            code="COLORMAP_UNKNOWN",
            remedy=f"Take one of: {', '.join(n for n in known_colormaps() if not n.endswith('_r'))}; "
            "with the suffix _r it is reversed.",
        )


def _classes_rendering(
    colors: Mapping[int, RGBA], values: Collection[int] | None, *, names: Mapping[int, str]
) -> Rendering:
    shown = [value for value in sorted(colors) if values is None or value in values]
    return Rendering(
        colormap=dict(colors),
        legend=tuple(
            LegendEntry(value=value, color=colors[value], label=names.get(value, "")) for value in shown
        ),
    )


def _picture(
    bands: tuple[int, ...],
    statistics: Sequence[BandStatistics],
    description: RasterDescription,
    *,
    keeps_balance: bool,
) -> Rendering:
    """Bytes of a picture as they are; anything else stretched, by one range if its colours are balanced."""
    if keeps_balance and all(description.dtypes[band - 1] == "uint8" for band in bands):
        return Rendering(bidx=bands, resampling="bilinear")
    ranges = [stretch(band, statistics, description) for band in bands]
    if keeps_balance:
        ranges = [(min(low for low, _ in ranges), max(high for _, high in ranges))] * 3
    return Rendering(bidx=bands, rescale=tuple(ranges), resampling="bilinear")


def _single_band(
    classification: RasterClass,
    statistics: Sequence[BandStatistics],
    description: RasterDescription,
    default_colormap: str | None,
) -> Rendering:
    band = data_bands(description)[0]
    low, high = stretch(band, statistics, description)
    name: str | None
    if default_colormap is not None:
        name = default_colormap
    elif classification is RasterClass.DEM:
        name, (low, high) = _elevation(low, high)
    elif classification is RasterClass.CATEGORICAL:
        name = "tab20"  # too many classes, or none known: at least neighbours differ
    else:
        dtype = description.dtypes[band - 1]
        name, (low, high) = _measurement(low, high, dtype=dtype, is_measured=has_range(band, statistics))
    resampling = "nearest" if classification is RasterClass.CATEGORICAL else "bilinear"
    return Rendering(bidx=(band,), rescale=((low, high),), colormap_name=name, resampling=resampling)


def _elevation(low: float, high: float) -> tuple[str, Range]:
    """Land in the colours of land; with depths to speak of, sea level is where the colours change."""
    if low < 0 < high and min(-low, high) >= _MIN_DEPTH_SHARE * max(-low, high):
        return _ELEVATION_AND_DEPTH_COLORS, _symmetric(low, high)
    below = (high - low) * _WATER_SHARE_OF_TERRAIN / (1 - _WATER_SHARE_OF_TERRAIN)
    return _ELEVATION_COLORS, (low - below, high)


def _measurement(low: float, high: float, *, dtype: str, is_measured: bool) -> tuple[str | None, Range]:
    """Integers are mostly grey pictures; differences and anomalies lie around zero."""
    if is_measured and low < 0 < high and min(-low, high) >= _MIN_BALANCE * max(-low, high):
        return _DIVERGING_COLORS, _symmetric(low, high)
    return (_MEASUREMENT_COLORS if dtype.startswith("float") else None), (low, high)


def _symmetric(low: float, high: float) -> Range:
    extreme = max(-low, high)
    return -extreme, extreme
