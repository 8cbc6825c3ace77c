"""The SQL of vector tiles: which features, in which columns, and in what shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from morecantile import Tile, TileMatrixSet
from pyproj import CRS, Transformer

from infrastructure.queries import load
from triggers.serving.places import BoundingBox, projected

if TYPE_CHECKING:
    from tipg.collections import Column

    from triggers.serving.tables import PublishedTable
    from triggers.serving.vector_tiles import Reduction, TileAsked

_SQL = load("serving_tiles")
FULL_GRID = 4096
_BUFFER = 64  # of 4096
_PIXELS = 512
_WEB_MERCATOR, _RADIUS = 3857, 6378137.0
_NORTH = 85.0511287798066
_MERCATORS = frozenset({3857, 3395})
# The last zoom of each band of a companion: sql/queries/generalised.sql. Beyond the last it has true shapes.
_BANDS = (2, 5, 8, 11)
_LAST_BAND = 30
_PLAIN = frozenset({"bigint", "boolean", "float8", "integer", "real", "smallint", "text"})
_TIMES = frozenset({"date", "timestamp", "timestamptz"})
OVERVIEW_CELLS = 128  # on a side of a tile: infrastructure/repositories/overviews.py
_LONGEST_TEXT = 200  # characters, in tiles that were too large
_METRES_PER_DEGREE = 111_319.49


def band_of(zoom: int) -> int:
    """The band of a companion that has the shapes for a zoom."""
    return next((band for band in _BANDS if zoom <= band), _LAST_BAND)


@dataclass(frozen=True, slots=True)
class TilePlace:
    """Where a tile lies.

    Attributes:
        srid: of the tile's CRS; `bounds` are in it, and `around` has the buffer, too.
        boxes: in the table's CRS, holding what may be on the tile; None: nothing is known of that.
    """

    zoom: int
    srid: int
    bounds: BoundingBox
    around: BoundingBox
    boxes: tuple[BoundingBox, ...] | None

    @property
    def width(self) -> float:
        """In units of the tile's CRS."""
        return self.bounds[2] - self.bounds[0]

    @classmethod
    def of(cls, tile: Tile, tms: TileMatrixSet, *, table_srid: int, data: BoundingBox | None) -> TilePlace:
        """The place of a tile, as a table in the CRS `table_srid` sees it."""
        west, south, east, north = tms.xy_bounds(tile)
        margin = (east - west) * _BUFFER / FULL_GRID
        around = (west - margin, south - margin, east + margin, north + margin)
        srid: int = tms.crs.to_epsg() or 4326  # the one without a code is CRS84
        boxes = _boxes(around, srid=srid, table_srid=table_srid, data=data)
        return cls(tile.z, srid, (west, south, east, north), around, None if boxes is None else tuple(boxes))


def _boxes(
    around: BoundingBox, *, srid: int, table_srid: int, data: BoundingBox | None
) -> list[BoundingBox] | None:
    if srid == table_srid:
        return [around]
    if srid in (_WEB_MERCATOR, 4326):
        degrees = around if srid == 4326 else _degrees(around)
        return projected(degrees, srid=table_srid, data=data)
    bounds = _transformer(srid, table_srid).transform_bounds(*around)
    return [bounds] if all(map(math.isfinite, bounds)) and bounds[0] <= bounds[2] else None


def _degrees(box: BoundingBox) -> BoundingBox:
    def longitude(x: float) -> float:
        return math.degrees(x / _RADIUS)

    def latitude(y: float) -> float:
        return math.degrees(math.atan(math.sinh(y / _RADIUS)))

    south, north = latitude(box[1]), latitude(box[3])
    # The outermost tiles are answerable for what lies beyond Mercator: it is cut off, and not lost.
    south, north = (-90.0 if south < -_NORTH else south), (90.0 if north > _NORTH else north)
    return longitude(box[0]), south, longitude(box[2]), north


@lru_cache(maxsize=64)
def _transformer(source: int, target: int) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=64)
def _unit(srid: int) -> float:
    """About how many metres a unit of the CRS has."""
    return _METRES_PER_DEGREE if CRS.from_epsg(srid).is_geographic else 1.0


