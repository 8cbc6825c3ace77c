"""The structure of a TIFF, looked at before GDAL opens it: does every block lie inside the file?

A file that was cut off in transfer has a perfect header, and only the blocks behind the cut are missing.
The offsets and lengths of all blocks tell that without reading a pixel: some hundred kilobytes for a file of
many gigabytes. Source: TIFF 6.0, sections 2, 3 and 15; the BigTIFF design of libtiff.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import PermanentTaskError

ReadRange = Callable[[int, int], bytes]

_SUBFILE_TYPE, _WIDTH, _HEIGHT, _SAMPLES, _PLANAR = 254, 256, 257, 277, 284
_STRIP_OFFSETS, _ROWS_PER_STRIP, _STRIP_COUNTS = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS = 322, 323, 324, 325
_GDAL_METADATA, _GDAL_NODATA = 42112, 42113
_TEXT_TYPES = (1, 2, 7)
_REDUCED, _MASK = 1, 4
_SEPARATE = 2
_TYPES = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 11: 4, 13: 4}  # the others take 8
_MAX_IMAGES = 64
_MAX_ENTRIES = 4_096
_MAX_BLOCKS = 16 * 2**20
_MAX_TEXT = 1_024
_MAX_METADATA = 2**20
_CHUNK = 2**20  # values of an array that are looked at at once
_WINDOW_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True)
class TiffStructure:
    """What the directories say. `sparse_count`: blocks that are not stored. `nodata`: GDAL's, as written."""

    band_count: int
    block_count: int
    sparse_count: int
    stored_bytes: int
    nodata: str | None

    @property
    def is_empty(self) -> bool:
        """Not a single block is stored."""
        return self.sparse_count >= self.block_count


@dataclass(frozen=True, slots=True)
class _Entry:
    type: int
    count: int
    offset: int


def check_tiff(read: ReadRange, *, size_bytes: int) -> TiffStructure:
    """The structure of the first image and its mask; those of overviews and further pages do not matter.

    Raises:
        PermanentTaskError: RASTER_UNREADABLE, or SOURCE_TOO_LARGE for more blocks than a list can hold.
    """
    file = _File(read, size_bytes)
    images = list(_images(file))
    first = _blocks(file, images[0])
    for image in images[1:]:
        kind = file.number(image, _SUBFILE_TYPE, default=0)
        if kind & _MASK and not kind & _REDUCED:
            _blocks(file, image)
    return first


def gdal_metadata(read: ReadRange, *, size_bytes: int) -> bytes:
    """The XML that GDAL has left in the first image; empty where there is none, or too much to be looked at.

    Raises:
        PermanentTaskError: RASTER_UNREADABLE.
    """
    file = _File(read, size_bytes)
    entry = next(_images(file)).get(_GDAL_METADATA)
    if entry is None or entry.type not in _TEXT_TYPES or not 0 < entry.count <= _MAX_METADATA:
        return b""
    if entry.offset + entry.count > size_bytes:
        return b""
    return file.at(entry.offset, entry.count).split(b"\0")[0]


class _File:
    """Reads values at their places, none of them outside of the file."""

    def __init__(self, read: ReadRange, size_bytes: int) -> None:
        self._read = read
        self.size_bytes = size_bytes
        self._start, self._window = 0, read(0, min(_WINDOW_BYTES, size_bytes))
        self._order = "<" if self._window.startswith(b"II") else ">"
        self.is_big = self._window[2:4] in (b"+\0", b"\0+")

    def at(self, offset: int, length: int) -> bytes:
        """The bytes there, all of them."""
        if offset < 0 or offset + length > self.size_bytes:
            raise _damaged("its directory points beyond the end of the file")
        place = offset - self._start
        if not 0 <= place <= len(self._window) - length:
            # More than was asked for: a directory is read value by value, and each read may be a request.
            wanted = min(max(length, _WINDOW_BYTES), self.size_bytes - offset)
            self._start, self._window, place = offset, self._read(offset, wanted), 0
            if len(self._window) < length:
                raise _damaged("it ends too early")
        return self._window[place : place + length]

    def unpack(self, layout: str, offset: int) -> tuple[Any, ...]:
        """Values at an offset, in the byte order of the file."""
        layout = self._order + layout
        return struct.unpack(layout, self.at(offset, struct.calcsize(layout)))

    def number(self, image: dict[int, _Entry], tag: int, *, default: int | None = None) -> int:
        """The first value of a tag."""
        entry = image.get(tag)
        if entry is None:
            if default is None:
                raise _damaged(f"it lacks the tag {tag}")
            return default
        return int(next(self.arrays(entry, 1))[0])

    def arrays(self, entry: _Entry, count: int) -> Iterator[np.ndarray]:
        """The first `count` integers of a tag, in chunks."""
        if entry.type not in _TYPES or entry.count == 0:
            raise _damaged("a list of numbers is of another type")
        dtype = np.dtype(self._order + _TYPES[entry.type])
        if entry.offset + entry.count * dtype.itemsize > self.size_bytes:
            raise _damaged("a list of numbers reaches beyond the end of the file")
        for start in range(0, count, _CHUNK):
            size = min(_CHUNK, count - start) * dtype.itemsize
            yield np.frombuffer(self.at(entry.offset + start * dtype.itemsize, size), dtype=dtype)


