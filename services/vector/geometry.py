"""The third door: WKB becomes geometries that PostGIS takes, or the task fails and says why.

Invalid geometries (self-intersections and the like) are kept as they are and counted; repairing them
changes data, and is a decision of the client that does not exist yet.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from core.errors import PermanentTaskError

if TYPE_CHECKING:
    import pyarrow as pa

    from services.vector.crs import Reprojection

_SHOWN_FEATURES = 20
_MULTI_OF = {
    "Point": "MultiPoint",
    "LineString": "MultiLineString",
    "LinearRing": "MultiLineString",
    "Polygon": "MultiPolygon",
}
_NAMES = {int(kind): kind.name for kind in shapely.GeometryType}
_TYPE_NAMES = {
    "POINT": "Point", "LINESTRING": "LineString", "LINEARRING": "LinearRing", "POLYGON": "Polygon",
    "MULTIPOINT": "MultiPoint", "MULTILINESTRING": "MultiLineString", "MULTIPOLYGON": "MultiPolygon",
    "GEOMETRYCOLLECTION": "GeometryCollection",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GeometryShape:
    """What kind of geometries a table holds: one family of types, or any, and with heights or without."""

    family: str
    has_z: bool

    @property
    def sql_type(self) -> str:
        """The name of the type in PostGIS, for example `MultiPolygonZ`."""
        return self.family + ("Z" if self.has_z else "")

    @classmethod
    def of(cls, sql_type: str) -> "GeometryShape":
        """The shape of a PostGIS type name."""
        return cls(family=sql_type.removesuffix("Z"), has_z=sql_type.endswith("Z"))


def table_family(type_names: set[str]) -> str:
    """One type for all geometries: lines and polygons as Multi, points as they are unless mixed.

    Formats do not keep the two apart (a Shapefile has only multi types), and a table with one type is
    what clients can rely on. Types of several families make `Geometry`.
    """
    if type_names == {"Point"}:
        return "Point"
    promoted = {_MULTI_OF.get(name, name) for name in type_names}
    return promoted.pop() if len(promoted) == 1 else "Geometry"


def type_names(geometries: np.ndarray) -> set[str]:
    """The names of the types that occur, for example `{"Polygon", "MultiPolygon"}`."""
    ids = np.unique(shapely.get_type_id(geometries))
    return {_TYPE_NAMES[_NAMES[int(number)]] for number in ids if number >= 0}


def parse(wkb: "pa.Array", *, first_row: int) -> np.ndarray:
    """Geometries of a batch, None where the source has none. `first_row` counts the rows before it.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE: no geometry (an open ring, a line of one point, a type
            that is none of the simple features), or NaN or infinite coordinates.
    """
    given = np.asarray(wkb.to_pylist(), dtype=object)
    try:
        geometries: np.ndarray = shapely.from_wkb(given, on_invalid="ignore")
    except NotImplementedError as exc:  # GEOS knows curves, shapely 2.2 does not
        raise PermanentTaskError(
            "The layer has curved geometries, which are not supported.",
            code="GEOMETRY_UNREADABLE",
            remedy="Replace the curves by line segments (for example ogr2ogr -nlt CONVERT_TO_LINEAR).",
        ) from exc
    _refuse(
        shapely.is_missing(geometries) & (given != None),  # noqa: E711 (element by element)
        "Some geometries are broken: open rings, lines of one point, or types that are not supported.",
        code="GEOMETRY_UNREADABLE",
        remedy="Repair these features in a GIS; the context lists the first of them by row number.",
        first_row=first_row,
    )
    xyz, owner = shapely.get_coordinates(geometries, include_z=False, return_index=True)
    _refuse(
        _owners(~np.isfinite(xyz).all(axis=1), owner, len(geometries)),
        "Some coordinates are NaN or infinite.",
        code="GEOMETRY_UNREADABLE",
        remedy="Remove the features without a position, or give them one.",
        first_row=first_row,
    )
    return geometries


def reproject(geometries: np.ndarray, way: "Reprojection", *, first_row: int) -> np.ndarray:
    """The geometries in the CRS of the table; heights stay, measures (M) go.

    Raises:
        PermanentTaskError: COORDINATES_OUT_OF_RANGE: a place that the CRS does not have.
    """
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    moved = way.apply(xy)
    _refuse(
        _owners(~way.is_valid(moved), owner, len(geometries)),
        f"Some coordinates are no places in {way.target_crs}.",
        code="COORDINATES_OUT_OF_RANGE",
        remedy="Check the CRS of the source: it probably is not the one that its coordinates are in.",
        first_row=first_row,
        source_crs=way.source_crs,
    )
    plain = without_measures(geometries)
    if way.transformer is None:
        return plain
    placed: np.ndarray = shapely.transform(
        plain, lambda xyz: np.column_stack([moved, xyz[:, 2:]]), include_z=True
    )
    return placed


def conform(geometries: np.ndarray, shape: GeometryShape) -> np.ndarray:
    """The geometries as WKB of exactly the type of the table; None stays None.

    Missing heights become 0 where others have one; inspection warns of it. Expects geometries without M.
    """
    flat = shapely.force_3d(geometries, z=0.0) if shape.has_z else shapely.force_2d(geometries)
    if shape.family.startswith("Multi"):
        flat = _promoted(flat, shape.family)
    wkb: np.ndarray = shapely.to_wkb(flat, output_dimension=3 if shape.has_z else 2, flavor="iso")
    return wkb


def without_measures(geometries: np.ndarray) -> np.ndarray:
    """The same without M. Neither `force_3d` nor `transform` alone keeps Z beside M (shapely 2.2)."""
    measured = shapely.has_m(geometries)
    if not measured.any():
        return geometries
    flat = shapely.force_2d(geometries)
    heights = iter((shapely.get_coordinates(geometries[measured], include_z=True),))
    plain = geometries.copy()
    plain[measured] = shapely.transform(
        shapely.force_3d(flat[measured]), lambda _: next(heights), include_z=True
    )
    without_z = measured & ~shapely.has_z(geometries)
    plain[without_z] = flat[without_z]
    return plain


def _promoted(geometries: np.ndarray, family: str) -> np.ndarray:
    singles = np.isin(shapely.get_type_id(geometries), [_SINGLE_IDS[family]])
    promoted = geometries.copy()
    if singles.any():
        owner = np.arange(np.count_nonzero(singles))
        promoted[singles] = _COLLECT[family](geometries[singles], indices=owner)
    return promoted


_SINGLE_IDS = {"MultiPoint": 0, "MultiLineString": 1, "MultiPolygon": 3}
_COLLECT = {
    "MultiPoint": shapely.multipoints,
    "MultiLineString": shapely.multilinestrings,
    "MultiPolygon": shapely.multipolygons,
}


def _owners(bad: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """Which geometries have a bad coordinate."""
    flags = np.zeros(count, dtype=bool)
    flags[owner[bad]] = True
    return flags


def _refuse(
    bad: np.ndarray, message: str, *, code: str, remedy: str, first_row: int, **context: object
) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        shown = (rows[:_SHOWN_FEATURES] + first_row).tolist()
        raise PermanentTaskError(message, code=code, remedy=remedy, context={"rows": shown, **context})