class TileStatement:
    """The statement for one tile of a table; `text` varies with how much it is to be reduced."""

    def __init__(self, table: PublishedTable, asked: TileAsked, place: TilePlace) -> None:
        self._table, self._asked, self._place = table, asked, place
        self._is_generalised = bool(
            table.generalised
            and place.srid == _WEB_MERCATOR
            and not asked.simplify
            and asked.is_main_geometry
        )

    @property
    def is_of_points(self) -> bool:
        """Whether there is nothing to simplify."""
        return self._asked.geometry.geometry_type.upper().rstrip("ZM") in ("POINT", "MULTIPOINT")

    def text(self, reduction: Reduction) -> str:
        """The statement; its parameter is the name of the layer."""
        values = {column.name: _value(column, reduction) for column in self._asked.columns}
        return _SQL["tile"].format(
            properties=" ".join(f"{value} AS {_quoted(name)}," for name, value in values.items()),
            grid=reduction.grid,
            geometry=self._geometry(reduction),
            place=self._placed(),
            source=self._source(reduction),
            choice=self._choice(reduction),
            order=self._asked.order or '"tile row"."tile fid"',
            most=reduction.most,
        )

    def _geometry(self, reduction: Reduction) -> str:
        parts = {
            "bounds": _envelope(self._place.bounds, self._place.srid),
            "grid": reduction.grid,
            "buffer": reduction.grid * _BUFFER // FULL_GRID,
        }
        if self.is_of_points:
            return _SQL["point_geometry"].format(**parts)
        shape = '"tile place"'
        if reduction.grid < FULL_GRID:
            shape = _SQL["simplified"].format(tolerance=self._place.width / reduction.grid)
        return _SQL["geometry"].format(**parts, shape=shape, pixel=self._place.width / _PIXELS)

    def _placed(self) -> str:
        if self._place.srid == self._asked.geometry.srid:
            return '"tile shape"'
        name = "placed_without_poles" if self._reaches_a_pole else "placed"
        placed = _SQL[name].format(srid=self._place.srid, south=-_NORTH, north=_NORTH)
        if not self._is_generalised:
            return placed
        return _SQL["placed_once"].format(srid=self._place.srid, placed=placed)

    @property
    def _reaches_a_pole(self) -> bool:
        bbox = self._table.bbox
        is_far = bbox is None or bbox[1] < -_NORTH or bbox[3] > _NORTH
        return is_far and self._place.srid in _MERCATORS

    def _source(self, reduction: Reduction) -> str:
        columns = [_quoted(column.name) for column in self._asked.columns]
        geometry = _quoted(self._asked.geometry.name)
        parts: dict[str, Any] = {
            "columns": "".join(f"{column}, " for column in columns),
            "fid": _quoted(self._asked.fid),
            "table": self._table.qualified_name,
            "near": self._near(geometry),
            "where": self._asked.where or "TRUE",
        }
        has_overview = self._has_overview(reduction)
        is_thinned = has_overview and reduction.cells >= OVERVIEW_CELLS
        if (cell := self._cell(reduction)) and not is_thinned:
            looked_at = self._of_overview("overview", geometry=geometry) if has_overview else parts["table"]
            return _SQL["thinned_source"].format(geometry=geometry, looked_at=looked_at, **cell, **parts)
        chosen_before = ""
        if has_overview:
            parts["where"] = self._of_overview("in_overview", near=self._near("place"))
            chosen_before = self._of_overview("pieces_in_overview", near=self._near("place"))
        if self._is_generalised:
            return _SQL["generalised_source"].format(
                geometry=geometry,
                companion=self._table.qualified_companion,
                first_band=_BANDS[0],
                band=band_of(self._place.zoom),
                around=_envelope(self._place.around, self._place.srid),
                chosen_before=chosen_before,
                **parts,
            )
        if self._asked.simplify:
            tolerance = float(self._asked.simplify)
            geometry = _SQL["simplified_as_asked"].format(geometry=geometry, tolerance=tolerance)
        return _SQL["source"].format(geometry=geometry, **parts)

    def _has_overview(self, reduction: Reduction) -> bool:
        """Whether the overview tells which features to choose from: it knows no conditions of clients."""
        return bool(
            reduction.is_crowded
            and self._table.overview
            and self._place.zoom <= self._table.overview_zoom
            and self._place.srid == _WEB_MERCATOR
            and self._asked.is_main_geometry
            and not self._asked.where
            and not self._asked.has_own_order
        )

    def _of_overview(self, name: str, **parts: str) -> str:
        return _SQL[name].format(
            fid=_quoted(self._asked.fid),
            overview=self._table.qualified_overview,
            zoom=self._place.zoom,
            **parts,
        )

    def _near(self, geometry: str) -> str:
        if self._place.boxes is None:
            return f"{geometry} IS NOT NULL"
        srid = self._asked.geometry.srid
        return f"({' OR '.join(f'{geometry} && {_envelope(box, srid)}' for box in self._place.boxes)})"

    def _cell(self, reduction: Reduction) -> dict[str, float] | None:
        """The cells that points are thinned by; None where they are not, or cannot be."""
        if not (self.is_of_points and reduction.is_chosen and self._place.boxes) or self._asked.has_own_order:
            return None
        wests, souths, easts, norths = zip(*self._place.boxes, strict=True)
        west, south = min(wests), min(souths)
        width, height = (max(easts) - west) / reduction.cells, (max(norths) - south) / reduction.cells
        return {"west": west, "south": south, "width": width or 1.0, "height": height or 1.0}

    def _choice(self, reduction: Reduction) -> str:
        if self._asked.has_own_order:
            return f"ORDER BY {self._asked.choice}"
        if not reduction.is_chosen:
            return ""
        unit = "1"
        if self._is_generalised:  # shapes of the companion are in metres
            of_table = _unit(self._asked.geometry.srid)
            unit = f'CASE ST_SRID("tile shape") WHEN {_WEB_MERCATOR} THEN 1 ELSE {of_table} END'
        return _SQL["most_visible"].format(unit=unit)


def _value(column: Column, reduction: Reduction) -> str:
    """A column as a tile can hold it; JSON would become attributes of its own."""
    name = _quoted(column.name)
    if column.type == "numeric":
        return f"{name}::float8"
    if column.type in _TIMES:
        return f"(to_json({name}) #>> '{{}}')"
    if column.type in _PLAIN and column.type != "text":
        return name
    return f"left({name}::text, {_LONGEST_TEXT})" if reduction.is_chosen else f"{name}::text"


def _envelope(box: BoundingBox, srid: int) -> str:
    return f"ST_MakeEnvelope({', '.join(f'{float(value)!r}' for value in box)}, {srid})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
