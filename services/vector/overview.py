"""How large the tiles of Web Mercator are in the CRS of a table: where it is thinned for low zooms."""

import math

from core.task_models.vector import BoundingBox
from services.vector.crs_areas import turn_of

_RADIUS = 6378137.0  # of Web Mercator, in metres
_WEB_MERCATOR = 3857
_HIGHEST_LATITUDE = 80.0  # what lies beyond is thinned as there: Mercator has no measure for the poles


def world_in(srid: int, bbox: BoundingBox | None) -> tuple[float, float]:
    """The width and height of the tile of zoom 0, in units of the CRS, as they are where the data lie.

    `bbox` is west, south, east, north of the data in degrees. Tiles are squares in Web Mercator, and on the
    ground as well; away from the equator they are smaller than their zoom says.
    """
    from pyproj import CRS

    crs = CRS.from_epsg(srid)
    middle = (bbox[1] + bbox[3]) / 2 if bbox else 0.0
    shrunk = math.cos(math.radians(min(abs(middle), _HIGHEST_LATITUDE)))
    turn = turn_of(crs)
    if turn is not None:
        return turn, turn * shrunk
    width = 2 * math.pi * _RADIUS / crs.axis_info[0].unit_conversion_factor
    side = width if srid == _WEB_MERCATOR else width * shrunk
    return side, side
