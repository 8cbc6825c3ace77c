"""How long degrees and grid steps are on the ground."""

import math

from rasterio.crs import CRS
from rasterio.warp import transform

from services.raster.georeference import WGS84

Affine = tuple[float, float, float, float, float, float]

_BASELINE_METRES = 100.0
_MAX_BASELINE_PIXELS = 10_000
_SEMI_MAJOR_METRES = 6_378_137.0  # WGS 84 (EPSG:7030)
_ECCENTRICITY_SQUARED = 0.00669437999014


def metres_per_degree(latitude: float) -> tuple[float, float]:
    """The length of a degree of longitude and of one of latitude, on the ellipsoid of WGS 84.

    From the radii of curvature of the prime vertical and of the meridian (Snyder, Map Projections: A
    Working Manual, 1987, equations 4-18 and 4-20).
    """
    sine = math.sin(math.radians(latitude))
    root = math.sqrt(1 - _ECCENTRICITY_SQUARED * sine * sine)
    prime_vertical = _SEMI_MAJOR_METRES / root
    meridian = _SEMI_MAJOR_METRES * (1 - _ECCENTRICITY_SQUARED) / root**3
    east = math.radians(prime_vertical * math.cos(math.radians(latitude)))
    return east, math.radians(meridian)


def geocentric(longitude: float, latitude: float) -> tuple[float, float, float]:
    """A point of the ellipsoid in space, in metres from the centre of the earth."""
    sine, cosine = math.sin(math.radians(latitude)), math.cos(math.radians(latitude))
    prime_vertical = _SEMI_MAJOR_METRES / math.sqrt(1 - _ECCENTRICITY_SQUARED * sine * sine)
    return (
        prime_vertical * cosine * math.cos(math.radians(longitude)),
        prime_vertical * cosine * math.sin(math.radians(longitude)),
        prime_vertical * (1 - _ECCENTRICITY_SQUARED) * sine,
    )


def pixel_size(crs: CRS, affine: Affine, *, column: float, row: float) -> tuple[float, float]:
    """The width and the height of a pixel on the ground, in metres, at a place of the grid.

    Measured through space, so that degrees, feet, and the scale of a projection (that of Web Mercator is
    2 at 60 degrees north) all come out right, at the poles as elsewhere.
    """
    across, down = _steps(crs, affine, column=column, row=row, pixels=1)
    shorter = min(across, down)
    if shorter >= _BASELINE_METRES:
        return across, down
    # Degrees are exact to a tenth of a millimetre: too little for the pixels of a drone.
    pixels = math.ceil(_BASELINE_METRES / max(shorter, _BASELINE_METRES / _MAX_BASELINE_PIXELS))
    across, down = _steps(crs, affine, column=column, row=row, pixels=pixels)
    return across / pixels, down / pixels


def _steps(crs: CRS, affine: Affine, *, column: float, row: float, pixels: int) -> tuple[float, float]:
    half = pixels / 2
    places = ((column - half, row), (column + half, row), (column, row - half), (column, row + half))
    a, b, c, d, e, f = affine
    xs = [a * col + b * line + c for col, line in places]
    ys = [d * col + e * line + f for col, line in places]
    left, right, above, below = (
        geocentric(*place) for place in zip(*transform(crs, WGS84, xs, ys), strict=True)
    )
    return math.dist(left, right), math.dist(above, below)
