"""PMTiles (version 3) with vector tiles: every zoom from 0 to where the data have no more to show.

Specifications: https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md, Mapbox Vector Tile 2.1.
"""

import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.errors import PermanentTaskError
from core.vector_ports import TileExtent, TileRow, TileTable
from services.pmtiles_file import finish, open_archive
from services.vector.export.source import TableSource

MOST_TILE_BYTES = 500_000
_MOST_FEATURES = 20_000  # of one layer of a tile
_MOST_LETTERS = 200  # of a text, in tiles that would be too large
_MOST_TILES = 200_000
_DEEPEST = 14
_TILES_AT_A_TIME = 64
_EXTENT = 4096  # units of a tile
_RADIUS = 20_037_508.342789244  # half the width of Web Mercator, in metres
_WIDTH = 2 * _RADIUS
_E7 = 10_000_000
_KINDS = {
    "boolean": "Boolean",
    "bigint": "Number",
    "integer": "Number",
    "smallint": "Number",
    "real": "Number",
    "double precision": "Number",
}
Place = tuple[int, int]


def write_pmtiles(sources: Sequence[TableSource], target: Path, *, name: str) -> None:
    """Write all tables as layers of the tiles; below the deepest zoom viewers enlarge it.

    A tile that would be larger than 500 kB (compressed) has its long texts cut, then holds its largest
    features alone, and is left out when one alone is still too large. All of that is noted.

    Raises:
        PermanentTaskError: NOTHING_TO_DRAW: no feature has a place in Web Mercator. FORMAT_LIMIT: every tile
            was left out.
    """
    readings = [source.reading() for source in sources]
    with sources[0].reader.tiling(readings) as tables:
        extents = [table.extent() for table in tables]
        for source, extent in zip(sources, extents, strict=True):
            source.row_count = extent.feature_count
        pyramid = _Pyramid(sources, tables, extents)
        with open_archive(target) as writer:
            for z, (x, y), content in pyramid.tiles():
                writer.write_tile(_tile_id(z, x, y), content)
            if not writer.tile_entries:
                raise _all_too_large() if pyramid.has_left_out else _nothing_to_draw()
            metadata = _metadata(sources, pyramid, name=name)
            finish(writer, _header(pyramid), metadata, deepest=pyramid.deepest)
    _note(sources)


