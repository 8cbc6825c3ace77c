"""Reprojection: the target grid, and how its pixels are computed so that every cut of them is the same.

The grid: north up, square pixels, its edges on multiples of the pixel size (as `gdalwarp -tap`), so that
rasters reprojected apart lie on one lattice. Without a resolution asked for, it is the one that keeps the
number of pixels along the diagonal (GDAL's suggestion).

The pixels: GDAL approximates the transformation (to an eighth of a pixel) and chooses its filter for the
chunk that is asked for, so that the value of a pixel would depend on the window it was read in. Hence the
filter is fixed for the whole grid, and pixels are only ever computed in whole `CELL`s of the grid: a tile
cut along cells holds what the whole image holds there, to the bit.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio._err import CPLE_BaseError  # what rasterio.warp.transform raises; it has no public name
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform, transform
from rasterio.windows import Window

from core.errors import PermanentTaskError
from services.raster.admission import DEFAULT_LIMITS, Limits
from services.raster.profiles import ResolvedOptions

CELL = 1024
"""Pixels a side of what is warped at once. What is cut along multiples of it costs no cell twice."""

_WARP_MEMORY_MB = 256
_WEB_MERCATOR = 3857
_MERCATOR_LATITUDE = 85.0511287798066
_MERCATOR_EDGE = 20037508.342789244
_STEPS = ((0, 0), (1, 0), (0, 1))
_ON_THE_LATTICE = 1e-6
"""Pixels: an edge this close to a multiple of the pixel size is one, but for rounding."""


Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top."""


@dataclass(frozen=True, slots=True)
class TargetGrid:
    """Where the pixels of a reprojected raster lie.

    `scale`: how many of its pixels one of the source takes along its columns and its rows, in the middle
    of the raster, at most 1. Below 1 the filter is widened by as much.
    """

    crs: CRS
    transform: Affine
    width: int
    height: int
    scale: tuple[float, float]


def target_grid(dataset: Any, options: ResolvedOptions, *, limits: Limits = DEFAULT_LIMITS) -> TargetGrid:
    """The grid that `dataset` is reprojected to; the same at every call.

    Raises:
        PermanentTaskError: REPROJECTION_FAILED when the raster cannot be placed in the target CRS,
            TARGET_TOO_LARGE when the grid has too many pixels, or none.
    """
    crs = CRS.from_user_input(options.target_crs) if options.target_crs else dataset.crs
    suggested, bounds = _suggested(dataset, crs)
    size = options.target_resolution or suggested
    left, bottom, right, top = (edge / size for edge in bounds)
    first_column, last_column = _snapped(left, math.floor), _snapped(right, math.ceil)
    first_row, last_row = _snapped(top, math.ceil), _snapped(bottom, math.floor)
    if crs.is_geographic:
        first_row = min(first_row, _snapped(90 / size, math.floor))
        last_row = max(last_row, _snapped(-90 / size, math.ceil))
    width, height = last_column - first_column, first_row - last_row
    _check_size(width, height, dataset=dataset, limits=limits)
    return TargetGrid(
        crs=crs,
        transform=Affine(size, 0.0, first_column * size, 0.0, -size, first_row * size),
        width=width,
        height=height,
        scale=_scale(dataset, crs, size),
    )


def warped(dataset: Any, grid: TargetGrid, options: ResolvedOptions) -> WarpedVRT:
    """`dataset` on `grid`, to be read in whole cells. Where it does not reach is nodata, or alpha 0.

    The alpha band is the last one; it is added where there is neither a nodata value nor an alpha band.
    """
    has_alpha = ColorInterp.alpha in dataset.colorinterp
    nodata = None if has_alpha else options.nodata
    return WarpedVRT(
        dataset,
        crs=grid.crs,
        transform=grid.transform,
        width=grid.width,
        height=grid.height,
        resampling=Resampling[options.resampling.value],
        src_nodata=None if nodata is None else dataset.nodata,
        nodata=nodata,
        add_alpha=nodata is None and not has_alpha,
        warp_mem_limit=_WARP_MEMORY_MB,
        XSCALE=repr(grid.scale[0]),
        YSCALE=repr(grid.scale[1]),
        NUM_THREADS="ALL_CPUS",
    )


def read_cells(vrt: Any, window: Window, out: np.ndarray) -> None:
    """Fill `out` (bands, rows, columns) with the window, computing each cell that it touches as a whole."""
    bottom, right = window.row_off + window.height, window.col_off + window.width
    for cell in _cells(vrt, window):
        top, low = max(cell.row_off, window.row_off), min(cell.row_off + cell.height, bottom)
        left, far = max(cell.col_off, window.col_off), min(cell.col_off + cell.width, right)
        pixels = vrt.read(window=cell)
        out[:, top - window.row_off : low - window.row_off, left - window.col_off : far - window.col_off] = (
            pixels[:, top - cell.row_off : low - cell.row_off, left - cell.col_off : far - cell.col_off]
        )


