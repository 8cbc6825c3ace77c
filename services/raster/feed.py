"""Pixels and mask of a source, in rows, as they go into the output."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from services.raster.canvas import BandLayout, Layout
from services.raster.header import has_dataset_mask
from services.raster.profiles import ResolvedOptions
from services.raster.reading import OpenRaster
from services.raster.warp import read_cells, target_grid, warped


@dataclass(frozen=True, slots=True)
class Feed:
    """A window of a dataset, read once from top to bottom.

    Attributes:
        dataset: what is read: a source, or its reprojection.
        window: the part of it that is wanted.
        layout: of the output: the bands without those that become the mask.
        alpha: the number of the band that becomes the mask.
        nodata: what does not count as data among the pixels.
        masks_nodata: pixels that are nodata in all bands are masked.
        in_cells: the dataset computes its pixels; see `warp`.
        rows_at_a_time: how many rows are read in one call, None for all that are wanted. The blocks of one
            row lie one after the other in a file, and GDAL asks a remote store for them in one request;
            for several rows of blocks it asks in many small ones, which cost the store three times as much.
    """

    dataset: Any
    window: Window
    layout: Layout
    alpha: int | None
    nodata: float | None
    masks_nodata: bool
    in_cells: bool
    rows_at_a_time: int | None = None

    def read(self, top: int, out: np.ndarray) -> np.ndarray | None:
        """Fill `out` (bands, rows, columns) with the rows from `top` on; their mask (0 or 255), if any."""
        window = Window(self.window.col_off, self.window.row_off + top, self.window.width, out.shape[1])
        if self.in_cells:
            every = np.empty((self.dataset.count, *out.shape[1:]), dtype=out.dtype)
            read_cells(self.dataset, window, every)
            out[:] = every[: len(out)]
            return self._mask(out, window, None if self.alpha is None else every[self.alpha - 1])
        bands = list(range(1, len(out) + 1))
        step = self.rows_at_a_time or window.height
        for row in range(0, window.height, step):
            rows = min(step, window.height - row)
            part = Window(window.col_off, window.row_off + row, window.width, rows)
            self.dataset.read(indexes=bands, window=part, out=out[:, row : row + rows])
        alpha = None if self.alpha is None else self.dataset.read(self.alpha, window=window)
        return self._mask(out, window, alpha)

    def _mask(self, pixels: np.ndarray, window: Window, alpha: np.ndarray | None) -> np.ndarray | None:
        if not self.layout.has_mask:
            return None
        if alpha is not None:
            return _as_mask(alpha != 0)
        if self.masks_nodata and self.nodata is not None:
            kept = ~np.isnan(pixels) if np.isnan(self.nodata) else pixels != self.nodata
            return _as_mask(kept.any(axis=0))
        mask: np.ndarray = self.dataset.read_masks(1, window=window)
        return mask


def _as_mask(valid: np.ndarray) -> np.ndarray:
    return valid.view(np.uint8) * np.uint8(255)


@contextmanager
def open_feed(opened: OpenRaster, options: ResolvedOptions) -> Iterator[Feed]:
    """The pixels of `opened`, reprojected if that is asked for.

    Raises:
        PermanentTaskError: what `target_grid` says.
    """
    if not options.reprojects:
        yield feed(opened, opened.pixels, options)
        return
    with warped(opened.pixels, target_grid(opened.pixels, options), options) as target:
        yield feed(opened, target, options)


def feed(opened: OpenRaster, dataset: Any, options: ResolvedOptions, *, window: Window | None = None) -> Feed:
    """The feed of `dataset` (`opened.pixels`, or its reprojection), or of a window of it.

    An alpha band that a reprojection has added becomes a mask: the output keeps the bands of the source.
    """
    part = window or Window(0, 0, dataset.width, dataset.height)
    has_alpha = dataset.colorinterp[-1] is ColorInterp.alpha
    is_added = dataset.count > len(opened.header.bands)
    becomes_mask = has_alpha and (is_added or options.alpha_to_mask)
    masks_nodata = options.nodata_to_mask and not becomes_mask
    # A reprojection has spent the mask of its source: on its alpha band, or on its nodata value.
    has_mask = becomes_mask or masks_nodata or has_dataset_mask(dataset)
    return Feed(
        dataset=dataset,
        window=part,
        layout=Layout(
            width=part.width,
            height=part.height,
            dtype=dataset.dtypes[0],
            crs=dataset.crs,
            transform=dataset.window_transform(part),
            nodata=options.cog_nodata,
            bands=_bands(opened)[: dataset.count - becomes_mask],
            has_mask=has_mask,
            tags=opened.header.tags,
        ),
        alpha=dataset.count if becomes_mask else None,
        nodata=options.nodata,
        masks_nodata=masks_nodata,
        in_cells=dataset is not opened.pixels or opened.is_warped,
        rows_at_a_time=_block_rows(opened),
    )


def _block_rows(opened: OpenRaster) -> int | None:
    """The height of the blocks of a tiled file that is read where it lies."""
    rows, columns = opened.header.bands[0].block_shape
    is_remote = bool(opened.source.options)
    return rows if is_remote and columns < opened.header.width else None


def _bands(opened: OpenRaster) -> tuple[BandLayout, ...]:
    return tuple(
        BandLayout(
            color=band.color,
            name=band.name,
            scale=band.scale,
            offset=band.offset,
            unit=band.unit,
            palette=band.palette,
        )
        for band in opened.header.bands
    )
