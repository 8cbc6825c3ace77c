"""The picture of a whole mosaic as a COG in blob storage."""

from typing import Any

import numpy as np

from services.context import TaskContext
from services.raster.canvas import BandLayout, Layout, open_canvas
from services.raster.cog_blob import write_cog
from services.raster.environment import hardened_gdal
from services.raster.header import Header
from services.raster.low_zoom import LowZoomGrid, Picture
from services.raster.profiles import ResolvedOptions
from services.raster.proof import PixelChecksums

_SHOWN, _HIDDEN = 255, 0


def write_picture(
    picture: Picture,
    grid: LowZoomGrid,
    *,
    header: Header,
    options: ResolvedOptions,
    uri: str,
    context: TaskContext,
) -> None:
    """Convert and upload. What no part has covered is nodata, or transparent, or masked.

    Raises:
        TransientError: OUTPUT_FAILED, STORAGE_TIMEOUT.
        ContractViolation: COG_INVALID.
    """
    layout = _layout(picture, grid, header)
    mask = _mask(picture) if layout.has_mask else None
    checksums = PixelChecksums(len(picture.pixels), has_mask=layout.has_mask)
    checksums.add(picture.pixels, mask)
    with hardened_gdal(), open_canvas(layout, context.workspace, block_size=options.blocksize) as canvas:
        canvas.write(0, picture.pixels, mask)
        write_cog(canvas, options=options, checksums=checksums.hex(), uri=uri, context=context)


def _layout(picture: Picture, grid: LowZoomGrid, header: Header) -> Layout:
    """A mask only where it says more than that all is there."""
    first = header.bands[0]
    has_alpha = any(band.color.name == "alpha" for band in header.bands)
    says_it_otherwise = has_alpha or first.nodata is not None
    return Layout(
        width=grid.width,
        height=grid.height,
        dtype=picture.pixels.dtype.name,
        crs=grid.crs,
        transform=grid.transform,
        nodata=first.nodata,
        bands=tuple(
            BandLayout(band.color, band.name, band.scale, band.offset, band.unit, band.palette)
            for band in header.bands
        ),
        has_mask=not says_it_otherwise and not bool(picture.valid.all()),
        tags=header.tags,
    )


def _mask(picture: Picture) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.where(picture.valid, _SHOWN, _HIDDEN).astype(np.uint8)
