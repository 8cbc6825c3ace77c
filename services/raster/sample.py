"""A cheap look at the pixels: a few blocks spread over the raster, or all of a small one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.windows import Window

from services.raster.reading import OpenRaster

_SIDE = 512
_WHOLE_BYTES = 16 * 2**20
_MAX_BYTES = 64 * 2**20
_GRID = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """`chunks` are pairs (pixels, valid) of shape (bands, rows, columns); `is_whole`: there are no others."""

    chunks: tuple[tuple[np.ndarray, np.ndarray], ...]
    is_whole: bool

    @property
    def has_data(self) -> bool:
        """Whether any pixel of any band counts."""
        return any(bool(valid.any()) for _, valid in self.chunks)

    def band(self, number: int) -> np.ndarray:
        """The valid values of a band (from 1), flat."""
        return np.concatenate([data[number - 1][valid[number - 1]] for data, valid in self.chunks])


def take_sample(opened: OpenRaster, *, on_progress: Callable[[float], None] = lambda _: None) -> Sample:
    """Read the sample. Read errors are the caller's to translate: `open_raster` does, inside its block.

    The corners and edges are in it, so that a file that was cut off shows where its last block is read.
    """
    dataset = opened.pixels
    is_whole = opened.pixel_bytes <= _WHOLE_BYTES
    windows = [Window(0, 0, dataset.width, dataset.height)] if is_whole else list(_spread(opened))
    chunks = []
    for done, window in enumerate(windows, start=1):
        data = dataset.read(window=window)
        chunks.append((data, valid_pixels(dataset, data, window)))
        on_progress(done / len(windows))
    return Sample(tuple(chunks), is_whole)


def valid_pixels(dataset: Any, data: np.ndarray, window: Window) -> np.ndarray:
    """Which of `data` (bands, rows, columns) count: not masked, not nodata, and numbers."""
    valid = dataset.read_masks(window=window) != 0
    return np.asarray(valid & np.isfinite(data) if data.dtype.kind == "f" else valid)


def _spread(opened: OpenRaster) -> Iterator[Window]:
    """Nine windows, in a grid that touches all four edges, cut along the blocks of the file."""
    dataset = opened.pixels
    per_pixel = max(1, opened.pixel_bytes // (dataset.width * dataset.height))
    side = max(16, min(_SIDE, int((_MAX_BYTES / _GRID**2 / per_pixel) ** 0.5)))
    rows, columns = dataset.block_shapes[0]
    for top in _places(dataset.height, block=rows, side=side):
        for left in _places(dataset.width, block=columns, side=side):
            width, height = min(side, dataset.width - left), min(side, dataset.height - top)
            yield Window(left, top, width, height)


def _places(length: int, *, block: int, side: int) -> list[int]:
    """Begins of three windows along an axis: the first, one in the middle, and the last."""
    cell = block * max(1, side // block)
    cells = -(-length // cell)
    return sorted({int(place) * cell for place in np.linspace(0, cells - 1, _GRID)})
