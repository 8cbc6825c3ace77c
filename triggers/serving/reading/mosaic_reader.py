"""A mosaic as one raster to rio-tiler: the same verbs as a COG, the same pixels as a single COG would give.

titiler's own mosaics read each asset by itself and lay the results over one another. Interpolation then stops
at the border of each asset, and where a picture is enlarged the borders show. Here the parts that a request
touches are read as one raster, if they lie in one grid; those of a mixed collection, which have no common
grid, are laid over one another.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import attr
import numpy as np
from affine import Affine
from morecantile import Tile
from rasterio.crs import CRS
from rasterio.features import bounds as bounds_of_shape
from rasterio.warp import transform_bounds
from rio_tiler.constants import WEB_MERCATOR_TMS, WGS84_CRS
from rio_tiler.errors import EmptyMosaicError, PointOutsideBounds, TileOutsideBounds
from rio_tiler.io import BaseReader, Reader
from rio_tiler.models import BandStatistics, ImageData, Info, PointData
from rio_tiler.mosaic.methods import PixelSelectionMethod
from rio_tiler.mosaic.reader import mosaic_point_reader, mosaic_reader
from rio_tiler.utils import CRS_to_uri, inherit_rasterio_env

from triggers.serving.reading.cog_reader import Cog, CogReader, read_cog
from triggers.serving.reading.mosaic import Bounds, Mosaic, Part
from triggers.serving.reading.mosaic_vrt import vrt_of

MAX_PARTS = 300
_MARGIN_PIXELS = 16  # of the output: as far as any interpolation reaches beyond a tile
_MERGING_THREADS = 4
_TOLERANCE = 0.125  # of a pixel: GDAL's own default for the error of a warp

Result = TypeVar("Result", ImageData, PointData)


class TooManyParts(Exception):
    """The answer would have to be read from more parts than one request may open."""


class NothingThere(Exception):
    """No part of the mosaic touches what was asked for."""


@attr.s
class MosaicReader(BaseReader):
    """Reads its `input`, a `Mosaic`.

    Args:
        pixel_selection: how parts that overlap are put together: `first` shows the first one; the others are
            those of rio-tiler and read each part by itself.

    Raises:
        TooManyParts: what is asked for is too large for its resolution.
        RasterioError: a part cannot be read.
    """

    pixel_selection: str = attr.ib(default="first")
    colormap: dict[int, Any] = attr.ib(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        grid = self._mosaic.grid
        self.crs, self.bounds = CRS.from_user_input(grid.crs), grid.bounds
        self.transform, self.width, self.height = grid.transform, grid.width, grid.height

    @property
    def _mosaic(self) -> Mosaic:
        mosaic: Mosaic = self.input
        return mosaic

    @property
    def minzoom(self) -> int:
        """From which on there are tiles: all zooms, where there is an overview."""
        return 0 if self._mosaic.overview_path else self._mosaic.minzoom

    @property
    def maxzoom(self) -> int:
        """To which the pixels are worth a tile of their own."""
        return self._mosaic.maxzoom if self.tms.id == WEB_MERCATOR_TMS.id else self._maxzoom

    def info(self) -> Info:
        """The header of the whole."""
        grid = self._mosaic.grid
        names = [f"b{band}" for band in range(1, len(grid.dtypes) + 1)]
        described = grid.descriptions or (None,) * len(names)
        return Info(
            bounds=grid.bounds,
            crs=CRS_to_uri(self.crs) or self.crs.to_wkt(),
            band_metadata=[(name, {}) for name in names],
            band_descriptions=[(name, text or name) for name, text in zip(names, described, strict=True)],
            dtype=grid.dtypes[0],
            nodata_type="Nodata" if grid.nodata is not None else "Alpha" if grid.has_alpha else "Mask",
            colorinterp=list(grid.colors),
            driver="mosaic",
            count=len(names),
            width=grid.width,
            height=grid.height,
            nodata_value=grid.nodata,
            part_count=len(self._mosaic.parts),
            mosaic_minzoom=self._mosaic.minzoom,
            mosaic_maxzoom=self._mosaic.maxzoom,
        )

    def tile(
        self, tile_x: int, tile_y: int, tile_z: int, tilesize: int | None = None, **options: Any
    ) -> ImageData:
        """See `rio_tiler.io.Reader.tile`. Where there is no part, the tile is empty.

        Raises:
            TileOutsideBounds: the mosaic does not reach the tile.
        """
        if not self.tile_exists(tile_x, tile_y, tile_z):
            raise TileOutsideBounds(f"Tile(x={tile_x}, y={tile_y}, z={tile_z}) is outside bounds")
        size = tilesize or self.tms.matrix(tile_z).tileWidth
        bounds = tuple(self.tms.xy_bounds(Tile(tile_x, tile_y, tile_z)))
        area = _Area(bounds, self.tms.rasterio_crs, size)
        coarse = self._is_below_minzoom(tile_z, size) if self._has_mercator_tiles else None

        def read(reader: Any, **how: Any) -> ImageData:
            image: ImageData = reader.tile(tile_x, tile_y, tile_z, tilesize=tilesize, **(options | how))
            return image

        try:
            return self._image(area, read, coarse=coarse)
        except NothingThere:
            return self._empty(area, **options)

    def part(self, bbox: Bounds, bounds_crs: CRS = WGS84_CRS, **options: Any) -> ImageData:
        """See `rio_tiler.io.Reader.part`."""
        options = self._sized(_Area(bbox, bounds_crs, _asked_size(options)), options)

        def read(reader: Any, **how: Any) -> ImageData:
            image: ImageData = reader.part(bbox, bounds_crs=bounds_crs, **(options | how))
            return image

        return self._image(_Area(bbox, bounds_crs, _asked_size(options)), read)

    def feature(self, shape: dict[str, Any], shape_crs: CRS = WGS84_CRS, **options: Any) -> ImageData:
        """See `rio_tiler.io.Reader.feature`."""
        bounds = bounds_of_shape(shape.get("geometry", shape))
        area = _Area(bounds, shape_crs, _asked_size(options))
        options = self._sized(area, options)

        def read(reader: Any, **how: Any) -> ImageData:
            image: ImageData = reader.feature(shape, shape_crs=shape_crs, **(options | how))
            return image

        return self._image(area, read)

    def preview(self, **options: Any) -> ImageData:
        """See `rio_tiler.io.Reader.preview`; from the overview, where there is one."""
        if self._mosaic.overview_path:
            with self._overview() as reader:
                return reader.preview(**options)
        return self.part(self.bounds, bounds_crs=self.crs, **{"max_size": 1024, **options})

    def statistics(self, **options: Any) -> dict[str, BandStatistics]:
        """Those of the preview."""
        return self.preview(**options).statistics()

    def point(self, lon: float, lat: float, coord_crs: CRS = WGS84_CRS, **options: Any) -> PointData:
        """See `rio_tiler.io.Reader.point`.

        Raises:
            PointOutsideBounds: no part reaches the place.
        """
        area = _Area((lon, lat, lon, lat), coord_crs, None)

        def read(reader: Any) -> PointData:
            point: PointData = reader.point(lon, lat, coord_crs=coord_crs, **options)
            return point

        if self._reads_as_one:
            with self._joined(self._near(area)) as reader:
                return read(reader)
        merged: PointData = self._merged(
            self._near(area), read, mosaic_point_reader, outside=(PointOutsideBounds,)
        )
        return merged

    def _image(
        self, area: "_Area", read: Callable[..., ImageData], *, coarse: bool | None = None
    ) -> ImageData:
        """What `read` gives, from the overview if that is as fine as what is asked for."""
        if self._mosaic.overview_path and (self._is_coarse(area) if coarse is None else coarse):
            with self._overview() as reader:
                return read(reader)
        parts = self._near(area)
        if len(parts) > MAX_PARTS:
            raise TooManyParts
        if self._reads_as_one:
            with self._joined(parts) as reader:
                return read(reader, **self._interpolation(area))
        merged: ImageData = self._merged(parts, read, mosaic_reader, outside=(TileOutsideBounds,))
        return merged

    def _empty(self, area: "_Area", **options: Any) -> ImageData:
        """A square picture of nothing."""
        bands = options.get("indexes") or [band for band in self._mosaic.grid.colors if band != "alpha"]
        if expression := options.get("expression"):
            bands = expression.split(";")
        shape = (len(bands), area.size or 0, area.size or 0)
        pixels = np.ma.MaskedArray(np.zeros(shape, dtype=self._mosaic.grid.dtypes[0]), mask=True)
        return ImageData(pixels, bounds=area.bounds, crs=area.crs)

    # -- Which parts ------------------------------------------------------------------------------

    @property
    def _reads_as_one(self) -> bool:
        return self._mosaic.is_regular and self.pixel_selection == "first"

    @property
    def _has_mercator_tiles(self) -> bool:
        return bool(self.tms.id == WEB_MERCATOR_TMS.id)

    def _is_below_minzoom(self, z: int, size: int) -> bool:
        return z + math.ceil(math.log2(size / 256)) < self._mosaic.minzoom

    def _is_coarse(self, area: "_Area") -> bool:
        """Whether the overview's pixels are as small as those asked for."""
        if area.size is None or self._mosaic.overview_resolution is None:
            return False
        length = _Area(area.bounds_in(self.crs), self.crs, area.size).length
        return length / area.size >= self._mosaic.overview_resolution

    def _interpolation(self, area: "_Area") -> dict[str, Any]:
        """Without a change of CRS, GDAL enlarges each part by itself, unless it is made to warp."""
        pixel = math.hypot(self._mosaic.grid.transform.a, self._mosaic.grid.transform.d)
        is_enlarged = area.size is not None and area.length / area.size < pixel
        return {"vrt_options": {"tolerance": _TOLERANCE}} if is_enlarged and area.crs == self.crs else {}

    def _sized(self, area: "_Area", options: dict[str, Any]) -> dict[str, Any]:
        """Width and height for parts that are read one by one: each would choose its own."""
        if self._reads_as_one or area.size is None or (options.get("width") and options.get("height")):
            return options
        left, bottom, right, top = area.bounds_in(options.get("dst_crs") or area.crs)
        pixel = max(right - left, top - bottom) / area.size
        width, height = round((right - left) / pixel), round((top - bottom) / pixel)
        return {**options, "max_size": None, "width": max(1, width), "height": max(1, height)}

    def _near(self, area: "_Area") -> list[Part]:
        """The parts within reach of the interpolation."""
        if not self._mosaic.is_regular:
            return self._mosaic.parts_in_bbox(area.bounds_in(WGS84_CRS))
        bounds = area.bounds_in(self.crs)
        if not all(map(math.isfinite, bounds)):
            return list(self._mosaic.parts)
        left, top, right, bottom = _window(bounds, self._mosaic.grid.transform)
        margin = _MARGIN_PIXELS * max(1.0, max(right - left, bottom - top) / (area.size or math.inf))
        return self._mosaic.parts_in_window((left - margin, top - margin, right + margin, bottom + margin))

    # -- How they are read ------------------------------------------------------------------------

    @contextmanager
    def _overview(self) -> Iterator[CogReader]:
        cog = Cog(self._mosaic.overview_path or "", self._mosaic.rasters)
        with read_cog(cog, tms=self.tms) as reader:
            yield reader

    @contextmanager
    def _joined(self, parts: Sequence[Part]) -> Iterator[Reader]:
        xml = vrt_of(self._mosaic, parts)
        with self._mosaic.rasters.borrow(xml, driver="VRT") as dataset:
            yield Reader(None, dataset=dataset, tms=self.tms)

    def _merged(
        self,
        parts: Sequence[Part],
        read: Callable[..., Result],
        merge: Callable[..., tuple[Result, list[Any]]],
        *,
        outside: tuple[type[Exception], ...],
    ) -> Result:
        @inherit_rasterio_env
        def read_part(part: Part) -> Result:
            with read_cog(Cog(part.path, self._mosaic.rasters), tms=self.tms) as reader:
                return read(reader)

        if not parts:
            raise NothingThere
        try:
            result, _ = merge(
                parts,
                read_part,
                pixel_selection=PixelSelectionMethod[self.pixel_selection].value,
                threads=min(_MERGING_THREADS, len(parts)),
                allowed_exceptions=outside,
            )
        except EmptyMosaicError as exc:
            raise NothingThere from exc
        return result


