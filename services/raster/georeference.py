"""Where a raster lies: its CRS by name, and its bounds on the globe."""

import math
import re

from pyproj import Transformer
from pyproj.exceptions import ProjError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform, transform_bounds

from core.errors import PermanentTaskError
from core.task_models.stac import BBox

WGS84 = CRS.from_epsg(4326)
# In PROJ strings (EXTENSION) and in WKT 2; a bare name is looked up among PROJ's own files.
_NAMED_FILE = re.compile(r"""(?:grids=|PARAMETERFILE\[[^\]]*?)[^\s"\]]*?[/\\:]""", re.IGNORECASE)
_OVERSHOOT = 3.0
"""Degrees beyond a pole that are a matter of rounding: half a pixel of the coarsest global grids."""

_SAMPLES_PER_SIDE = 180


def crs_name(crs: CRS) -> str:
    """`EPSG:n` when the CRS is exactly that one, its WKT 2 (ISO 19162:2019) otherwise."""
    authority = crs.to_authority(confidence_threshold=100)
    return (
        ":".join(authority) if authority and authority[0] == "EPSG" else str(crs.to_wkt(version="WKT2_2019"))
    )


def require_self_contained(crs: CRS) -> None:
    """Refuse a CRS that names a file by its path, or a URL: PROJ would open it as a grid of shifts.

    Raises:
        PermanentTaskError: CRS_UNKNOWN.
    """
    if _NAMED_FILE.search(crs.to_wkt()) or _NAMED_FILE.search(crs.to_wkt(version="WKT2_2019")):
        raise PermanentTaskError(
            "The CRS of the raster refers to a file.",
            code="CRS_UNKNOWN",
            remedy="Assign a CRS of the EPSG registry.",
        )


def geographic_bbox(crs: CRS, bounds: tuple[float, float, float, float]) -> BBox:
    """West, south, east, north in degrees, each edge densified; west > east across the antimeridian.

    Raises:
        PermanentTaskError: CRS_UNKNOWN, or COORDINATES_OUT_OF_RANGE when the bounds are not on the globe.
    """
    left, bottom, right, top = bounds
    try:
        if _places(crs, xs=[left, right, right, left], ys=[bottom, bottom, top, top])[1]:
            west, south, east, north = _bounds_of_what_is_on_the_globe(crs, bounds)
        else:
            west, south, east, north = transform_bounds(crs, WGS84, *bounds, densify_pts=21)
    except (CRSError, RasterioError) as exc:
        raise _unknown_crs() from exc
    if not all(map(math.isfinite, (west, south, east, north))):
        raise _out_of_range()
    if south < -90 - _OVERSHOOT or north > 90 + _OVERSHOOT or west < -540 or east > 540:
        raise _out_of_range()
    west, east = _longitudes(west, east)
    return west, max(south, -90.0), east, min(north, 90.0)


def footprint_ring(
    crs: CRS, affine: tuple[float, ...], *, width: int, height: int, points_per_edge: int = 8
) -> list[list[float]]:
    """The outline of a raster as a closed ring of longitude, latitude; it follows a rotated grid."""
    a, b, c, d, e, f = affine
    steps = [index / points_per_edge for index in range(points_per_edge)]
    # Counter-clockwise from the lower left of a north-up raster (RFC 7946, section 3.1.6).
    edges = (
        [(step, 1.0) for step in steps],
        [(1.0, 1 - step) for step in steps],
        [(1 - step, 0.0) for step in steps],
        [(0.0, step) for step in steps],
    )
    pixels = [(u * width, v * height) for edge in edges for u, v in edge]
    xs = [a * col + b * row + c for col, row in pixels]
    ys = [d * col + e * row + f for col, row in pixels]
    lons, lats = transform(crs, WGS84, xs, ys)
    ring = [[float(lon), float(lat)] for lon, lat in zip(lons, lats, strict=True)]
    return [*ring, ring[0]]


def _bounds_of_what_is_on_the_globe(
    crs: CRS, bounds: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """For a rectangle whose corners are off the globe, as those of a world map in an oval are.

    Raises:
        PermanentTaskError: COORDINATES_OUT_OF_RANGE: nothing of it is on the globe.
    """
    left, bottom, right, top = bounds
    steps = [index / _SAMPLES_PER_SIDE for index in range(_SAMPLES_PER_SIDE + 1)]
    xs = [left + step * (right - left) for _ in steps for step in steps]
    ys = [bottom + step * (top - bottom) for step in steps for _ in steps]
    places, _ = _places(crs, xs=xs, ys=ys)
    if not places:
        raise _out_of_range()
    lons, lats = zip(*places, strict=True)
    return min(lons), min(lats), max(lons), max(lats)


def _places(crs: CRS, *, xs: list[float], ys: list[float]) -> tuple[list[tuple[float, float]], int]:
    """Longitude and latitude of the points that are on the globe, and how many are not.

    GDAL would give up at the first points that are not.

    Raises:
        CRSError: the CRS cannot be related to the globe.
    """
    try:
        transformer = Transformer.from_crs(crs.to_wkt(), 4326, always_xy=True)
    except ProjError as exc:
        raise CRSError(str(exc)) from exc
    found = [
        place for place in zip(*transformer.transform(xs, ys), strict=True) if all(map(math.isfinite, place))
    ]
    return found, len(xs) - len(found)


def _longitudes(west: float, east: float) -> tuple[float, float]:
    """Into -180 to 180. Grids from 0 to 360, or a half pixel beyond 180, are common and legal."""
    if east - west >= 360:
        return -180.0, 180.0
    return _wrapped(west, below=180.0), _wrapped(east, below=math.nextafter(180.0, 181.0))


def _wrapped(longitude: float, *, below: float) -> float:
    """`longitude` in [below - 360, below)."""
    return longitude if -180 <= longitude < below else (longitude + 180) % 360 - 180


def _unknown_crs() -> PermanentTaskError:
    return PermanentTaskError(
        "The CRS of the raster cannot be related to longitude and latitude.",
        code="CRS_UNKNOWN",
        remedy="Assign a CRS of the EPSG registry, or warp the raster to one.",
    )


def _out_of_range() -> PermanentTaskError:
    return PermanentTaskError(
        "The bounds of the raster are not on the globe: the CRS does not fit the coordinates.",
        code="COORDINATES_OUT_OF_RANGE",
        remedy="Check the CRS: projected coordinates labelled as degrees are the usual cause.",
    )
