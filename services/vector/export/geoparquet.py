"""GeoParquet 1.1: WKB, zstd, and a box for each feature, by which readers skip row groups.

Specification: https://geoparquet.org/releases/v1.1.0/
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from services.vector.export.source import GEOMETRY, TableSource

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_ROWS = 65_536
_GROUP_BYTES = 64 * 2**20
_SIDES = ("xmin", "ymin", "xmax", "ymax")


def write_geoparquet(source: TableSource, target: Path) -> None:
    """All columns in their own types, rows by `fid`; measures (M) are left out, as the specification asks."""
    import pyarrow.parquet as pq

    if source.has_m:
        source.notes.say("MEASURES_DROPPED", "GeoParquet has no measures (M).")
    schema = _schema(source)
    places = _Places(has_m=source.has_m, has_z=source.has_z)
    box = _free_name("bbox", schema.names)
    with pq.ParquetWriter(target, _with_boxes(schema, box), compression="zstd", version="2.6") as writer:
        for batch in _gathered(_typed(source.batches(), schema)):
            writer.write_table(places.add_to(batch, box), row_group_size=_GROUP_ROWS)
        writer.add_key_value_metadata({"geo": json.dumps(places.metadata(source.table.srid, box))})


def _schema(source: TableSource) -> "pa.Schema":
    """That of the table, with JSON as such, and the names of the source beside."""
    import pyarrow as pa

    given, columns = source.schema(), {each.name: each for each in source.table.columns}
    fields = []
    for each in given:
        column = columns.get(each.name)
        kind = pa.json_(pa.string()) if column and column.sql_type == "jsonb" else each.type
        named = {"source_name": column.source_name} if column else None
        fields.append(pa.field(each.name, kind, metadata=named))
    return pa.schema(fields)


def _with_boxes(schema: "pa.Schema", box: str) -> "pa.Schema":
    import pyarrow as pa

    return schema.append(pa.field(box, pa.struct([(side, pa.float64()) for side in _SIDES])))


def _free_name(name: str, taken: list[str]) -> str:
    return name if name not in taken else _free_name(f"_{name}", taken)


def _typed(batches: "Iterable[pa.RecordBatch]", schema: "pa.Schema") -> "Iterator[pa.Table]":
    import pyarrow as pa

    for batch in batches:
        yield pa.Table.from_batches([batch]).cast(schema)


def _gathered(tables: "Iterable[pa.Table]") -> "Iterator[pa.Table]":
    """Larger ones: each becomes a row group."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        rows, size = sum(each.num_rows for each in waiting), sum(each.nbytes for each in waiting)
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.concat_tables(waiting)
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting)


class _Places:
    """Adds boxes to rows, and remembers what the metadata say of all geometries."""

    def __init__(self, *, has_m: bool, has_z: bool) -> None:
        self._has_m, self._has_z = has_m, has_z
        self._types = set[str]()
        self._bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])

    def add_to(self, table: "pa.Table", box: str) -> "pa.Table":
        import pyarrow as pa
        import shapely

        shapes = shapely.from_wkb(np.asarray(table[GEOMETRY].to_numpy(zero_copy_only=False), dtype=object))
        if self._has_m:
            flat = shapely.to_wkb(shapes, output_dimension=3 if self._has_z else 2, flavor="iso")
            at = table.schema.get_field_index(GEOMETRY)
            table = table.set_column(at, table.schema.field(at), pa.array(flat, pa.binary()))
        self._types |= _type_names(shapes, has_z=self._has_z)
        bounds = shapely.bounds(shapes)
        return table.append_column(_with_boxes(table.schema, box).field(box), self._boxes(bounds))

    def metadata(self, srid: int, box: str) -> dict[str, Any]:
        """What stands under the key `geo`."""
        import pyproj

        column = {
            "encoding": "WKB",
            "geometry_types": sorted(self._types),
            "crs": pyproj.CRS.from_epsg(srid).to_json_dict(),
            "edges": "planar",
            "covering": {"bbox": {side: [box, side] for side in _SIDES}},
        }
        if np.isfinite(self._bounds).all():
            column["bbox"] = self._bounds.tolist()
        return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}

    def _boxes(self, bounds: np.ndarray) -> "pa.Array":
        import pyarrow as pa

        is_nowhere = np.isnan(bounds).any(axis=1)
        if not is_nowhere.all():
            here = bounds[~is_nowhere]
            self._bounds[:2] = np.minimum(self._bounds[:2], here[:, :2].min(axis=0))
            self._bounds[2:] = np.maximum(self._bounds[2:], here[:, 2:].max(axis=0))
        sides = [pa.array(bounds[:, number]) for number in range(len(_SIDES))]
        return pa.StructArray.from_arrays(sides, names=list(_SIDES), mask=pa.array(is_nowhere))


def _type_names(shapes: np.ndarray, *, has_z: bool) -> set[str]:
    """The names that the specification has for the types that occur."""
    import shapely

    kinds = np.unique(shapely.get_type_id(shapes))
    names = (shapely.GeometryType(int(kind)).name for kind in kinds if kind >= 0)
    words = {
        "LINESTRING": "LineString",
        "MULTIPOINT": "MultiPoint",
        "MULTILINESTRING": "MultiLineString",
        "MULTIPOLYGON": "MultiPolygon",
        "GEOMETRYCOLLECTION": "GeometryCollection",
    }
    return {words.get(name, name.title()) + (" Z" if has_z else "") for name in names}
