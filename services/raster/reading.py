"""A source opened for reading: one driver, a header that was checked, and a view that hides all the rest."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import rasterio
from rasterio._err import CPLE_BaseError  # WarpedVRT lets them through as they are
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.vrt import WarpedVRT

from core.errors import PermanentTaskError, TransientError
from core.task_models.finding import Finding
from core.task_models.raster import RasterDescription
from core.task_models.raster_validation import ReadingOptions
from services.raster.admission import check_band_count, check_header, check_warped
from services.raster.formats import GEOTIFF
from services.raster.header import Header, read_header
from services.raster.inspect import describe, header_findings
from services.raster.layers import gdal_name_of
from services.raster.narrowing import WIDE, narrow_type
from services.raster.nodata import resolve_nodata
from services.raster.pixel_types import item_bytes, pixel_type
from services.raster.placement import Placement, Warp, place
from services.raster.source import Source
from services.raster.view import View, view_xml

_NETWORK_SIGNS = ("HTTP", "CURL", "Could not resolve", "Connection", "timed out")


@dataclass(frozen=True, slots=True)
class OpenRaster:
    """A raster as it will be read.

    Attributes:
        pixels: a rasterio dataset (GDAL's VRT driver) for windowed reads, with the CRS assigned, nodata put
            right, and in a grid with a geotransform; it holds nothing else of the file.
        band_names: None for bands without one.
        driver: that of the file.
        header: what the file says itself.
        is_warped: the pixels are not those of the file but warped by ground control points or RPCs.
    """

    pixels: Any
    band_names: tuple[str | None, ...]
    driver: str
    description: RasterDescription
    findings: tuple[Finding, ...]
    header: Header
    source: Source
    is_warped: bool

    @property
    def pixel_bytes(self) -> int:
        """All bands uncompressed."""
        shape = self.description
        return shape.width * shape.height * sum(item_bytes(dtype) for dtype in shape.dtypes)


@contextmanager
def open_raster(source: Source, reading: ReadingOptions) -> Iterator[OpenRaster]:
    """Open a source inside `hardened_gdal()`; read errors, also inside the block, become RASTER_UNREADABLE.

    Raises:
        PermanentTaskError: RASTER_UNREADABLE, BAND_LIMIT, DTYPE_UNSUPPORTED, SOURCE_TOO_LARGE, CRS_MISSING,
            CRS_UNKNOWN, NO_GEOREFERENCE, COORDINATES_OUT_OF_RANGE, NODATA_OUT_OF_RANGE, SOURCE_CHANGED.
        TransientError: STORAGE_TIMEOUT, for a source that is read where it lies.
    """
    with rasterio.Env(**source.options), reading_errors(source), ExitStack() as stack:
        name = gdal_name_of(source, reading)
        header = _header(name, driver=source.format.driver)
        check_header(header, file_bytes=source.size_bytes, in_parts=source.format.by_ranges)
        placement = place(header, source, reading)
        dtype, of_type = _pixel_type(header, name, driver=source.format.driver)
        nodata, of_nodata = resolve_nodata(header, reading, dtype=dtype)
        view = View(name, _threads(source), header, placement, dtype=dtype, nodata=nodata)
        pixels = stack.enter_context(rasterio.open(view_xml(view), driver="VRT"))
        if placement.warp is not None:
            pixels = stack.enter_context(_warped(pixels, placement, header=header, reading=reading))
            check_warped(pixels.width * pixels.height, of=header.width * header.height)
        names = tuple(band.name for band in header.bands)
        names += (None,) * (pixels.count - len(names))
        yield OpenRaster(
            pixels=pixels,
            band_names=names,
            driver=source.format.driver,
            description=describe(pixels, band_names=names),
            findings=(*placement.findings, *of_type, *of_nodata, *header_findings(header)),
            header=header,
            source=source,
            is_warped=placement.warp is not None,
        )


@contextmanager
def reading_errors(source: Source) -> Iterator[None]:
    """GDAL could not read: the file is damaged, or was replaced, or the storage does not answer.

    Raises:
        PermanentTaskError: RASTER_UNREADABLE, SOURCE_CHANGED.
        TransientError: STORAGE_TIMEOUT.
    """
    try:
        yield
    except (RasterioError, CPLE_BaseError) as exc:
        source.recheck()
        if source.options and _is_of_the_network(exc):
            raise TransientError("The blob storage does not answer.", code="STORAGE_TIMEOUT") from exc
        raise PermanentTaskError(
            "The raster cannot be read: the file is damaged or cut off.",
            code="RASTER_UNREADABLE",
            remedy="Check the file with gdalinfo -checksum, and upload it again.",
        ) from exc


def _pixel_type(header: Header, name: str, *, driver: str) -> tuple[str, tuple[Finding, ...]]:
    if any(band.dtype in WIDE for band in header.bands):
        return narrow_type(header, name, driver=driver)
    return pixel_type(header)


def _header(name: str, *, driver: str) -> Header:
    with (
        # What places a picture may lie beside it; whether anything does is judged later.
        warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
        rasterio.open(name, driver=driver) as dataset,
    ):
        check_band_count(dataset.count)
        with rasterio.open(name, driver=driver, OVERVIEW_LEVEL="NONE") as masks:
            return read_header(dataset, masks)


def _threads(source: Source) -> str | None:
    """GDAL 3.10 gives zeros for blocks that it could not fetch, and no error, when several threads decode
    a GeoTIFF that it reads through the network."""
    if source.format is not GEOTIFF:
        return None
    return "1" if source.options else "ALL_CPUS"


def _warped(pixels: Any, placement: Placement, *, header: Header, reading: ReadingOptions) -> WarpedVRT:
    """North-up, by nearest neighbours: classes stay classes, and a later reprojection has its own choice.

    What lies outside of the image is transparent where the file has no nodata value.
    """
    extras = {}
    if placement.warp is Warp.RPCS and header.rpcs is not None:
        height = header.rpcs.height_off if reading.rpc_height is None else reading.rpc_height
        extras = {"RPC_HEIGHT": repr(float(height))}
    try:
        return WarpedVRT(
            pixels,
            src_crs=placement.crs,
            crs=placement.crs,
            resampling=Resampling.nearest,
            add_alpha=pixels.nodata is None and not _has_alpha(header),
            **extras,
        )
    except (RasterioError, CPLE_BaseError) as exc:
        raise PermanentTaskError(
            f"The {placement.warp} of the raster contradict each other.",
            code="NO_GEOREFERENCE",
            remedy="Check them, or georeference the raster in a GIS.",
        ) from exc


def _has_alpha(header: Header) -> bool:
    return any(band.color.name == "alpha" for band in header.bands)


def _is_of_the_network(exc: BaseException | None) -> bool:
    while exc is not None:
        if any(sign in str(exc) for sign in _NETWORK_SIGNS):
            return True
        exc = exc.__cause__
    return False
