"""Where pixels lie between the source and the COG: in memory while they are few, else in a file.

The COG is made from this canvas, never from the file of a stranger: it holds what we name and nothing
else, its blocks are of a size of ours, and GDAL's COG driver may read it twice (it does, for the
overviews), where a reprojection would be computed twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.transform import Affine
from rasterio.windows import Window

from services.raster.environment import writing

MEMORY_BUDGET_BYTES = 512 * 2**20
"""Pixels and mask of a raster up to this size stay in memory."""

Palette = dict[int, tuple[int, int, int, int]]

_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}
_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@dataclass(frozen=True, slots=True)
class BandLayout:
    """One band of an output, all but its pixels."""

    color: ColorInterp
    name: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None
    palette: Palette | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """An output, all but its pixels. `has_mask`: a mask lies beside the bands."""

    width: int
    height: int
    dtype: str
    crs: CRS
    transform: Affine
    nodata: float | None
    bands: tuple[BandLayout, ...]
    has_mask: bool
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def pixel_bytes(self) -> int:
        """Of all bands and the mask, uncompressed."""
        pixel_bytes = len(self.bands) * np.dtype(self.dtype).itemsize + self.has_mask
        return self.width * self.height * pixel_bytes


class Canvas(Protocol):
    """Takes pixels in rows from top to bottom, and becomes a dataset once it has all of them."""

    in_memory: bool

    def rows(self, top: int, height: int) -> np.ndarray:
        """An array (bands, rows, columns) for the next rows, to be filled and given to `write`."""

    def write(self, top: int, data: np.ndarray, mask: np.ndarray | None) -> None:
        """Keep these rows; `mask` (rows, columns) is 0 or 255.

        Raises:
            TransientError: OUTPUT_FAILED.
        """

    def dataset(self) -> Any:
        """A rasterio dataset of all that was written; a context manager that closes it."""


@contextmanager
def open_canvas(
    layout: Layout, workspace: Path, *, block_size: int, budget_bytes: int = MEMORY_BUDGET_BYTES
) -> Iterator[Canvas]:
    """A canvas that leaves nothing behind."""
    if layout.pixel_bytes <= budget_bytes:
        yield _MemoryCanvas(layout)
        return
    path = workspace / "canvas.tif"
    try:
        with _FileCanvas(layout, path, block_size=block_size) as canvas:
            yield canvas
    finally:
        path.unlink(missing_ok=True)


class _MemoryCanvas:
    """Arrays of numpy's that GDAL's MEM driver reads in place."""

    in_memory = True

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        shape = layout.height, layout.width
        self._pixels = np.empty((len(layout.bands), *shape), dtype=layout.dtype)
        self._mask = np.empty(shape, dtype=np.uint8) if layout.has_mask else None

    def rows(self, top: int, height: int) -> np.ndarray:
        """See `Canvas`. The rows themselves: what is read into them is not copied."""
        return self._pixels[:, top : top + height]

    def write(self, top: int, data: np.ndarray, mask: np.ndarray | None) -> None:
        """See `Canvas`."""
        if not np.shares_memory(data, self._pixels):
            self.rows(top, data.shape[1])[:] = data
        if self._mask is not None and mask is not None:
            self._mask[top : top + mask.shape[0]] = mask

    @contextmanager
    def dataset(self) -> Iterator[Any]:
        """See `Canvas`."""
        with (
            writing(),
            rasterio.Env(GDAL_MEM_ENABLE_OPEN="YES"),
            _opened_in_place(self._pixels, self._layout) as opened,
        ):
            _write_header(opened, self._layout)
            if self._mask is not None:
                opened.write_mask(self._mask)
            yield opened


@contextmanager
def _opened_in_place(pixels: np.ndarray, layout: Layout) -> Iterator[Any]:
    """Source: GDAL's MEM driver, "Opening an in-memory array"."""
    a, b, c, d, e, f = layout.transform[:6]
    parts = {
        "DATAPOINTER": pixels.ctypes.data,
        "PIXELS": layout.width,
        "LINES": layout.height,
        "BANDS": len(layout.bands),
        "DATATYPE": _GDAL_TYPES[layout.dtype],
        "GEOTRANSFORM": "/".join(map(repr, (c, a, b, f, d, e))),
    }
    name = "MEM:::" + ",".join(f"{key}={value}" for key, value in parts.items())
    with rasterio.open(name, "r+", driver="MEM") as dataset:
        dataset.crs = layout.crs
        dataset.nodata = layout.nodata
        yield dataset


class _FileCanvas:
    """A tiled GeoTIFF. ZSTD at its lowest level: as fast as the disk, and a fraction of the space."""

    in_memory = False

    def __init__(self, layout: Layout, path: Path, *, block_size: int) -> None:
        self._layout = layout
        self._path = path
        with writing():
            self._file = rasterio.open(path, "w", **_profile(layout, block_size))
            _write_header(self._file, layout)

    def __enter__(self) -> "_FileCanvas":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._file.closed:
            self._file.close()

    def rows(self, top: int, height: int) -> np.ndarray:  # noqa: ARG002 - rows of a file have no place
        """See `Canvas`."""
        return np.empty((len(self._layout.bands), height, self._layout.width), dtype=self._layout.dtype)

    def write(self, top: int, data: np.ndarray, mask: np.ndarray | None) -> None:
        """See `Canvas`."""
        window = Window(0, top, self._layout.width, data.shape[1])
        with writing():
            self._file.write(data, window=window)
            if mask is not None:
                self._file.write_mask(mask, window=window)

    @contextmanager
    def dataset(self) -> Iterator[Any]:
        """See `Canvas`."""
        with writing():
            self._file.close()
            with rasterio.open(self._path, driver="GTiff") as opened:
                yield opened


def _profile(layout: Layout, block_size: int) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "width": layout.width,
        "height": layout.height,
        "count": len(layout.bands),
        "dtype": layout.dtype,
        "crs": layout.crs,
        "transform": layout.transform,
        "nodata": layout.nodata,
        "photometric": _photometric([band.color for band in layout.bands]),
        "tiled": True,
        "blockxsize": block_size,
        "blockysize": block_size,
        "interleave": "pixel",
        "compress": "ZSTD",
        "ZSTD_LEVEL": 1,
        "NUM_THREADS": "ALL_CPUS",
        "BIGTIFF": "IF_SAFER",
    }


def _photometric(colors: list[ColorInterp]) -> str:
    if ColorInterp.palette in colors:
        return "PALETTE"
    return "RGB" if tuple(colors[:3]) == _RGB else "MINISBLACK"


def _write_header(dataset: Any, layout: Layout) -> None:
    """Before the pixels: TIFF cannot change these once they are written."""
    bands = layout.bands
    dataset.colorinterp = tuple(band.color for band in bands)
    for number, band in enumerate(bands, start=1):
        if band.palette:
            dataset.write_colormap(number, band.palette)
    dataset.descriptions = tuple(band.name for band in bands)
    dataset.scales = tuple(band.scale for band in bands)
    dataset.offsets = tuple(band.offset for band in bands)
    dataset.units = tuple(band.unit for band in bands)
    dataset.update_tags(**layout.tags)
