"""The formats that are taken, each by one driver of GDAL: told by the first bytes, never by trying."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from core.errors import PermanentTaskError

HEAD_BYTES = 64
GEOTIFF_DRIVER = "GTiff"


@dataclass(frozen=True, slots=True)
class RasterFormat:
    """`is_extra`: only where the operator allows it. `is_picture`: has no georeference of its own, so it is
    taken from a zip with a world file. `by_ranges`: a window can be read without the rest of the file."""

    driver: str
    name: str
    extensions: frozenset[str]
    signatures: tuple[bytes, ...]
    by_ranges: bool = False
    is_picture: bool = False
    is_extra: bool = False


ZIP = RasterFormat("", "a zip archive", frozenset({".zip"}), (b"PK\x03\x04", b"PK\x05\x06"))
# TIFF 6.0, section 2, and BigTIFF: byte order, then the version 42 or 43 in that order.
GEOTIFF = RasterFormat(
    GEOTIFF_DRIVER,
    "a TIFF",
    frozenset({".tif", ".tiff", ".gtiff", ".geotiff", ".cog", ".btf", ".tf8"}),
    (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    by_ranges=True,
)
# ISO/IEC 15444-1, annexes I.5.1 (the signature box) and A.4.1 (a bare codestream: SOC, SIZ).
JPEG2000 = RasterFormat(
    "JP2OpenJPEG",
    "a JPEG 2000 image",
    frozenset({".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"}),
    (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    by_ranges=True,
)
PNG = RasterFormat("PNG", "a PNG image", frozenset({".png"}), (b"\x89PNG\r\n\x1a\n",), is_picture=True)
JPEG = RasterFormat(
    "JPEG", "a JPEG image", frozenset({".jpg", ".jpeg", ".jpe"}), (b"\xff\xd8\xff",), is_picture=True
)
NETCDF = RasterFormat(
    "netCDF", "a netCDF file", frozenset({".nc", ".cdf"}), (b"CDF\x01", b"CDF\x02", b"CDF\x05"), is_extra=True
)
# By the netCDF driver as well: it knows the CF conventions, by which such files say where they lie.
HDF5 = RasterFormat(
    "netCDF",
    "an HDF5 or netCDF-4 file",
    frozenset({".h5", ".hdf5", ".he5", ".hdf", ".nc", ".nc4"}),
    (b"\x89HDF\r\n\x1a\n",),
    is_extra=True,
)
_RASTERS = (GEOTIFF, JPEG2000, PNG, JPEG, NETCDF, HDF5)
RASTER_EXTENSIONS = frozenset().union(*(one.extensions for one in _RASTERS))
_NAMES = {
    b"<VRTDataset": "a GDAL virtual raster",
    b"<OGRVRTDataSource": "a GDAL virtual vector",
    b"<GDALTileIndexDataset": "a GDAL tile index",
    b"<GDAL_": "a GDAL service description",
    b"<WMT_MS_Capabilities": "a web map service",
    b"<!DOCTYPE": "a web page or XML",
    b"<html": "a web page",
    b"<?xml": "XML",
    b"SQLite format 3\0": "a GeoPackage or SQLite file",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF",
    b"GRIB": "a GRIB file",
    b"GIF8": "a GIF image",
    b"BM": "a bitmap image",
    b"\x0e\x03\x13\x01": "an HDF4 file",
    b"NITF": "a NITF file",
    b"EHFA_HEADER_TAG": "an Erdas Imagine file",
}
_TAKEN = "rasters are taken as GeoTIFF (.tif) or JPEG 2000 (.jp2), or zipped with a world file (.png, .jpg)"


def format_of(head: bytes, *, name: str, extra_formats: bool = False) -> RasterFormat:
    """The format of a raster or archive by its first bytes, which must agree with the extension.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH when name and content disagree, UNSUPPORTED_FORMAT when they
            agree on something that is not taken.
    """
    extension = PurePosixPath(name).suffix.lower()
    found = next((one for one in (*_RASTERS, ZIP) if head.startswith(one.signatures)), None)
    if found is None or (extension and extension not in found.extensions):
        promised = any(extension in one.extensions for one in (*_RASTERS, ZIP))
        if promised or found is not None:
            raise _mismatch(extension, found.name if found else _name_of(head))
        raise _unsupported(_name_of(head))
    if found.is_extra and not extra_formats:
        raise _unsupported(found.name)
    return found


def _name_of(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, name in _NAMES.items():
        if head.startswith(signature) or text.startswith(signature):
            return name
    return "an unknown format"


def _mismatch(extension: str, found: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"The file is named {extension[:20]} but holds {found}.",
        code="CONTENT_MISMATCH",
        remedy=f"Give the file the extension of its content; {_TAKEN}.",
    )


def _unsupported(found: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"The source holds {found}; {_TAKEN}.",
        code="UNSUPPORTED_FORMAT",
        remedy="Convert the file to GeoTIFF, for example with gdal_translate, and submit that.",
    )
