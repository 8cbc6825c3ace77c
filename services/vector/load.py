"""From a layer to the rows of its table, batch by batch: memory does not grow with the file."""

from collections.abc import Callable, Generator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import PermanentTaskError
from core.task_models.vector import VectorColumn, VectorPlan
from services.vector import geometry, ogr
from services.vector.columns import GEOMETRY
from services.vector.crs import reprojection
from services.vector.geometry import GeometryShape
from services.vector.source import SourceLayer

_ARROW_TIMES = {"timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us", tz="UTC")}


def table_batches(
    layer: SourceLayer, plan: VectorPlan, *, progress: Callable[[float], None]
) -> Generator[pa.RecordBatch, None, None]:
    """The rows of the table: the planned columns in order, then `geom` as WKB in the target CRS.

    Raises:
        PermanentTaskError: as inspection does, and ENCODING_ERROR.
    """
    shape = GeometryShape.of(plan.geometry_type)
    rows = 0
    with ogr.open_layer(layer, datetime_as_text=plan.datetime_as_text) as stream:
        way = reprojection(stream.crs, plan.target_crs, declared=layer.declared_crs)
        for batch in stream.batches:
            geometries = geometry.parse(batch.column(stream.geometry_column), first_row=rows)
            moved = geometry.reproject(geometries, way, first_row=rows)
            yield _table_batch(batch, plan.columns, geometry.conform(moved, shape))
            rows += batch.num_rows
            progress(rows / plan.feature_count)


def _table_batch(batch: pa.RecordBatch, columns: tuple[VectorColumn, ...], wkb: np.ndarray) -> pa.RecordBatch:
    arrays = [_values(batch.column(column.source_name), column) for column in columns]
    names = [*(column.name for column in columns), GEOMETRY]
    return pa.RecordBatch.from_arrays([*arrays, pa.array(wkb, type=pa.binary())], names=names)


def _values(array: pa.Array, column: VectorColumn) -> pa.Array:
    """The values as the column holds them; texts are proved to be UTF-8, times are parsed from text.

    Raises:
        PermanentTaskError: ENCODING_ERROR.
    """
    try:
        array.validate(full=True)
        if column.sql_type in _ARROW_TIMES and pa.types.is_string(array.type):
            return pc.cast(array, _ARROW_TIMES[column.sql_type])
    except pa.ArrowInvalid as exc:
        raise PermanentTaskError(
            f"The column {column.source_name!r} holds values that are not what it says.",
            code="ENCODING_ERROR",
            remedy="Save the texts as UTF-8; for a Shapefile, say its encoding in a .cpg file.",
            context={"column": column.source_name},
        ) from exc
    return array