class _Pyramid:
    """The tiles of all zooms, by zoom and along the archive's Hilbert curve."""

    def __init__(
        self, sources: Sequence[TableSource], tables: Sequence[TileTable], extents: Sequence[TileExtent]
    ) -> None:
        self._sources, self._tables = sources, tables
        self.bounds = _united(extents)
        self.deepest = max(map(_finest_zoom, extents))
        self.has_left_out = False
        self._thinned_zooms: set[int] = set()

    def tiles(self) -> Iterator[tuple[int, Place, bytes]]:
        """Every tile that is not empty. Where a zoom would have too many, the one before is the deepest."""
        yield from self._all_tiles()
        self._note_thinned()  # not before it is known which zoom is the deepest

    def _all_tiles(self) -> Iterator[tuple[int, Place, bytes]]:
        places: list[Place] = [(0, 0)]
        made = 0
        for zoom in range(self.deepest + 1):
            found: list[Place] = []
            for start in range(0, len(places), _TILES_AT_A_TIME):
                self._report(zoom, start / len(places))
                for place, content in self._drawn(zoom, places[start : start + _TILES_AT_A_TIME]):
                    found.append(place)  # what is too small, or too much, for this zoom may show below
                    if len(content) > MOST_TILE_BYTES:
                        self._left_out()
                    elif content:
                        made += 1
                        yield zoom, place, content
            places = self._below(zoom, found)
            if made + len(places) > _MOST_TILES:
                self.deepest = zoom
                return

    def _report(self, zoom: int, share: float) -> None:
        context = self._sources[0].progress.context
        context.checkpoint(0.9 * (zoom + share) / (self.deepest + 1))

    def _drawn(self, zoom: int, places: Sequence[Place]) -> Iterator[tuple[Place, bytes]]:
        layers: dict[Place, list[TileRow]] = {place: [] for place in places}
        for source, table in zip(self._sources, self._tables, strict=True):
            for tile in table.tiles(zoom, places, layer=source.name, most=_MOST_FEATURES):
                layers[tile.x, tile.y].append(tile)
                if tile.is_thinned:
                    self._thinned_zooms.add(zoom)
        for place, found in layers.items():
            if found:
                yield place, self._bounded(zoom, place, found)

    def _bounded(self, zoom: int, place: Place, layers: Sequence[TileRow]) -> bytes:
        """The tile, with long texts cut and half the features as often as it takes.

        One feature alone may still be too large.
        """
        if not any(layer.feature_count for layer in layers):
            return b""
        content, most = _compressed(layers), _MOST_FEATURES
        if len(content) > MOST_TILE_BYTES:
            content = self._cut(zoom, place, content)
            most = max(layer.feature_count for layer in layers)
        while len(content) > MOST_TILE_BYTES and most > 1:
            most = max(min(most // 2, int(most * MOST_TILE_BYTES / len(content))), 1)
            self._thinned_zooms.add(zoom)
            content = self._smaller(zoom, place, most)
        return content

    def _cut(self, zoom: int, place: Place, content: bytes) -> bytes:
        shorter = self._smaller(zoom, place, _MOST_FEATURES)
        if len(shorter) < len(content):
            words = f"Tiles that 500 kB do not hold have texts of at most {_MOST_LETTERS} letters."
            self._sources[0].notes.say("TILE_TEXTS_CUT", words)
        return shorter

    def _smaller(self, zoom: int, place: Place, most: int) -> bytes:
        return _compressed(
            tile
            for source, table in zip(self._sources, self._tables, strict=True)
            for tile in table.tiles(zoom, [place], layer=source.name, most=most, most_letters=_MOST_LETTERS)
        )

    def _left_out(self) -> None:
        self.has_left_out = True
        words = "tiles are left out: one feature alone, or one of each layer, is more than 500 kB hold."
        self._sources[0].notes.count("TILES_LEFT_OUT", 1, words)

    def _note_thinned(self) -> None:
        notes = self._sources[0].notes
        if self._thinned_zooms - {self.deepest}:
            words = "Tiles with more features than 500 kB hold show the largest ones; deeper zooms show more."
            notes.say("TILES_THINNED", words)
        if self.deepest in self._thinned_zooms:
            words = "Some tiles of the deepest zoom hold their largest features alone."
            notes.say("TILES_THINNED_DEEPEST", words)

    def _below(self, zoom: int, places: Sequence[Place]) -> list[Place]:
        below = [(2 * x + i, 2 * y + j) for x, y in places for i in (0, 1) for j in (0, 1)]
        inside = [place for place in below if _touches(zoom + 1, place, self.bounds)]
        return sorted(inside, key=lambda place: _tile_id(zoom + 1, *place))


def _compressed(layers: Iterable[TileRow]) -> bytes:
    """The layers of a tile are fields of one message: their bytes stand one after the other."""
    return gzip.compress(b"".join(layer.content for layer in layers), mtime=0)


def _united(extents: Sequence[TileExtent]) -> tuple[float, float, float, float]:
    """Raises PermanentTaskError: NOTHING_TO_DRAW."""
    bounds = [extent.bounds for extent in extents if extent.bounds]
    if not bounds:
        raise _nothing_to_draw()
    west, south, east, north = zip(*bounds, strict=True)
    return min(west), min(south), max(east), max(north)


def _nothing_to_draw() -> PermanentTaskError:
    return PermanentTaskError(
        "No feature has a place on a map.",
        code="NOTHING_TO_DRAW",
        remedy="Take a format that holds features without a place, for example GeoPackage.",
    )


def _all_too_large() -> PermanentTaskError:
    return PermanentTaskError(
        "Every tile has a feature that alone is larger than the 500 kB of a tile.",
        code="FORMAT_LIMIT",
        remedy="Take another format, for example GeoPackage or GeoParquet.",
    )


def _finest_zoom(extent: TileExtent) -> int:
    """The zoom at which neighbouring vertices, or points, are some units of a tile apart."""
    if not extent.bounds:
        return 0
    west, south, east, north = extent.bounds
    # Points spread evenly over their bounds would be so far apart.
    by_density = math.sqrt(max(east - west, 1.0) * max(north - south, 1.0) / max(extent.feature_count, 1))
    spacing = max(min(filter(None, (extent.spacing, by_density))), 0.1)
    return min(max(math.ceil(math.log2(_WIDTH / (spacing * _EXTENT / 16))), 0), _DEEPEST)


def _touches(zoom: int, place: Place, bounds: tuple[float, float, float, float]) -> bool:
    side = _WIDTH / 2**zoom
    edge = side / 64  # what is drawn beyond a tile's sides
    west, north = place[0] * side - _RADIUS, _RADIUS - place[1] * side
    is_beside = west - edge > bounds[2] or west + side + edge < bounds[0]
    return not (is_beside or north - side - edge > bounds[3] or north + edge < bounds[1])


def _tile_id(z: int, x: int, y: int) -> int:
    from pmtiles.tile import zxy_to_tileid

    return int(zxy_to_tileid(z, x, y))


def _header(pyramid: _Pyramid) -> dict[str, object]:
    from pmtiles.tile import Compression, TileType

    west, south = _degrees(*pyramid.bounds[:2])
    east, north = _degrees(*pyramid.bounds[2:])
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": round(west * _E7),
        "min_lat_e7": round(south * _E7),
        "max_lon_e7": round(east * _E7),
        "max_lat_e7": round(north * _E7),
        "center_zoom": pyramid.deepest // 2,
        "center_lon_e7": round((west + east) / 2 * _E7),
        "center_lat_e7": round((south + north) / 2 * _E7),
    }


def _degrees(x: float, y: float) -> tuple[float, float]:
    """Spherical Mercator backwards (EPSG guidance note 7-2, method 1024)."""
    return math.degrees(x / _RADIUS * math.pi), math.degrees(math.atan(math.sinh(y / _RADIUS * math.pi)))


def _metadata(sources: Sequence[TableSource], pyramid: _Pyramid, *, name: str) -> dict[str, Any]:
    layers = [
        {
            "id": source.name,
            "description": source.table.title,
            "minzoom": 0,
            "maxzoom": pyramid.deepest,
            "fields": {each.name: _KINDS.get(each.sql_type, "String") for each in source.table.columns},
        }
        for source in sources
    ]
    return {"name": name, "type": "overlay", "format": "pbf", "vector_layers": layers}


def _note(sources: Sequence[TableSource]) -> None:
    notes = sources[0].notes
    notes.say("FOR_DISPLAY", "Tiles are for display: coordinates are rounded to the grid of a tile, and 2D.")
    notes.say("NULLS_LEFT_OUT", "Features without a place, and values that are null, are not in tiles.")