def _images(file: _File) -> Iterator[dict[int, _Entry]]:
    """The directories in their chain, as far as they are sound; the first one has to be."""
    offset, seen = file.unpack("Q", 8)[0] if file.is_big else file.unpack("I", 4)[0], set[int]()
    while offset and offset not in seen and len(seen) < _MAX_IMAGES:
        seen.add(offset)
        try:
            image, offset = _image(file, offset)
        except PermanentTaskError:
            if len(seen) == 1:
                raise
            return
        yield image
    if not seen:
        raise _damaged("it has no image")


def _image(file: _File, offset: int) -> tuple[dict[int, _Entry], int]:
    count_layout, entry_layout, next_layout = ("Q", "HHQQ", "Q") if file.is_big else ("H", "HHII", "I")
    (count,) = file.unpack(count_layout, offset)
    if not 0 < count <= _MAX_ENTRIES:
        raise _damaged("its directory has no or too many entries")
    start = offset + struct.calcsize("<" + count_layout)
    entry_bytes = struct.calcsize("<" + entry_layout)
    image = {}
    for place in range(start, start + count * entry_bytes, entry_bytes):
        tag, kind, values, where = file.unpack(entry_layout, place)
        image[tag] = _Entry(
            kind, values, _place(kind, values, where=where, entry_end=place + entry_bytes, file=file)
        )
    return image, file.unpack(next_layout, start + count * entry_bytes)[0]


def _place(kind: int, count: int, *, where: int, entry_end: int, file: _File) -> int:
    """Values that fit into the entry stand in it, left-aligned; others where it points."""
    room = 8 if file.is_big else 4
    return entry_end - room if count * _TYPE_BYTES.get(kind, 8) <= room else where


def _blocks(file: _File, image: dict[int, _Entry]) -> TiffStructure:
    offsets, counts = _lists(image)
    expected = _expected(file, image)
    if expected > _MAX_BLOCKS:
        raise PermanentTaskError(
            f"The raster is cut into {expected} blocks, at most {_MAX_BLOCKS} are taken.",
            code="SOURCE_TOO_LARGE",
            remedy="Store it in tiles of 512 x 512 pixels (gdal_translate -co TILED=YES).",
        )
    if offsets.count < expected or counts.count < expected:
        raise _damaged(f"its header promises {expected} blocks and lists fewer")
    sparse, stored = 0, 0
    for starts, lengths in zip(file.arrays(offsets, expected), file.arrays(counts, expected), strict=True):
        first, length = starts.astype(np.uint64), lengths.astype(np.uint64)
        is_stored = (first != 0) & (length != 0)
        room = np.uint64(file.size_bytes)
        if bool((is_stored & ((first > room) | (length > room - np.minimum(first, room)))).any()):
            raise _damaged("blocks of it lie behind its end: it was cut off")
        sparse += int((~is_stored).sum())
        stored += int(length[is_stored].sum())
    return TiffStructure(
        file.number(image, _SAMPLES, default=1), expected, sparse, stored, _nodata(file, image)
    )


def _lists(image: dict[int, _Entry]) -> tuple[_Entry, _Entry]:
    for offsets, counts in ((_TILE_OFFSETS, _TILE_COUNTS), (_STRIP_OFFSETS, _STRIP_COUNTS)):
        if offsets in image and counts in image:
            return image[offsets], image[counts]
    raise _damaged("it does not say where its blocks lie")


def _expected(file: _File, image: dict[int, _Entry]) -> int:
    width, height = file.number(image, _WIDTH), file.number(image, _HEIGHT)
    if _TILE_OFFSETS in image:
        columns, rows = file.number(image, _TILE_WIDTH), file.number(image, _TILE_HEIGHT)
    else:
        columns, rows = width, min(file.number(image, _ROWS_PER_STRIP, default=height), height)
    if min(width, height, columns, rows) < 1:
        raise _damaged("its header gives a size of 0")
    is_separate = file.number(image, _PLANAR, default=1) == _SEPARATE
    planes = file.number(image, _SAMPLES, default=1) if is_separate else 1
    return -(-width // columns) * -(-height // rows) * planes


def _nodata(file: _File, image: dict[int, _Entry]) -> str | None:
    entry = image.get(_GDAL_NODATA)
    if entry is None or not 0 < entry.count <= _MAX_TEXT:
        return None
    text = file.at(entry.offset, entry.count).split(b"\0")[0].decode("ascii", errors="replace")
    return text.strip() or None


def _damaged(why: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"The TIFF is damaged: {why}.",
        code="RASTER_UNREADABLE",
        remedy="Check the file with gdalinfo -checksum, and upload it again.",
    )
