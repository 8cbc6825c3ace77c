"""Between which zooms a mosaic is read part by part. WebMercatorQuad, tiles of 256 pixels. Pure."""

import math

import morecantile
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform

from services.raster.georeference import WGS84

_WEB_MERCATOR = morecantile.tms.get("WebMercatorQuad")
_MERCATOR_CRS = CRS.from_epsg(3857)
MAX_ZOOM = 24
_EQUATOR = 2 * math.pi * 6_378_137.0
_MERCATOR_LATITUDE = 85.05
_PLACES = (0.5, 0.25, 0.75, 0.1)


def zoom_at_most(resolution: float) -> int:
    """The finest zoom whose pixels are not finer than `resolution` (units of EPSG:3857); at least 0."""
    zoom: int = _WEB_MERCATOR.zoom_for_res(resolution, max_z=MAX_ZOOM, zoom_level_strategy="lower")
    return zoom


def zoom_nearest(resolution: float) -> int:
    """The zoom at which a raster of this resolution is shown pixel by pixel, as rio-tiler has it."""
    zoom: int = _WEB_MERCATOR.zoom_for_res(resolution, max_z=MAX_ZOOM, zoom_level_strategy="auto")
    return zoom


def mercator_resolution(crs: CRS, affine: Affine, *, width: int, height: int) -> float | None:
    """The size of a pixel in units of EPSG:3857; None for a raster that lies about a pole.

    Measured on one pixel in the middle, or off it where the middle is a pole: the extent as a whole means
    nothing in Mercator where it holds a pole or crosses the antimeridian.
    """
    for share in _PLACES:
        col, row = share * width, share * height
        xs, ys = zip(affine @ (col, row), affine @ (col + 1, row + 1), strict=True)
        lons, lats = transform(crs, WGS84, xs, ys)
        if all(
            math.isfinite(lon) and abs(lat) < _MERCATOR_LATITUDE for lon, lat in zip(lons, lats, strict=True)
        ):
            (x1, x2), (y1, y2) = transform(WGS84, _MERCATOR_CRS, lons, lats)
            dx = min(abs(x1 - x2), _EQUATOR - abs(x1 - x2))
            return math.hypot(dx, y1 - y2) / math.sqrt(2)
    return None
