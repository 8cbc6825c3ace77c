"""Tiles that were drawn in advance, from the PMTiles archive of a dataset.

The archive holds the low zooms in the default look, so it answers where a client asks for nothing else. It
never changes under its name: its directories, and the tiles used last, are kept.

Specification: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pmtiles.tile import TileType, deserialize_directory, deserialize_header, find_tile, zxy_to_tileid

from triggers.serving.config import BlobReader

_ARCHIVES = 64
_TILES = 512
_HEADER_BYTES = 127
_DEEPEST_DIRECTORY = 3
_FORMATS = {TileType.PNG: ("png", "image/png"), TileType.WEBP: ("webp", "image/webp")}


@dataclass(frozen=True, slots=True)
class DrawnTile:
    """A tile and what it is."""

    content: bytes
    media_type: str


class TileArchives:
    """The archives of one blob store. Safe for use by several threads."""

    def __init__(self, blobs: BlobReader) -> None:
        self._archive = lru_cache(maxsize=_ARCHIVES)(lambda uri: _Archive(blobs, uri))

    def find(self, uri: str, *, z: int, x: int, y: int, wanted: str | None) -> DrawnTile | None:
        """The tile, if it is in the archive, and of the format `wanted` (any with None).

        Raises:
            TransientError: (STORAGE_TIMEOUT) the blob storage does not answer.
        """
        archive: _Archive = self._archive(uri)
        name, media_type = archive.tile_format
        if wanted not in (None, name) or not archive.minzoom <= z <= archive.maxzoom:
            return None
        content = archive.tile(z, x, y)
        return DrawnTile(content, media_type) if content else None


class _Archive:
    def __init__(self, blobs: BlobReader, uri: str) -> None:
        self._read: Callable[[int, int], bytes] = lambda start, length: b"".join(
            blobs.open_range(uri, start=start, length=length)
        )
        self._header: Any = deserialize_header(self._read(0, _HEADER_BYTES))
        self.directory = lru_cache(maxsize=64)(
            lambda start, length: deserialize_directory(self._read(start, length))
        )
        self.tile = lru_cache(maxsize=_TILES)(self._tile)
        self.minzoom: int = self._header["min_zoom"]
        self.maxzoom: int = self._header["max_zoom"]

    @property
    def tile_format(self) -> tuple[str, str]:
        """The ending and the media type; empty where browsers do not know it."""
        return _FORMATS.get(self._header["tile_type"], ("", ""))

    def _tile(self, z: int, x: int, y: int) -> bytes | None:
        wanted = zxy_to_tileid(z, x, y)
        start, length = self._header["root_offset"], self._header["root_length"]
        for _ in range(_DEEPEST_DIRECTORY + 1):
            entry = find_tile(self.directory(start, length), wanted)
            if entry is None:
                return None
            if entry.run_length:
                return self._read(self._header["tile_data_offset"] + entry.offset, entry.length)
            start, length = self._header["leaf_directory_offset"] + entry.offset, entry.length
        return None
