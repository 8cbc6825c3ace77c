"""What is let in: sizes and first bytes, looked at before GDAL sees the file, and the numbers after."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.errors import PermanentTaskError

GEOTIFF_DTYPES = frozenset({"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"})
_TIFF_EXTENSIONS = frozenset({".tif", ".tiff", ".gtiff", ".geotiff", ".cog"})
# TIFF 6.0, section 2, and BigTIFF: byte order, then the version 42 or 43 in that order.
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_OTHER_SIGNATURES = {
    b"<VRTDataset": "a GDAL virtual raster",
    b"<OGRVRTDataSource": "a GDAL virtual vector",
    b"<GDAL_": "a GDAL service description",
    b"<!DOCTYPE": "a web page or XML",
    b"<?xml": "XML",
    b"PK\x03\x04": "a zip archive",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89HDF": "an HDF5 or netCDF file",
    b"CDF": "a netCDF file",
    b"\0\0\0\x0cjP": "a JPEG 2000 image",
    b"SQLite format 3\0": "a GeoPackage or SQLite file",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a raster one task may hold. Larger ones are cut into tiles first.

    `max_pixel_bytes` is the size of all bands uncompressed: a file of 1.5 kB can claim 200,000 x 200,000
    pixels. `max_block_bytes` is one TIFF tile or strip, which is always decoded as a whole.
    """

    max_file_bytes: int = 8 * 2**30
    max_pixel_bytes: int = 16 * 2**30
    max_block_bytes: int = 256 * 2**20
    max_side: int = 200_000
    max_bands: int = 64


DEFAULT_LIMITS = Limits()


def check_size(size_bytes: int, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse a file that is too large, before it is downloaded.

    Raises:
        PermanentTaskError: SOURCE_TOO_LARGE, or RASTER_UNREADABLE for an empty file.
    """
    if size_bytes == 0:
        raise PermanentTaskError(
            "The source file is empty (0 bytes).", code="RASTER_UNREADABLE", remedy="Upload the file again."
        )
    if size_bytes > limits.max_file_bytes:
        raise _too_large(f"The source file has {size_bytes} bytes", f"{limits.max_file_bytes} bytes")


def check_content(path: Path, *, uri: str) -> None:
    """Refuse a file whose first bytes are not those of a TIFF, or whose name says something else.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH when name and content disagree, UNSUPPORTED_FORMAT when
            they agree on something that is no GeoTIFF.
    """
    with path.open("rb") as file:
        head = file.read(64)
    extension = PurePosixPath(uri).suffix.lower()
    if head.startswith(_TIFF_SIGNATURES):
        if extension and extension not in _TIFF_EXTENSIONS:
            raise _mismatch(f"The file is named {extension} but holds a TIFF.")
        return
    found = _name_of(head)
    if extension in _TIFF_EXTENSIONS:
        raise _mismatch(f"The file is named {extension} but holds {found}.")
    raise PermanentTaskError(
        f"The source holds {found}; rasters are taken as GeoTIFF.",
        code="UNSUPPORTED_FORMAT",
        remedy="Convert the file to GeoTIFF, for example with gdal_translate, and submit that.",
    )


def check_shape(
    *, width: int, height: int, bands: int, dtype: str, block_bytes: int, limits: Limits = DEFAULT_LIMITS
) -> None:
    """Refuse a raster that is more than one task can hold, by its header.

    Raises:
        PermanentTaskError: BAND_LIMIT, DTYPE_UNSUPPORTED or SOURCE_TOO_LARGE.
    """
    if bands > limits.max_bands:
        raise PermanentTaskError(
            f"The raster has {bands} bands, at most {limits.max_bands} are taken.",
            code="BAND_LIMIT",
            remedy="Split the bands over several files.",
            context={"band_count": bands, "limit": limits.max_bands},
        )
    if dtype not in GEOTIFF_DTYPES:
        raise PermanentTaskError(
            f"Pixels of type {dtype} are not supported.",
            code="DTYPE_UNSUPPORTED",
            remedy=f"Convert the raster to one of {', '.join(sorted(GEOTIFF_DTYPES))}.",
            context={"dtype": dtype},
        )
    if max(width, height) > limits.max_side:
        raise _too_large(f"The raster has {width} x {height} pixels", f"{limits.max_side} pixels a side")
    pixel_bytes = width * height * bands * _item_bytes(dtype)
    if pixel_bytes > limits.max_pixel_bytes:
        raise _too_large(f"The pixels take {pixel_bytes} bytes", f"{limits.max_pixel_bytes} bytes")
    if block_bytes > limits.max_block_bytes:
        raise _too_large(f"One block takes {block_bytes} bytes", f"{limits.max_block_bytes} bytes")


def _item_bytes(dtype: str) -> int:
    return int(dtype.lstrip("uintfloa")) // 8


def _name_of(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for signature, name in _OTHER_SIGNATURES.items():
        if head.startswith(signature) or text.startswith(signature):
            return name
    return "an unknown format"


def _mismatch(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="CONTENT_MISMATCH",
        remedy="Give the file the extension of its content; rasters are taken as GeoTIFF (.tif).",
    )


def _too_large(what: str, limit: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"{what}, the limit is {limit}.",
        code="SOURCE_TOO_LARGE",
        remedy="Cut the raster into parts, or store it in smaller tiles (gdal_translate -co TILED=YES).",
    )
