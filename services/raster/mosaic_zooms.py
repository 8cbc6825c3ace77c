"""Between which zooms a mosaic is read part by part. WebMercatorQuad, tiles of 256 pixels. Pure."""

import math

import morecantile
from rasterio.crs import CRS
from rasterio.warp import calculate_default_transform

_WEB_MERCATOR = morecantile.tms.get("WebMercatorQuad")
_MERCATOR_CRS = CRS.from_epsg(3857)
MAX_ZOOM = 24


def zoom_at_most(resolution: float) -> int:
    """The finest zoom whose pixels are not finer than `resolution` (units of EPSG:3857); at least 0."""
    zoom: int = _WEB_MERCATOR.zoom_for_res(resolution, max_z=MAX_ZOOM, zoom_level_strategy="lower")
    return zoom


def zoom_nearest(resolution: float) -> int:
    """The zoom at which a raster of this resolution is shown pixel by pixel, as rio-tiler has it."""
    zoom: int = _WEB_MERCATOR.zoom_for_res(resolution, max_z=MAX_ZOOM, zoom_level_strategy="auto")
    return zoom


def mercator_resolution(
    crs: CRS, bounds: tuple[float, float, float, float], *, width: int, height: int
) -> float:
    """The size of a pixel in units of EPSG:3857, by GDAL's rule of equal diagonals."""
    if crs == _MERCATOR_CRS:
        return (bounds[2] - bounds[0]) / width
    inside = _off_the_poles(bounds) if crs.is_geographic else bounds
    transform, _, _ = calculate_default_transform(crs, _MERCATOR_CRS, width, height, *inside)
    return math.hypot(transform.a, transform.d)


def _off_the_poles(bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Web Mercator ends at 85 degrees; the poles lie at infinity."""
    left, bottom, right, top = bounds
    return left, max(bottom, -85.0), right, min(top, 85.0)
