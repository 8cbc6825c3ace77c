"""The grid of a whole mosaic: the union of its parts."""

import math
from collections.abc import Sequence

from rasterio.crs import CRS
from rasterio.transform import Affine

from core.task_models.raster import RasterDescription
from core.task_models.raster_mosaic import MosaicPart
from core.task_models.stac import BBox
from services.raster.georeference import WGS84, geographic_bbox

Bounds = tuple[float, float, float, float]
_ROUNDING = 1e-6  # of a pixel


def union_of(parts: Sequence[MosaicPart], header: RasterDescription) -> RasterDescription:
    """A north-up grid over all parts with the finest of their resolutions; the pixels are as in `header`.

    In the CRS of the parts, or in EPSG:4326 where they have several.
    """
    names = {part.crs for part in parts}
    if len(names) == 1:
        crs = CRS.from_user_input(parts[0].crs)
        bounds = _union([part.bounds for part in parts])
        sizes = [_pixel_size(part) for part in parts]
    else:
        crs, bounds = WGS84, _union([part.bbox for part in parts])
        sizes = [_degrees(part) for part in parts]
        if crosses_antimeridian(parts):
            bounds = (-180.0, bounds[1], 180.0, bounds[3])
    return on_grid(header, crs, bounds, size=(min(x for x, _ in sizes), min(y for _, y in sizes)))


def crosses_antimeridian(parts: Sequence[MosaicPart]) -> bool:
    """Whether a part lies on both sides of the antimeridian."""
    return any(part.bbox[0] > part.bbox[2] for part in parts)


def on_grid(
    header: RasterDescription, crs: CRS, bounds: Bounds, *, size: tuple[float, float]
) -> RasterDescription:
    """`header` on the north-up grid that covers `bounds` in pixels of `size`."""
    left, bottom, right, top = bounds
    width = max(1, math.ceil((right - left) / size[0] - _ROUNDING))
    height = max(1, math.ceil((top - bottom) / size[1] - _ROUNDING))
    transform = Affine(size[0], 0.0, left, 0.0, -size[1], top)
    outer = (left, top - height * size[1], left + width * size[0], top)
    return header.model_copy(
        update={
            "width": width,
            "height": height,
            "crs": "EPSG:4326" if crs == WGS84 else header.crs,
            "bounds": outer,
            "bbox": geographic_bbox(crs, outer),
            "resolution": size,
            "transform": tuple(transform[:6]),
        }
    )


def _union(boxes: Sequence[Bounds | BBox]) -> Bounds:
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)


def _pixel_size(part: MosaicPart) -> tuple[float, float]:
    a, b, _, d, e, _ = part.transform
    return math.hypot(a, d), math.hypot(b, e)


def _degrees(part: MosaicPart) -> tuple[float, float]:
    west, south, east, north = part.bbox
    return ((east - west) % 360 or 360) / part.width, (north - south) / part.height
