"""Geometries of GeoParquet's native encodings as WKB.

Each is a list (of lists) of separated coordinates. Source: GeoArrow 0.1, "separated" coordinates, as
GeoParquet 1.1.0 takes them over.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from core.errors import PermanentTaskError

_TYPES = {
    "point": shapely.GeometryType.POINT,
    "linestring": shapely.GeometryType.LINESTRING,
    "polygon": shapely.GeometryType.POLYGON,
    "multipoint": shapely.GeometryType.MULTIPOINT,
    "multilinestring": shapely.GeometryType.MULTILINESTRING,
    "multipolygon": shapely.GeometryType.MULTIPOLYGON,
}
_DEPTHS = {
    "point": 0,
    "linestring": 1,
    "polygon": 2,
    "multipoint": 1,
    "multilinestring": 2,
    "multipolygon": 3,
}
_AXES = ("xy", "xyz")


def is_native(encoding: str, kind: pa.DataType) -> bool:
    """Whether a column of the type `kind` is what the encoding says, in two or three dimensions."""
    for _ in range(_DEPTHS.get(encoding, 0)):
        if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
            return False
        kind = kind.value_type
    return encoding in _TYPES and pa.types.is_struct(kind) and _axes(kind) in _AXES


def as_wkb(array: pa.Array, *, encoding: str) -> pa.Array:
    """The geometries of a column as ISO WKB (binary), null where they are null.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE: a ring or line that cannot be.
    """
    is_null = pc.is_null(array).to_numpy(zero_copy_only=False)
    offsets: list[np.ndarray] = []
    level = array
    for _ in range(_DEPTHS[encoding]):
        offsets.insert(0, level.offsets.to_numpy() - level.offsets[0].as_py())
        level = level.flatten()
    try:
        geometries = shapely.from_ragged_array(_TYPES[encoding], _coordinates(level), tuple(offsets) or None)
    except (shapely.errors.GEOSException, ValueError) as exc:
        raise PermanentTaskError(
            "Some geometries are not what their encoding asks for.",
            code="GEOMETRY_UNREADABLE",
            remedy="Write the file again with WKB geometries.",
        ) from exc
    wkb = shapely.to_wkb(geometries, flavor="iso")
    wkb[is_null] = None
    return pa.array(wkb, pa.binary())


def _axes(kind: pa.DataType) -> str:
    return "".join(kind.field(position).name for position in range(kind.num_fields))


def _coordinates(points: pa.Array) -> np.ndarray:
    axes = [
        pc.fill_null(points.field(position), np.nan).to_numpy(zero_copy_only=False)
        for position in range(points.type.num_fields)
    ]
    return np.column_stack(axes).astype(np.float64, copy=False)
