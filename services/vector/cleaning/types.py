"""Which type the column of a table has, and which geometries belong together.

Type ids are those of ISO WKB: 1 (Point) to 7 (GeometryCollection), plus 1000 with Z, 2000 with M.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.task_models.vector import CleaningOptions
from services.vector.cleaning.canonical import canonical
from services.vector.cleaning.walk import COLLECTION, MULTIPOINT, POINT, POLYGON
from services.vector.cleaning.wkb import Layout, floats

NAMES = (
    "Geometry", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
    "GeometryCollection",
)  # fmt: skip
_GEOMETRY = 0
_SUFFIXES = ("", "Z", "M", "ZM")
_FAMILIES = ("without_geometry", "points", "lines", "polygons", "points", "lines", "polygons", "collections")


@dataclass(frozen=True, slots=True)
class TableType:
    """The type of a geometry column: `base` 0 (any) to 7, and `dims` as Z (1) and M (2) together."""

    base: int
    dims: int

    @property
    def name(self) -> str:
        """As PostGIS has it, for example `MultiPolygonZ`."""
        return NAMES[self.base] + _SUFFIXES[self.dims]

    @classmethod
    def of(cls, name: str) -> "TableType":
        """The type of that name."""
        plain = name.rstrip("ZM")
        return cls(base=NAMES.index(plain), dims=_SUFFIXES.index(name.removeprefix(plain)))


def table_geometry_type(type_ids: Iterable[int], *, options: CleaningOptions) -> str:
    """The one type that holds all geometries of these type ids (see `type_ids_of`; 0 and below: no matter).

    Lines and polygons become multi geometries: most formats do not keep the two apart, and clients can rely
    on a table with one type. Points stay points unless there are multipoints too. Several families make
    `Geometry`, in which every geometry keeps its own type. Z and M are in the table where any geometry has
    them, unless `dimensions` says `2d`.
    """
    ids = {int(number) for number in type_ids if number > 0}
    dims = 0
    if options.dimensions == "keep":
        dims = max((number // 1000 & 1 for number in ids), default=0)
        dims |= max((number // 1000 & 2 for number in ids), default=0)
    return TableType(base=_base({number % 1000 for number in ids}), dims=dims).name


def _base(bases: set[int]) -> int:
    if bases == {POINT}:
        return POINT
    promoted = {base + 3 if base <= POLYGON else base for base in bases}
    return promoted.pop() if len(promoted) == 1 else _GEOMETRY


def family_of(type_id: int) -> str:
    """What a layer is split by: points, lines, polygons, collections or without_geometry."""
    return _FAMILIES[type_id % 1000] if type_id > 0 else _FAMILIES[0]


def type_ids_of(wkb: pa.Array, *, options: CleaningOptions) -> np.ndarray:
    """The type id that each geometry of a column has as far as the table is concerned (int64).

    0 for null, and for what is empty or broken: that takes any type. A collection counts as what is left of
    it when its parts are extracted.
    """
    ids = np.zeros(len(wkb), dtype=np.int64)
    rows = np.flatnonzero(pc.is_valid(wkb).to_numpy(zero_copy_only=False))
    if not rows.size:
        return ids
    layout = Layout(canonical(wkb if len(rows) == len(wkb) else wkb.take(pa.array(rows))))
    base = layout.base.copy()
    if options.geometry_collection == "extract":
        collections = base == COLLECTION
        base[collections] = _extracted(layout)[collections]
    ids[rows] = np.where(layout.is_readable & has_places(layout), base + 1000 * layout.dims, 0)
    return ids


def has_places(layout: Layout) -> np.ndarray:
    """Which rows are not empty: they have a coordinate other than the NaN of an empty point."""
    runs = layout.runs
    filled = runs.count > 0
    points = np.flatnonzero(runs.kind == POINT)
    if points.size:
        values, at = floats(layout.data), runs.position[points]
        filled[points] = ~(np.isnan(values[at]) & np.isnan(values[at + 8]))
    places = np.zeros(len(layout), dtype=bool)
    places[runs.row[filled]] = True
    return places


def _extracted(layout: Layout) -> np.ndarray:
    """The multi type of the highest dimension among the parts of each row; 0 without any."""
    highest = np.zeros(len(layout), dtype=np.int64)
    kinds = np.where(layout.runs.kind == 0, POLYGON, layout.runs.kind)
    filled = layout.runs.count > 0
    np.maximum.at(highest, layout.runs.row[filled], kinds[filled])
    return np.where(highest > 0, highest + MULTIPOINT - POINT, 0)
