"""Hillshade and slope, by GDAL's implementation (`gdaldem`), on true ground distances.

gdaldem takes pixels to be of one size, in units of the elevations. In degrees, and in Web Mercator, they
are not: the raster is shaded in strips along parallels, each with the size that its pixels have there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.shutil import copy
from rasterio.windows import Window
from rio_cogeo.cogeo import cog_validate

from core.task_models.raster import Rendering
from core.task_models.raster_terrain import TerrainOptions, TerrainProductName
from services.context import TaskContext
from services.raster.elevation import NO_ELEVATION, ElevationRows, row_chunks
from services.raster.environment import writing
from services.raster.ground import pixel_size
from services.raster.osgeo_gdal import bindings
from services.raster.verify import invalid_cog

_STRIP_METRES = 5_500.0  # a twentieth of a degree: within it, a pixel changes by 0.2 % at 60 degrees north
_FULL_SLOPE = 60.0


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a product is stored. `nodata` is the value that gdaldem itself gives to pixels without data."""

    dtype: str
    nodata: float
    unit: str | None
    rendering: Rendering


_KINDS = {
    TerrainProductName.HILLSHADE: _Kind(
        "uint8", 0, None, Rendering(title="Hillshade", resampling="bilinear")
    ),
    TerrainProductName.SLOPE: _Kind(
        "float32",
        -9999,
        "degree",
        Rendering(
            title="Slope",
            rescale=((0.0, _FULL_SLOPE),),
            colormap_name="ylorbr",
            resampling="bilinear",
            unit="degree",
        ),
    ),
}


def unit_of(product: TerrainProductName) -> str | None:
    """The unit of the values, in UDUNITS' words."""
    return _KINDS[product].unit


def rendering_of(product: TerrainProductName) -> Rendering:
    """How it is shown by default."""
    return _KINDS[product].rendering


def write_relief(
    dem: Any, target: Path, *, product: TerrainProductName, options: TerrainOptions, context: TaskContext
) -> None:
    """Write the product of the open `dem` as a COG on the same grid, valid wherever the elevations are.

    Slopes are in degrees from 0 to 90, brightnesses from 1 to 255. Memory is bounded by strips.

    Raises:
        TransientError: OUTPUT_FAILED.
        ContractViolation: COG_INVALID.
    """
    plain = target.with_suffix(".plain.tif")
    kind = _KINDS[product]
    profile = {
        "width": dem.width,
        "height": dem.height,
        "count": 1,
        "dtype": kind.dtype,
        "crs": dem.crs,
        "transform": dem.transform,
        "nodata": kind.nodata,
    }
    with writing(), rasterio.open(plain, "w", driver="GTiff", BIGTIFF="IF_SAFER", **profile) as output:
        output.colorinterp = (ColorInterp.gray,)
        output.set_band_description(1, product.value)
        if kind.unit:
            output.set_band_unit(1, kind.unit)
        for chunk in row_chunks(dem):
            for top, rows in _shaded(dem, chunk, product=product, options=options):
                output.write(rows, 1, window=Window(0, top, dem.width, len(rows)))
                context.checkpoint(0.2 + 0.5 * (top + len(rows)) / dem.height)
    _to_cog(plain, target)
    plain.unlink()


def _shaded(
    dem: Any, chunk: ElevationRows, *, product: TerrainProductName, options: TerrainOptions
) -> Iterator[tuple[int, np.ndarray]]:
    """The rows of a chunk, strip by strip, with the row that each strip begins at."""
    affine, end = tuple(dem.transform)[:6], chunk.top + chunk.count
    top = chunk.top
    while top < end:
        _, height = pixel_size(dem.crs, affine, column=dem.width / 2, row=top + 0.5)
        rows = min(max(1, int(_STRIP_METRES / height)), end - top)
        size = pixel_size(dem.crs, affine, column=dem.width / 2, row=top + rows / 2)
        first = top - chunk.top + chunk.skip
        above, below = min(first, 1), min(len(chunk.values) - first - rows, 1)
        values = chunk.values[first - above : first + rows + below]
        shaded = _processed(values, size, is_south_up=dem.transform.e > 0, product=product, options=options)
        yield top, shaded[above : above + rows]
        top += rows


def _processed(
    values: np.ndarray,
    size: tuple[float, float],
    *,
    is_south_up: bool,
    product: TerrainProductName,
    options: TerrainOptions,
) -> np.ndarray:
    """gdaldem on an array, whose pixels are as large as `size` (metres), told in units of the elevations.

    The outermost pixels are computed too, from the neighbours that there are.
    """
    gdal, gdal_array = bindings("gdal"), bindings("gdal_array")
    width, height = (metres / options.metres_per_unit for metres in size)
    source = gdal_array.OpenArray(values)
    source.SetGeoTransform((0, width, 0, 0, 0, height if is_south_up else -height))
    source.GetRasterBand(1).SetNoDataValue(NO_ELEVATION)
    how: dict[str, Any] = {"slopeFormat": "degree"}
    if product is TerrainProductName.HILLSHADE:
        how = {"azimuth": options.azimuth, "altitude": options.altitude}
    made = gdal.DEMProcessing("", source, product.value, format="MEM", computeEdges=True, alg="Horn", **how)
    return cast(np.ndarray, made.ReadAsArray())


def _to_cog(plain: Path, target: Path) -> None:
    with writing(), rasterio.open(plain, driver="GTiff") as dataset:
        copy(
            dataset,
            target,
            driver="COG",
            COMPRESS="DEFLATE",
            PREDICTOR="YES",
            BLOCKSIZE=512,
            OVERVIEWS="IGNORE_EXISTING",
            OVERVIEW_RESAMPLING="AVERAGE",
            BIGTIFF="IF_SAFER",
            NUM_THREADS="ALL_CPUS",
        )
    is_valid, errors, _ = cog_validate(target, quiet=True)
    if not is_valid:
        raise invalid_cog("; ".join(errors))
