"""Does a raster lie where its target CRS is meant for?"""

from pyproj import CRS

from core.task_models.finding import Finding
from core.task_models.raster import RasterDescription
from services.raster.findings import warning


def area_findings(source: RasterDescription, target_crs: str | None) -> tuple[Finding, ...]:
    """A warning when the raster has no part in the area of use (EPSG registry) of the target CRS.

    GDAL reprojects to anywhere, and gets images there that nobody can use.
    """
    area = CRS.from_user_input(target_crs).area_of_use if target_crs else None
    if area is None or _meet(source.bbox, area.bounds):
        return ()
    return (
        warning(
            "TARGET_CRS_FAR",
            f"The raster lies outside of the area of use of {target_crs} ({area.name}).",
            remedy="Ask for a target_crs that is meant for where the raster is.",
            area_of_use=list(area.bounds),
        ),
    )


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return any(
        west <= other_east and other_west <= east and one[1] <= other[3] and other[1] <= one[3]
        for west, east in _spans(one)
        for other_west, other_east in _spans(other)
    )


def _spans(bbox: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    """West and east; two spans for a box across the antimeridian."""
    west, _, east, _ = bbox
    return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
