"""What a raster file says of itself, read once and kept apart from GDAL's dataset."""

from dataclasses import dataclass
from typing import Any

from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rasterio.rpc import RPC
from rasterio.shutil import copy
from rasterio.transform import Affine

from core.task_models.raster import NamedClass
from services.raster.class_names import classes_of_flags

# AREA_OR_POINT is part of the georeference (GeoTIFF 1.1, section 7.4); the others say whose image it is.
_KEPT_TAGS = ("AREA_OR_POINT", "TIFFTAG_COPYRIGHT", "TIFFTAG_ARTIST", "TIFFTAG_DATETIME")
_MAX_NAME = 255

Palette = dict[int, tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class BandHeader:
    """One band. `nbits` is None where every bit of the type counts."""

    dtype: str
    color: ColorInterp
    name: str | None
    nodata: float | None
    scale: float
    offset: float
    unit: str | None
    palette: Palette | None
    nbits: int | None
    block_shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Header:
    """All that is read of a file besides its pixels; nothing else of it reaches an output.

    `transform` is None where there is none. `has_mask`: a mask beside the bands, for all of them. `flags`:
    the values of the first band that attributes of a netCDF variable name.
    """

    width: int
    height: int
    bands: tuple[BandHeader, ...]
    crs: CRS | None
    transform: Affine | None
    gcps: tuple[GroundControlPoint, ...]
    gcps_crs: CRS | None
    rpcs: RPC | None
    has_mask: bool
    is_pixel_interleaved: bool
    tags: dict[str, str]
    subdatasets: tuple[str, ...]
    flags: tuple[NamedClass, ...] = ()


def read_header(dataset: Any, masks: Any) -> Header:
    """The header of an open dataset; `masks` is the same one opened with its overviews hidden.

    GDAL looks for overviews when it is asked for masks, and a file can name another file as its overviews.
    A dataset whose overviews are hidden, on the other hand, has neither band names nor a geotransform.
    """
    gcps, gcps_crs = dataset.gcps
    return Header(
        width=dataset.width,
        height=dataset.height,
        bands=tuple(_band(dataset, number) for number in dataset.indexes),
        crs=dataset.crs or None,
        transform=dataset.transform
        if _has_geotransform(masks) and not dataset.transform.is_identity
        else None,
        gcps=tuple(gcps),
        gcps_crs=gcps_crs or None,
        rpcs=dataset.rpcs,
        has_mask=has_dataset_mask(masks),
        is_pixel_interleaved=dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL",
        tags=_kept_tags(dataset),
        subdatasets=tuple(dataset.subdatasets),
        flags=tuple(classes_of_flags(dataset.tags(1))) if dataset.driver == "netCDF" else (),
    )


def has_dataset_mask(dataset: Any) -> bool:
    """True for a mask that lies beside the bands: neither nodata nor an alpha band nor all valid."""
    return any(
        MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags for flags in dataset.mask_flag_enums
    )


def _has_geotransform(masks: Any) -> bool:
    """rasterio gives uninitialised memory for a geotransform that a driver does not have; GDAL's VRT driver
    writes one only where there is one."""
    with MemoryFile(ext=".vrt") as memory:
        copy(masks, memory.name, driver="VRT")
        return b"<GeoTransform>" in memory.read()


def _band(dataset: Any, number: int) -> BandHeader:
    index = number - 1
    color = dataset.colorinterp[index]
    if number == 1 and color is ColorInterp.undefined:
        color = ColorInterp.gray  # as GeoTIFF has it: the first band of one that is no picture is grey
    nbits = dataset.tags(number, ns="IMAGE_STRUCTURE").get("NBITS", "")
    return BandHeader(
        dtype=dataset.dtypes[index],
        color=color,
        name=_clean(dataset.descriptions[index]),
        nodata=dataset.nodatavals[index],
        scale=dataset.scales[index],
        offset=dataset.offsets[index],
        unit=_clean(dataset.units[index]),
        palette=dataset.colormap(number) if color is ColorInterp.palette else None,
        nbits=int(nbits) if nbits.isdigit() else None,
        block_shape=dataset.block_shapes[index],
    )


def _kept_tags(dataset: Any) -> dict[str, str]:
    tags = dataset.tags()
    return {name: cleaned for name in _KEPT_TAGS if (cleaned := _clean(tags.get(name)))}


def _clean(text: str | None) -> str | None:
    """Without control characters, which XML cannot carry, and of bounded length."""
    kept = "".join(char for char in text or "" if char.isprintable()).strip()
    return kept[:_MAX_NAME] or None
