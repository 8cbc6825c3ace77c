"""Rejected features as a GeoPackage, for their owner to repair: as they were in the source, and why.

What a GeoPackage cannot hold is written in another way rather than left out: a geometry that is none as its
bytes (column `reject_wkb`), times and decimal numbers as text, U+0000 in a text as U+FFFD.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from core.task_models.vector import TablePlan
from services.vector.chunks import DETAIL, FID, REASON, ROW, WKB, read_chunk
from services.vector.cleaning.canonical import parsed, to_wkb
from services.vector.distinct_names import distinct
from services.vector.export.gdal_file import GdalLayer, write_layer
from services.vector.export.notes import Notes
from services.vector.layer_names import layer_names

_OURS = ("reject_row", "reject_fid", "reject_reason", "reject_detail", "reject_wkb")
_GEOMETRY = "geom"
# GDAL would write the time of writing; the same features are to give the same bytes.
_WRITTEN_AT = {"OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z"}


def write_rejects(tables: Sequence[tuple[TablePlan, Sequence[Path]]], target: Path) -> None:
    """Write one layer for each table: original geometry in the CRS of the source, attributes, row, reason.

    The paths are Arrow files (see `ChunkResult.rejects_uri`), of which each table has at least one. The
    layers are in the order of the tables, the features in that of the files.

    Raises:
        PermanentTaskError: EXPORT_FAILED.
    """
    import pyogrio

    pyogrio.set_gdal_config_options(_WRITTEN_AT)
    names = layer_names(f"{plan.layer} {plan.family}" if plan.family else plan.layer for plan, _ in tables)
    for number, ((plan, paths), name) in enumerate(zip(tables, names, strict=True)):
        schema = _schema(plan)
        layer = GdalLayer(
            driver="GPKG",
            name=name,
            geometry_type="Geometry",
            crs=plan.source_crs_wkt,
            layer_options={"FID": "fid", "GEOMETRY_NAME": _GEOMETRY, "SPATIAL_INDEX": "NO"},
        )
        batches = _batches(plan, paths, schema)
        write_layer(layer, schema=schema, batches=batches, target=target, notes=Notes(), append=number > 0)


def _schema(plan: TablePlan) -> pa.Schema:
    attributes = [column.name for column in plan.columns]
    names = distinct((*attributes, *_OURS))
    types = [_written_type(column.sql_type) for column in plan.columns]
    ours = [pa.int64(), pa.int64(), pa.string(), pa.string(), pa.binary()]
    geometry = pa.field(_GEOMETRY, pa.binary(), metadata={"ARROW:extension:name": "ogc.wkb"})
    fields = [pa.field(name, kind) for name, kind in zip(names, [*types, *ours], strict=True)]
    return pa.schema([*fields, geometry])


def _written_type(sql_type: str) -> pa.DataType:
    """The type of a column in the file."""
    exact = {
        "boolean": pa.bool_(),
        "smallint": pa.int16(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "real": pa.float32(),
        "double precision": pa.float64(),
        "bytea": pa.binary(),
    }
    return exact.get(sql_type, pa.string())


def _batches(plan: TablePlan, paths: Sequence[Path], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for path in paths:
        for batch in read_chunk(path):
            attributes = [
                _written(batch.column(column.name), schema.field(number).type)
                for number, column in enumerate(plan.columns)
            ]
            ours = [batch.column(name) for name in (ROW, FID, REASON, DETAIL)]
            geometry, bytes_of_others = _geometries(batch.column(WKB))
            arrays = [*attributes, *ours, bytes_of_others, geometry]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _written(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The values in the type of the file; a text without what ends it in SQLite."""
    if not pa.types.is_string(kind):
        return array
    return pc.replace_substring(array.cast(pa.string()), "\0", "\ufffd")


def _geometries(wkb: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The geometries, null where there is none that can be written, and the bytes of those."""
    given = wkb.to_numpy(zero_copy_only=False)
    present = wkb.is_valid().to_numpy(zero_copy_only=False)
    geometries = np.full(len(wkb), None, dtype=object)
    geometries[present] = parsed(wkb.filter(wkb.is_valid()))
    coordinates, owner = shapely.get_coordinates(geometries, include_z=False, return_index=True)
    geometries[owner[~np.isfinite(coordinates).all(axis=1)]] = None
    lost = present & shapely.is_missing(geometries)
    return (
        pa.array(to_wkb(geometries), pa.binary()),
        pa.array(np.where(lost, given, None), pa.binary()),
    )
