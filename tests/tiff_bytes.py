"""TIFF files byte by byte, so that they can lie. Source: TIFF 6.0, section 2; GeoTIFF 1.1."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS = 273, 277, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
PIXEL_SCALE, TIE_POINTS, GEO_KEYS, GDAL_METADATA, GDAL_NODATA = 33550, 33922, 34735, 42112, 42113
UTM33_KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)

_CODES = {"B": 1, "s": 2, "H": 3, "I": 4, "d": 12, "Q": 16}


@dataclass(frozen=True)
class Tag:
    """A value of a tag: the letter of `struct` that it is written by (s: text), and its numbers.

    `count` is what the directory says, where that is not the truth.
    """

    kind: str
    values: Sequence[float] | bytes
    count: int | None = None


@dataclass
class TiffBytes:
    """A TIFF of one band of bytes in one strip, 64 x 48, in UTM zone 33; change it before `build`.

    `offsets` and `counts` are those of the blocks, or what is written in their place.
    """

    width: int = 64
    height: int = 48
    blocks: list[bytes] = field(default_factory=lambda: [bytes(range(1, 65)) * 48])
    tags: dict[int, Tag] = field(default_factory=dict)
    is_big: bool = False
    order: str = "<"
    offsets: Sequence[int] | None = None
    counts: Sequence[int] | None = None
    next_image: int = 0
    is_tiled: bool = False
    magic: bytes | None = None

    def build(self) -> bytes:
        """The file: header, blocks, long values, directory."""
        body = bytearray(16)
        offsets = []
        for block in self.blocks:
            offsets.append(len(body))
            body += block
        tags = self._tags(offsets)
        places = {tag: self._placed(body, value) for tag, value in sorted(tags.items())}
        directory = len(body) + len(body) % 2
        body += b"\0" * (directory - len(body)) + self._directory(tags, places)
        head = self._header(directory)
        body[: len(head)] = head
        return bytes(body)

    def _tags(self, offsets: list[int]) -> Mapping[int, Tag]:
        word = "Q" if self.is_big else "I"
        starts = self.offsets if self.offsets is not None else offsets
        counts = self.counts if self.counts is not None else [len(block) for block in self.blocks]
        base = {
            WIDTH: Tag("I", [self.width]),
            HEIGHT: Tag("I", [self.height]),
            BITS: Tag("H", [8]),
            COMPRESSION: Tag("H", [1]),
            PHOTOMETRIC: Tag("H", [1]),
            SAMPLES: Tag("H", [1]),
            TILE_OFFSETS if self.is_tiled else STRIP_OFFSETS: Tag(word, starts),
            TILE_COUNTS if self.is_tiled else STRIP_COUNTS: Tag(word, counts),
            PIXEL_SCALE: Tag("d", [10, 10, 0]),
            TIE_POINTS: Tag("d", [0, 0, 0, 500_000, 5_300_000, 0]),
            GEO_KEYS: Tag("H", UTM33_KEYS),
        }
        if not self.is_tiled:
            base[ROWS_PER_STRIP] = Tag("I", [self.height])
        return base | self.tags

    def _header(self, directory: int) -> bytes:
        mark = b"II" if self.order == "<" else b"MM"
        if self.is_big:
            head = struct.pack(f"{self.order}HHHQ", 43, 8, 0, directory)
        else:
            head = struct.pack(f"{self.order}HI", 42, directory)
        return (self.magic or mark) + head

    def _encoded(self, tag: Tag) -> bytes:
        if isinstance(tag.values, bytes):
            return tag.values
        numbers = [value if tag.kind == "d" else int(value) for value in tag.values]
        return struct.pack(f"{self.order}{len(numbers)}{tag.kind}", *numbers)

    def _placed(self, body: bytearray, tag: Tag) -> bytes:
        """The field of the entry: the value itself, or where it lies."""
        room = 8 if self.is_big else 4
        value = self._encoded(tag)
        if len(value) <= room:
            return value.ljust(room, b"\0")
        start = len(body)
        body += value
        return struct.pack(self.order + ("Q" if self.is_big else "I"), start)

    def _directory(self, tags: Mapping[int, Tag], places: Mapping[int, bytes]) -> bytes:
        word = "Q" if self.is_big else "I"
        entries = b"".join(
            struct.pack(
                f"{self.order}HH{word}",
                number,
                _CODES[tag.kind],
                len(tag.values) if tag.count is None else tag.count,
            )
            + places[number]
            for number, tag in sorted(tags.items())
        )
        count = struct.pack(self.order + ("Q" if self.is_big else "H"), len(tags))
        return count + entries + struct.pack(self.order + word, self.next_image)
