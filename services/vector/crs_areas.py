"""Where a CRS is made to be used, how far its coordinates go, and bounds in another one."""

import math
from typing import TYPE_CHECKING

import numpy as np

from core.task_models.vector import BoundingBox

if TYPE_CHECKING:
    import pyproj
    from pyproj.aoi import AreaOfUse

TURN = 360.0  # degrees
_SAME = 1e-6
_SAME_SPAN = 0.01  # degrees
_BOUNDS_SAMPLES = 21  # on each edge


def turn_of(crs: "pyproj.CRS") -> float | None:
    """How many units once around the globe are: 360, or 400 of grads; None of maps."""
    if not crs.is_geographic:
        return None
    radians = crs.axis_info[0].unit_conversion_factor or math.radians(1)
    return float(round(2 * math.pi / radians, 9))


def bounds_of(
    transformer: "pyproj.Transformer", bbox: BoundingBox, *, is_back: bool = False
) -> BoundingBox | None:
    """Bounds in the other CRS, from samples of the edges; None where there are none."""
    from pyproj.exceptions import ProjError

    try:
        west, south, east, north = transformer.transform_bounds(
            *bbox, densify_pts=_BOUNDS_SAMPLES, direction="INVERSE" if is_back else "FORWARD"
        )
    except ProjError:
        return None
    is_sound = np.isfinite([west, south, east, north]).all()
    return (west, south, east, north) if is_sound else None


def with_all_longitudes(
    degrees: BoundingBox | None, *, bbox: BoundingBox, width: float | None
) -> BoundingBox | None:
    """The bounds in degrees of a box on a map; around the globe where the box goes on beyond the map's edge.

    `width` is that of the world on the map (see `width_of`). PROJ brings such coordinates back one by one.
    """
    if degrees is None or width is None:
        return degrees
    west, south, east, north = degrees
    span = (bbox[2] - bbox[0]) / width * TURN
    found = east - west + TURN * (west > east)
    return degrees if abs(found - span) <= _SAME_SPAN else (-TURN / 2, south, TURN / 2, north)


def area_of(crs: "pyproj.CRS") -> BoundingBox | None:
    """The area of use of a map in its own coordinates; None of degrees and where it is not known."""
    from pyproj import Transformer

    used = _used(crs)
    if crs.is_geographic or used is None:
        return None
    to_map = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return bounds_of(to_map, (used.west, used.south, used.east, used.north))


def width_of(crs: "pyproj.CRS") -> float | None:
    """How wide the world is on a map on which all parallels are as wide; None of any other."""
    from pyproj import Transformer

    if not crs.is_projected:
        return None
    longitude, latitude = np.meshgrid(np.arange(-165.0, 180.0, 30.0), [0.0, 45.0])
    to_map = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    x, _ = to_map.transform(np.stack([longitude, longitude + 1]), np.stack([latitude, latitude]))
    if not np.isfinite(x).all():
        return None
    degree = np.abs(x[1] - x[0])
    usual = float(np.median(degree))
    uneven = np.count_nonzero(np.abs(degree - usual) > usual * _SAME)
    return usual * TURN if uneven <= len(degree) else None  # one meridian may lie where the map is cut


def _used(crs: "pyproj.CRS") -> "AreaOfUse | None":
    """The area of use of a CRS; if it does not say it, that of the one which it seems to be."""
    from pyproj import CRS

    if crs.area_of_use is None and (authority := crs.to_authority()):
        crs = CRS.from_authority(*authority)
    return crs.area_of_use


def reach_of(
    source: "pyproj.CRS", target: "pyproj.CRS", transformer: "pyproj.Transformer | None"
) -> BoundingBox | None:
    """Where both maps are made to be used, in coordinates of the source; beyond it, results are proved."""
    if transformer is None or (source.is_geographic and target.is_geographic):
        return None
    areas = [area_of(source)] if source.is_projected else []
    if target.is_projected and (area := area_of(target)) is not None:
        areas.append(bounds_of(transformer, area, is_back=True))
    known = [each for each in areas if each is not None and each[0] <= each[2]]
    if len(known) < len(areas) or not known:
        return math.inf, math.inf, -math.inf, -math.inf
    west, south, east, north = zip(*known, strict=True)
    return max(west), max(south), min(east), min(north)
