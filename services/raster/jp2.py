"""The structure of a JPEG 2000 file, looked at before GDAL opens it: is the codestream whole?

Source: ISO/IEC 15444-1, annex I.4 (boxes) and annex A.4.4 (the marker that ends a codestream).
"""

from collections.abc import Iterator

from core.errors import PermanentTaskError
from services.raster.tiff import ReadRange

_CODESTREAM = b"jp2c"
_START, _END = b"\xff\x4f", b"\xff\xd9"
_MAX_BOXES = 1_000


def check_jp2(read: ReadRange, *, size_bytes: int) -> None:
    """Walk over the boxes, and look at the ends of the codestream.

    Raises:
        PermanentTaskError: RASTER_UNREADABLE.
    """
    start, end = _codestream(read, size_bytes)
    if read(start, 2) != _START:
        raise _damaged("its image does not begin where it should")
    if _END not in read(max(start, end - 16), min(16, end - start)):  # some writers pad it
        raise _damaged("it was cut off")


def _codestream(read: ReadRange, size_bytes: int) -> tuple[int, int]:
    if read(0, 2) == _START:
        return 0, size_bytes
    for kind, start, end in _boxes(read, size_bytes):
        if kind == _CODESTREAM:
            return start, end
    raise _damaged("it holds no image")


def _boxes(read: ReadRange, size_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, begin and end of the content of each box."""
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset + 8 > size_bytes:
            return
        head = read(offset, 16)
        length, kind, begin = int.from_bytes(head[:4], "big"), head[4:8], offset + 8
        if length == 1:
            length, begin = int.from_bytes(head[8:16], "big"), offset + 16
        end = size_bytes if length == 0 else offset + length
        if end < begin or end > size_bytes:
            raise _damaged("it was cut off")
        yield kind, begin, end
        offset = end


def _damaged(why: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"The JPEG 2000 file is damaged: {why}.",
        code="RASTER_UNREADABLE",
        remedy="Check the file with gdalinfo -checksum, and upload it again.",
    )
