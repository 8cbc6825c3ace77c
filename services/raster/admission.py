"""What is let in by its numbers: the size of the file, and what its header claims."""

from dataclasses import dataclass

from core.errors import PermanentTaskError
from services.raster.header import Header
from services.raster.pixel_types import item_bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a raster may be, whether it becomes one COG or many tiles.

    Attributes:
        max_file_bytes: of a file that is read by ranges where it lies.
        max_download_bytes: of one that is downloaded, as the disk of a worker allows.
        max_pixel_bytes: of all bands uncompressed.
        max_expansion: how many pixel bytes there may be for each byte of the file, where they are more than
            `free_pixel_bytes`: a file of 1.5 kB can claim 200,000 x 200,000 pixels. The densest real
            rasters, masks and empty mosaics, stay below a thousand.
        max_whole_bytes: of all bands uncompressed, in a format that is only read from its begin to its end.
        max_warped: how many pixels warping by control points may make of one.
        max_block_bytes: of one TIFF tile or strip, which is always decoded as a whole.
    """

    max_file_bytes: int = 50 * 2**30
    max_download_bytes: int = 8 * 2**30
    max_pixel_bytes: int = 512 * 2**30
    free_pixel_bytes: int = 2 * 2**30
    max_expansion: int = 2_000
    max_whole_bytes: int = 2 * 2**30
    max_warped: int = 16
    max_block_bytes: int = 256 * 2**20
    max_side: int = 1_000_000
    max_bands: int = 64


DEFAULT_LIMITS = Limits()


def check_size(size_bytes: int, *, limit_bytes: int) -> None:
    """Refuse a file that is too large, before it is read.

    Raises:
        PermanentTaskError: SOURCE_TOO_LARGE, or RASTER_UNREADABLE for an empty file.
    """
    if size_bytes == 0:
        raise PermanentTaskError(
            "The source file is empty (0 bytes).", code="RASTER_UNREADABLE", remedy="Upload the file again."
        )
    if size_bytes > limit_bytes:
        raise _too_large(f"The source file has {size_bytes} bytes", f"{limit_bytes} bytes")


def check_band_count(count: int, *, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse a raster of many bands before each of them is looked at: a TIFF can claim 65,535.

    Raises:
        PermanentTaskError: BAND_LIMIT.
    """
    if count > limits.max_bands:
        raise PermanentTaskError(
            f"The raster has {count} bands, at most {limits.max_bands} are taken.",
            code="BAND_LIMIT",
            remedy="Split the bands over several files.",
            context={"band_count": count, "limit": limits.max_bands},
        )


def check_header(header: Header, *, file_bytes: int, in_parts: bool, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse a raster that is more than can be processed, by what its header claims.

    `in_parts`: its format lets a window be read without all that lies before it.

    Raises:
        PermanentTaskError: SOURCE_TOO_LARGE.
    """
    if max(header.width, header.height) > limits.max_side:
        raise _too_large(
            f"The raster has {header.width} x {header.height} pixels", f"{limits.max_side} pixels a side"
        )
    total = pixel_bytes(header)
    if not in_parts and total > limits.max_whole_bytes:
        raise _too_large(f"The pixels take {total} bytes", f"{limits.max_whole_bytes} bytes in this format")
    _check_pixel_bytes(total, file_bytes, limits)
    if (block := _block_bytes(header)) > limits.max_block_bytes:
        raise _too_large(f"One block takes {block} bytes", f"{limits.max_block_bytes} bytes")


def check_warped(pixels: int, *, of: int, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse ground control points or RPCs that blow the raster up: they contradict each other.

    Raises:
        PermanentTaskError: NO_GEOREFERENCE.
    """
    if pixels > max(limits.max_warped * of, 2**20):
        raise PermanentTaskError(
            f"Its control points would stretch the raster from {of} to {pixels} pixels.",
            code="NO_GEOREFERENCE",
            remedy="Check the ground control points, or georeference it in a GIS.",
        )


def pixel_bytes(header: Header) -> int:
    """Of all bands uncompressed."""
    return header.width * header.height * sum(item_bytes(band.dtype) for band in header.bands)


def _check_pixel_bytes(total: int, file_bytes: int, limits: Limits) -> None:
    if total > limits.max_pixel_bytes:
        raise _too_large(f"The pixels take {total} bytes", f"{limits.max_pixel_bytes} bytes")
    if total > max(limits.free_pixel_bytes, file_bytes * limits.max_expansion):
        raise PermanentTaskError(
            f"A file of {file_bytes} bytes claims {total} bytes of pixels: nearly all of it is empty.",
            code="SOURCE_TOO_LARGE",
            remedy="Cut out the part that holds data (gdal_translate -projwin), and submit that.",
            context={"file_bytes": file_bytes, "pixel_bytes": total, "max_expansion": limits.max_expansion},
        )


def _block_bytes(header: Header) -> int:
    first = header.bands[0]
    rows, columns = first.block_shape
    bands = len(header.bands) if header.is_pixel_interleaved else 1
    return rows * columns * bands * item_bytes(first.dtype)


def _too_large(what: str, limit: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"{what}, the limit is {limit}.",
        code="SOURCE_TOO_LARGE",
        remedy="Cut the raster into parts, or store it in smaller tiles (gdal_translate -co TILED=YES).",
    )
