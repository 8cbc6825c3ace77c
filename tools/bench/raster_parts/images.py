"""Large images that compress like photographs of the ground: hills, fields, texture, and a little noise.

They are computed and written in strips, so that their size is a matter of the disk alone. The same
arguments give the same pixels.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import Affine, from_origin
from rasterio.windows import Window

_STRIP = 512
_PIXEL_METRES = 0.5
# How many cells of noise lie over 8000 pixels, and how strong it is: from the land to the grass.
_OCTAVES = ((5, 40.0), (31, 25.0), (127, 14.0), (611, 9.0), (2500, 6.0))
_COLORS = ((1.0, 110.0), (0.9, 105.0), (0.7, 90.0))
_GRAIN = 3.0


def picture(path: Path, *, width: int, height: int, seed: int = 1, utm_zone: int = 33) -> Path:
    """A tiled GeoTIFF of three bytes a pixel, DEFLATE with a predictor; made only if it is not there."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with rasterio.open(unfinished, "w", **_profile(width, height, utm_zone)) as target:
        target.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        for top, pixels in strips(width=width, height=height, seed=seed):
            target.write(pixels, window=Window(0, top, width, pixels.shape[1]))
    unfinished.rename(path)
    return path


def strips(*, width: int, height: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    """Pairs of the first row and the pixels (bands, rows, columns) of a strip."""
    octaves = [_Octave(cells, width=width, height=height, seed=seed) for cells, _ in _OCTAVES]
    for top in range(0, height, _STRIP):
        rows = min(_STRIP, height - top)
        land = sum(
            strength * octave.rows(top, rows) for octave, (_, strength) in zip(octaves, _OCTAVES, strict=True)
        )
        grain = np.random.default_rng([seed, top]).standard_normal((3, rows, width), dtype=np.float32)
        bands = [
            np.clip(land * slope + offset + _GRAIN * noise, 0, 255).astype(np.uint8)
            for (slope, offset), noise in zip(_COLORS, grain, strict=True)
        ]
        yield top, np.stack(bands)


class _Octave:
    """Noise on a coarse grid, interpolated between its points."""

    def __init__(self, cells: int, *, width: int, height: int, seed: int) -> None:
        step = 8000 / cells
        shape = int(height / step) + 2, int(width / step) + 2
        self._step = step
        self._points = np.random.default_rng([seed, cells]).standard_normal(shape, dtype=np.float32)
        self._columns, self._across = _places(0, width, step)

    def rows(self, top: int, count: int) -> np.ndarray:
        lines, down = _places(top, count, self._step)
        down = down[:, None]
        coarse = self._points[lines] * (1 - down) + self._points[lines + 1] * down
        before, after = coarse[:, self._columns], coarse[:, self._columns + 1]
        rows: np.ndarray = before * (1 - self._across) + after * self._across
        return rows


def _places(start: int, count: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """The grid point before each pixel, and how far it is from there to the next one (0 to 1)."""
    places = np.arange(start, start + count, dtype=np.float64) / step
    before = places.astype(np.int64)
    return before, (places - before).astype(np.float32)


def _profile(width: int, height: int, utm_zone: int) -> dict[str, object]:
    transform: Affine = from_origin(500_000.0, 5_300_000.0, _PIXEL_METRES, _PIXEL_METRES)
    return {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 3,
        "dtype": "uint8",
        "crs": f"EPSG:{32600 + utm_zone}",
        "transform": transform,
        "photometric": "RGB",
        "tiled": True,
        "blockxsize": 512,
        "blockysize": 512,
        "interleave": "pixel",
        "compress": "DEFLATE",
        "predictor": 2,
        "num_threads": "ALL_CPUS",
        "bigtiff": "IF_SAFER",
    }
