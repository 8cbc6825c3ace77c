"""A tiled copy of a raster that holds what we name and nothing else, counted while it is made.

The COG is made from this copy, never from the file of a stranger: GDAL would carry every metadata domain
along, and pathological strips would be decoded again and again. The pass also gives progress, a point to
stop at, exact statistics and the checksums that the COG is compared with.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from core.task_models.raster import BandStatistics
from services.raster.environment import GeoTiff, writing
from services.raster.pixels import (
    BandTally,
    ClassTally,
    PixelChecksums,
    has_dataset_mask,
    row_windows,
    valid_pixels,
)

# AREA_OR_POINT is part of the georeference (GeoTIFF 1.1, section 7.4); the others say whose image it is.
_KEPT_TAGS = ("AREA_OR_POINT", "TIFFTAG_COPYRIGHT", "TIFFTAG_ARTIST", "TIFFTAG_DATETIME")
_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What the pass over the pixels found. `is_classes`: few integers in one band, or a colour table."""

    statistics: tuple[BandStatistics, ...]
    checksums: tuple[str, ...]
    is_classes: bool

    @property
    def has_data(self) -> bool:
        """False when not a single pixel of any band is valid."""
        return any(band.valid_percent > 0 for band in self.statistics)


def clean_copy(
    raster: GeoTiff, target: Path, *, tile_size: int, on_progress: Callable[[float], None]
) -> PixelFacts:
    """Copy pixels, mask, georeference, nodata, colours, scales and band names; drop all other metadata.

    Raises:
        TransientError: OUTPUT_FAILED. Errors of reading are the caller's to translate.
    """
    source, counter = raster.pixels, _Counter(raster.pixels)
    with writing():
        copy = rasterio.open(target, "w", **_profile(source, tile_size))
    try:
        with writing():
            _copy_header(raster, copy)
        for window in row_windows(source, row_multiple=tile_size):
            data = source.read(window=window)
            mask = source.read_masks(1, window=window) if has_dataset_mask(source) else None
            counter.add(data, window)
            with writing():
                copy.write(data, window=window)
                if mask is not None:
                    copy.write_mask(mask, window=window)
            on_progress((window.row_off + window.height) / source.height)
    finally:
        with writing():
            copy.close()
    return counter.facts()


class _Counter:
    """All that is counted in the pass."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self._bands = [BandTally() for _ in range(source.count)]
        self._checksums = PixelChecksums(source)
        self._has_palette = ColorInterp.palette in source.colorinterp
        measured = source.count > 1 or np.dtype(source.dtypes[0]).kind == "f"
        self._classes = None if measured or self._has_palette else ClassTally()

    def add(self, data: np.ndarray, window: Window) -> None:
        valid = valid_pixels(self._source, data, window)
        for tally, band, band_valid in zip(self._bands, data, valid, strict=True):
            tally.add(band, band_valid)
        if self._classes:
            self._classes.add(data[0], valid[0])
        self._checksums.add(data, window)

    def facts(self) -> PixelFacts:
        return PixelFacts(
            statistics=tuple(band.statistics() for band in self._bands),
            checksums=self._checksums.hex(),
            is_classes=self._has_palette or (self._classes is not None and self._classes.is_classes),
        )


def _profile(source: Any, tile_size: int) -> dict[str, Any]:
    """ZSTD at its lowest level: as fast as the disk, and a fraction of the space."""
    return {
        "driver": "GTiff",
        "width": source.width,
        "height": source.height,
        "count": source.count,
        "dtype": source.dtypes[0],
        "crs": source.crs,
        "transform": source.transform,
        "nodata": source.nodata,
        "photometric": _photometric(source.colorinterp),
        "tiled": True,
        "blockxsize": tile_size,
        "blockysize": tile_size,
        "interleave": "pixel",
        "compress": "ZSTD",
        "ZSTD_LEVEL": 1,
        "BIGTIFF": "IF_SAFER",
    }


def _photometric(colors: tuple[ColorInterp, ...]) -> str:
    if ColorInterp.palette in colors:
        return "PALETTE"
    return "RGB" if tuple(colors[:3]) == _RGB else "MINISBLACK"


def _copy_header(raster: GeoTiff, copy: Any) -> None:
    """Before the pixels: TIFF cannot change these once they are written."""
    source = raster.pixels
    copy.colorinterp = source.colorinterp
    for band in _palette_bands(source):
        copy.write_colormap(band, source.colormap(band))
    copy.descriptions = raster.band_names
    copy.scales, copy.offsets, copy.units = source.scales, source.offsets, source.units
    tags = source.tags()
    copy.update_tags(**{name: tags[name] for name in _KEPT_TAGS if name in tags})


def _palette_bands(source: Any) -> Iterator[int]:
    return (band for band, color in enumerate(source.colorinterp, start=1) if color is ColorInterp.palette)