def _cells(vrt: Any, window: Window) -> Iterator[Window]:
    for row in range(window.row_off // CELL * CELL, window.row_off + window.height, CELL):
        for column in range(window.col_off // CELL * CELL, window.col_off + window.width, CELL):
            yield Window(column, row, min(CELL, vrt.width - column), min(CELL, vrt.height - row))


def _suggested(dataset: Any, crs: CRS) -> tuple[float, Bounds]:
    """The pixel size and the bounds of GDAL's suggestion, which follows rotated grids as well.

    Web Mercator ends at 85.05 degrees north and south, where the world is a square; without that, a raster
    that reaches a pole would reach infinity.
    """
    try:
        if crs.to_epsg() != _WEB_MERCATOR:
            return _suggested_by_gdal(dataset, crs)
        size, bounds = _suggested_for_mercator(dataset, crs)
    except (CRSError, RasterioError, CPLE_BaseError) as exc:
        raise _not_on_the_map() from exc
    left, bottom, right, top = (min(max(edge, -_MERCATOR_EDGE), _MERCATOR_EDGE) for edge in bounds)
    if left >= right or bottom >= top:
        raise _not_on_the_map()
    return size, (left, bottom, right, top)


def _suggested_by_gdal(dataset: Any, crs: CRS) -> tuple[float, Bounds]:
    with WarpedVRT(dataset, crs=crs) as vrt:
        return abs(vrt.transform.a), tuple(vrt.bounds)


def _suggested_for_mercator(dataset: Any, crs: CRS) -> tuple[float, Bounds]:
    left, bottom, right, top = dataset.bounds
    is_upright = dataset.transform.b == dataset.transform.d == 0 > dataset.transform.e
    if (
        not dataset.crs.is_geographic
        or not is_upright
        or (bottom >= -_MERCATOR_LATITUDE and top <= _MERCATOR_LATITUDE)
    ):
        return _suggested_by_gdal(dataset, crs)
    low, high = max(bottom, -_MERCATOR_LATITUDE), min(top, _MERCATOR_LATITUDE)
    if low >= high:
        raise _not_on_the_map()
    rows = max(1, round(dataset.height * (high - low) / (top - bottom)))
    affine, width, height = calculate_default_transform(
        dataset.crs, crs, dataset.width, rows, left=left, bottom=low, right=right, top=high
    )
    corner = affine @ (width, height)
    return affine.a, (affine.c, corner[1], corner[0], affine.f)


def _not_on_the_map() -> PermanentTaskError:
    return PermanentTaskError(
        "The raster cannot be reprojected: it lies where the target CRS is not defined.",
        code="REPROJECTION_FAILED",
        remedy="Ask for a target CRS whose area of use holds the raster.",
    )


def _snapped(edge: float, outward: Callable[[float], int]) -> int:
    nearest = round(edge)
    return nearest if abs(edge - nearest) < _ON_THE_LATTICE else outward(edge)


def _scale(dataset: Any, crs: CRS, size: float) -> tuple[float, float]:
    """From the steps of one pixel to the right and one down, in the middle of the raster."""
    middle = dataset.width / 2, dataset.height / 2
    corners = [dataset.transform @ (middle[0] + step[0], middle[1] + step[1]) for step in _STEPS]
    try:
        xs, ys = transform(dataset.crs, crs, *(list(axis) for axis in zip(*corners, strict=True)))
    except CPLE_BaseError:  # the middle of the raster is not on the map of the target CRS
        return 1.0, 1.0
    across = math.hypot(xs[1] - xs[0], ys[1] - ys[0]) / size
    down = math.hypot(xs[2] - xs[0], ys[2] - ys[0]) / size
    return _at_most_one(across), _at_most_one(down)


def _at_most_one(step: float) -> float:
    """Where the target CRS is not defined the steps are infinite, or not numbers."""
    return min(1.0, step) if 0 < step < math.inf else 1.0


def _check_size(width: int, height: int, *, dataset: Any, limits: Limits) -> None:
    pixel_bytes = width * height * sum(np.dtype(dtype).itemsize for dtype in dataset.dtypes)
    is_possible = width >= 1 and height >= 1 and max(width, height) <= limits.max_side
    if is_possible and pixel_bytes <= limits.max_pixel_bytes:
        return
    raise PermanentTaskError(
        f"The reprojected raster would have {width} x {height} pixels ({pixel_bytes} bytes).",
        code="TARGET_TOO_LARGE",
        remedy="Ask for another target_resolution; it is in units of the target CRS.",
        context={"width": width, "height": height, "limit_bytes": limits.max_pixel_bytes},
    )
