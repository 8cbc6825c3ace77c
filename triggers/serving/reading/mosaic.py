"""A published mosaic: one grid, and the parts that lie in it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from affine import Affine

from core.task_models.raster import Nodata, RasterDescription
from core.task_models.raster_mosaic import MosaicPart
from triggers.serving.reading.open_rasters import OpenRasters

_ALIGNED_PIXELS = 1e-3  # parts whose corners are that near to corners of the grid lie in it
_ALIGNED_SIZE = 1e-9  # relative difference of pixel sizes

Bounds = tuple[float, float, float, float]
Boxes = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Part:
    """One COG of a mosaic. `path` is GDAL's name of it, `bbox` in EPSG:4326."""

    name: str
    uri: str
    path: str
    size_bytes: int
    width: int
    height: int
    crs: str
    transform: Affine
    bbox: Bounds

    @classmethod
    def of(cls, part: MosaicPart, *, path: str) -> "Part":
        """The part as its line in the list of parts says."""
        return cls(
            name=part.name,
            uri=part.blob_uri,
            path=path,
            size_bytes=part.size_bytes,
            width=part.width,
            height=part.height,
            crs=part.crs,
            transform=Affine(*part.transform),
            bbox=(part.bbox[0], part.bbox[1], part.bbox[2], part.bbox[3]),
        )


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixels of the whole. `dtypes`, `colors` (GDAL's names) and `descriptions` go by band."""

    width: int
    height: int
    crs: str
    transform: Affine
    bounds: Bounds
    dtypes: tuple[str, ...]
    colors: tuple[str, ...]
    descriptions: tuple[str | None, ...]
    nodata: Nodata

    @classmethod
    def of(cls, header: RasterDescription) -> "Grid":
        """The grid that a header describes."""
        return cls(
            width=header.width,
            height=header.height,
            crs=header.crs,
            transform=Affine(*header.transform),
            bounds=header.bounds,
            dtypes=header.dtypes,
            colors=header.color_interpretation,
            descriptions=header.descriptions,
            nodata=header.nodata,
        )

    @property
    def has_alpha(self) -> bool:
        """Whether one of the bands says where there are data."""
        return "alpha" in self.colors


@dataclass(frozen=True)
class Mosaic:
    """The parts of one revision, which never change. The first part on a pixel is the one that is seen.

    Attributes:
        overview_path: GDAL's name of one COG of the whole, that answers below `minzoom`; None without one.
        overview_resolution: the size of its pixels in units of the grid's CRS.
        is_smooth: values between two pixels mean something: classes have none.
    """

    grid: Grid
    parts: tuple[Part, ...] = field(repr=False)
    minzoom: int
    maxzoom: int
    overview_path: str | None
    overview_resolution: float | None
    is_smooth: bool
    rasters: OpenRasters = field(repr=False)

    @cached_property
    def is_regular(self) -> bool:
        """Whether all parts lie in the grid, pixel on pixel, so that they can be read as one raster."""
        same_crs = all(part.crs == self.grid.crs for part in self.parts)
        return same_crs and all(_is_aligned(part.transform, self.grid.transform) for part in self.parts)

    @cached_property
    def by_name(self) -> dict[str, Part]:
        """The parts by name."""
        return {part.name: part for part in self.parts}

    @cached_property
    def by_uri(self) -> dict[str, Part]:
        """The parts by blob."""
        return {part.uri: part for part in self.parts}

    def offset(self, part: Part) -> tuple[int, int]:
        """Column and row of the part's first pixel in the grid, if the mosaic is regular."""
        column, row = ~self.grid.transform @ (part.transform.c, part.transform.f)
        return round(column), round(row)

    def parts_in_window(self, window: Bounds) -> list[Part]:
        """The parts of a regular mosaic that touch these columns and rows (left, top, right, bottom)."""
        return self._touching(self._pixel_boxes, window)

    def parts_in_bbox(self, bbox: Bounds) -> list[Part]:
        """The parts that touch a box in EPSG:4326; with west > east it crosses the antimeridian."""
        west, south, east, north = bbox
        if west <= east:
            return self._touching(self._geographic_boxes, bbox)
        found = {
            part.name
            for half in ((west, south, 180.0, north), (-180.0, south, east, north))
            for part in self._touching(self._geographic_boxes, half)
        }
        return [part for part in self.parts if part.name in found]

    def _touching(self, boxes: Boxes, box: Bounds) -> list[Part]:
        left, low, right, high = box
        touching = (boxes[:, 0] < right) & (boxes[:, 2] > left) & (boxes[:, 1] < high) & (boxes[:, 3] > low)
        return [self.parts[index] for index in np.flatnonzero(touching)]

    @cached_property
    def _pixel_boxes(self) -> Boxes:
        return _boxes(
            (column, row, column + part.width, row + part.height)
            for part in self.parts
            for column, row in [self.offset(part)]
        )

    @cached_property
    def _geographic_boxes(self) -> Boxes:
        # A part that crosses the antimeridian (RFC 7946, section 5.2) is taken to be everywhere between.
        return _boxes(
            part.bbox if part.bbox[0] <= part.bbox[2] else (-180.0, part.bbox[1], 180.0, part.bbox[3])
            for part in self.parts
        )


def _boxes(boxes: Iterable[Sequence[float]]) -> Boxes:
    return np.array([tuple(box) for box in boxes], dtype="float64").reshape(-1, 4)


def _is_aligned(part: Affine, grid: Affine) -> bool:
    size = math.hypot(grid.a, grid.d)
    same_size = all(
        math.isclose(mine, theirs, rel_tol=_ALIGNED_SIZE, abs_tol=_ALIGNED_SIZE * size)
        for mine, theirs in ((part.a, grid.a), (part.b, grid.b), (part.d, grid.d), (part.e, grid.e))
    )
    if not same_size:
        return False
    column, row = ~grid @ (part.c, part.f)
    return bool(max(abs(column - round(column)), abs(row - round(row))) < _ALIGNED_PIXELS)
