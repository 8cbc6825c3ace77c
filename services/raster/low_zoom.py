"""The whole of a mosaic at low resolution, drawn from the overviews of its parts.

A tile of zoom 0 would have to open every part. One small COG answers instead, up to the zoom at which a tile
meets a handful of parts. Each part is read at the overview that is just fine enough and brought onto the
grid of the whole; where parts overlap, the first one that has data shows. Memory is bounded by the picture,
which is at most `MAX_SIDE` pixels a side and `MAX_BYTES`, however large the mosaic.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from core.task_models.raster import RasterDescription
from core.task_models.raster_mosaic import MosaicPart

MAX_SIDE = 16_384
MAX_BYTES = 256 * 2**20
_LEAST_SIDE = 512
_THREADS = 4
_POINTS_PER_EDGE = 9
_ROUNDING = 1e-3  # of a pixel of the picture
_ABOUT = 1.01
_LEAST_OVERVIEW = 512
"""Pixels: what the smallest overview of a part has left at most, so that reading it is reading one block."""

Access = Callable[[MosaicPart], AbstractContextManager[str]]
"""GDAL's name of a part, and the environment in which it can be opened: of the thread that enters it."""


@dataclass(frozen=True, slots=True)
class LowZoomGrid:
    """The grid of the picture. `factor`: how many pixels of the whole one of its pixels spans."""

    crs: CRS
    transform: Affine
    width: int
    height: int
    factor: int


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels` (bands, rows, columns), and `valid` (rows, columns) where any part has data."""

    pixels: np.ndarray
    valid: np.ndarray


def low_zoom_grid(description: RasterDescription, *, part_side: int) -> LowZoomGrid:
    """The grid of the whole, coarser by a power of two.

    So coarse that a part of `part_side` pixels is read from its last overview, coarser where the picture
    would be too large, finer where it would be tiny.
    """
    pixel_bytes = sum(np.dtype(dtype).itemsize for dtype in description.dtypes)
    factor = 2 ** max(1, math.ceil(math.log2(max(part_side, 1) / _LEAST_OVERVIEW)))
    longest = max(description.width, description.height)
    while factor > 2 and longest / factor < _LEAST_SIDE:
        factor //= 2
    while longest / factor > MAX_SIDE or _picture_bytes(description, factor, pixel_bytes) > MAX_BYTES:
        factor *= 2
    return LowZoomGrid(
        crs=CRS.from_user_input(description.crs),
        transform=Affine(*description.transform) @ Affine.scale(factor),
        width=math.ceil(description.width / factor),
        height=math.ceil(description.height / factor),
        factor=factor,
    )


def _picture_bytes(description: RasterDescription, factor: int, pixel_bytes: int) -> float:
    return description.width / factor * description.height / factor * pixel_bytes


def draw(
    parts: Sequence[MosaicPart],
    grid: LowZoomGrid,
    *,
    description: RasterDescription,
    resampling: Resampling,
    access: Access,
    on_progress: Callable[[float], None],
) -> Picture:
    """All parts on the grid. `on_progress` is called between parts, and may raise to stop.

    Errors of reading are the caller's to translate.
    """
    fill = 0 if description.nodata is None else float(description.nodata)
    shape = (description.band_count, grid.height, grid.width)
    picture = Picture(
        pixels=np.full(shape, fill, dtype=description.dtypes[0]),
        valid=np.zeros(shape[1:], dtype=bool),
    )
    read = lambda part: _read(part, grid, resampling=resampling, access=access)  # noqa: E731
    remaining, done = iter(parts), 0
    with ThreadPoolExecutor(_THREADS) as pool:
        while batch := list(islice(remaining, 4 * _THREADS)):
            for piece in pool.map(read, batch):
                if piece is not None:
                    _paint(picture, piece)
            done += len(batch)
            on_progress(done / len(parts))
    return picture


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one part shows: `pixels` and `valid` from (row, column) of the picture on."""

    row: int
    column: int
    pixels: np.ndarray
    valid: np.ndarray


def _paint(picture: Picture, piece: _Piece) -> None:
    rows, columns = piece.valid.shape
    place = (slice(piece.row, piece.row + rows), slice(piece.column, piece.column + columns))
    free = piece.valid & ~picture.valid[place]
    picture.pixels[(slice(None), *place)][:, free] = piece.pixels[:, free]
    picture.valid[place] |= free


def _read(part: MosaicPart, grid: LowZoomGrid, *, resampling: Resampling, access: Access) -> _Piece | None:
    """What the part shows; None where it does not meet the grid."""
    columns, rows = _extent(part, grid)
    window = _pixels_within(columns, rows, grid)
    if window is None:
        return None
    ratio = math.sqrt(part.width * part.height / (np.ptp(columns) * np.ptp(rows)))
    with access(part) as name, _opened(name, ratio) as dataset:
        has_alpha = ColorInterp.alpha in dataset.colorinterp
        with WarpedVRT(
            dataset,
            crs=grid.crs,
            transform=grid.transform @ Affine.translation(window.col_off, window.row_off),
            width=window.width,
            height=window.height,
            resampling=resampling,
            add_alpha=dataset.nodata is None and not has_alpha,
        ) as vrt:
            pixels, valid = vrt.read(), vrt.dataset_mask() != 0
            return _Piece(window.row_off, window.col_off, pixels[: dataset.count], valid)


def _extent(part: MosaicPart, grid: LowZoomGrid) -> tuple[np.ndarray, np.ndarray]:
    """The outline of the part, in columns and rows of the grid; all of the grid where it has none there."""
    steps = np.linspace(0, 1, _POINTS_PER_EDGE)
    low, high = np.zeros_like(steps), np.ones_like(steps)
    across = np.concatenate([steps, high, steps, low]) * part.width
    down = np.concatenate([low, steps, high, steps]) * part.height
    xs, ys = Affine(*part.transform) @ (across, down)
    crs = CRS.from_user_input(part.crs)
    if crs != grid.crs:
        xs, ys = Transformer.from_crs(crs, grid.crs, always_xy=True).transform(xs, ys)
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        return np.array([0, grid.width]), np.array([0, grid.height])
    columns, rows = ~grid.transform @ (xs, ys)
    return columns, rows


def _pixels_within(columns: np.ndarray, rows: np.ndarray, grid: LowZoomGrid) -> Window | None:
    """Every pixel of the grid that the outline touches, but for rounding."""
    left, right = _span(columns, grid.width)
    top, bottom = _span(rows, grid.height)
    return Window(left, top, right - left, bottom - top) if left < right and top < bottom else None


def _span(positions: np.ndarray, size: int) -> tuple[int, int]:
    first = math.floor(positions.min() + _ROUNDING)
    last = math.ceil(positions.max() - _ROUNDING)
    return max(first, 0), min(last, size)


@contextmanager
def _opened(name: str, ratio: float) -> Iterator[Any]:
    """The COG at the coarsest overview that still has `ratio` pixels of full resolution to one of its own."""
    with rasterio.open(name, driver="GTiff") as whole:
        fit = [factor for factor in whole.overviews(1) if factor <= ratio * _ABOUT]
    if not fit:
        with rasterio.open(name, driver="GTiff", OVERVIEW_LEVEL="NONE") as dataset:
            yield dataset
        return
    with rasterio.open(name, driver="GTiff", overview_level=len(fit) - 1) as dataset:
        yield dataset