@attr.s(auto_attribs=True, frozen=True, slots=True)
class _Area:
    """What is asked for: bounds in a CRS, and the pixels of its longer side; None for those of the data."""

    bounds: Bounds
    crs: CRS
    size: int | None

    @property
    def length(self) -> float:
        """Of its longer side, in units of its CRS."""
        left, bottom, right, top = self.bounds
        return max(right - left, top - bottom)

    def bounds_in(self, crs: CRS) -> Bounds:
        """The bounds in another CRS; infinite where they cannot be told."""
        if crs == self.crs:
            return self.bounds
        left, bottom, right, top = transform_bounds(self.crs, crs, *self.bounds, densify_pts=21)
        return left, bottom, right, top


def _window(bounds: Bounds, transform: Affine) -> Bounds:
    """The columns and rows (left, top, right, bottom) that hold the bounds, of rotated grids too."""
    left, bottom, right, top = bounds
    inverse = ~transform
    corners = np.array(
        [inverse @ corner for corner in ((left, top), (right, top), (left, bottom), (right, bottom))]
    )
    (first_column, first_row), (last_column, last_row) = corners.min(axis=0), corners.max(axis=0)
    return float(first_column), float(first_row), float(last_column), float(last_row)


def _asked_size(options: dict[str, Any]) -> int | None:
    sizes = [options[name] for name in ("max_size", "width", "height") if options.get(name)]
    return max(sizes) if sizes else None
