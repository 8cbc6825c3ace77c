"""Columns: which SQL type holds every value of an Arrow column, and the values in the Arrow type of that."""

import re
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import PermanentTaskError
from core.task_models.vector import VectorColumn
from services.vector.column_names import safe_names
from services.vector.json_values import json_array

MAX_COLUMNS = 1_000
_MAX_PRECISION = 76  # of Arrow's decimals
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")

_SQL_TYPES: tuple[tuple[pa.DataType, str], ...] = (
    (pa.bool_(), "boolean"),
    (pa.int8(), "smallint"),
    (pa.uint8(), "smallint"),
    (pa.int16(), "smallint"),
    (pa.uint16(), "integer"),
    (pa.int32(), "integer"),
    (pa.uint32(), "bigint"),
    (pa.int64(), "bigint"),
    (pa.uint64(), "numeric(20,0)"),
    (pa.float16(), "real"),
    (pa.float32(), "real"),
    (pa.float64(), "double precision"),
    (pa.string(), "text"),
    (pa.large_string(), "text"),
    (pa.string_view(), "text"),
    (pa.null(), "text"),
    (pa.date32(), "date"),
    (pa.date64(), "date"),
    (pa.binary(), "bytea"),
    (pa.large_binary(), "bytea"),
    (pa.binary_view(), "bytea"),
)
_ARROW_TYPES = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double precision": pa.float64(),
    "text": pa.string(),
    "jsonb": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


def plan_columns(fields: "Iterable[pa.Field]") -> tuple[VectorColumn, ...]:
    """The columns of the table for the attributes of a layer, in their order.

    Raises:
        PermanentTaskError: COLUMN_LIMIT: too many, or of a type that no column can hold.
    """
    found = list(fields)
    if len(found) > MAX_COLUMNS:
        raise _limit(f"The layer has {len(found)} columns; {MAX_COLUMNS} are allowed.", column="")
    names = safe_names([field.name for field in found])
    return tuple(
        VectorColumn(name=name, sql_type=sql_type(field), source_name=field.name)
        for name, field in zip(names, found, strict=True)
    )


def sql_type(field: pa.Field) -> str:
    """The SQL type that holds every value of an Arrow field.

    Raises:
        PermanentTaskError: COLUMN_LIMIT: there is none.
    """
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    for arrow_type, name in _SQL_TYPES:
        if kind.equals(arrow_type):
            return name
    if found := _parametric(kind):
        return found
    raise _limit(f"The column {field.name!r} has the type {kind}, which is not supported.", column=field.name)


def arrow_type(column: VectorColumn) -> pa.DataType:
    """The Arrow type in which the values of a column travel."""
    if found := _NUMERIC.fullmatch(column.sql_type):
        precision, scale = int(found[1]), int(found[2])
        return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    return _ARROW_TYPES[column.sql_type]


def as_column_type(array: pa.Array, column: VectorColumn) -> pa.Array:
    """The values as the column holds them. Of times, what is shorter than a microsecond is cut off.

    Raises:
        PermanentTaskError: ENCODING_ERROR: a text that is no UTF-8, or a value that the type cannot hold.
    """
    wanted = arrow_type(column)
    try:
        if column.sql_type == "jsonb":
            return json_array(array)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        is_finer = pa.types.is_temporal(array.type) and getattr(array.type, "unit", "") == "ns"
        plain = array if array.type.equals(wanted) else pc.cast(array, wanted, safe=not is_finer)
        if column.sql_type == "text":
            plain.validate(full=True)
    except pa.ArrowInvalid as exc:
        raise PermanentTaskError(
            f"The column {column.source_name!r} holds values that are not what it says.",
            code="ENCODING_ERROR",
            remedy="Save the texts as UTF-8; for a Shapefile, say its encoding in a .cpg file.",
            context={"column": column.source_name},
        ) from exc
    return plain


def _parametric(kind: pa.DataType) -> str | None:
    """The types with a unit, a zone, a scale or parts."""
    if pa.types.is_timestamp(kind):
        return "timestamptz" if kind.tz else "timestamp"
    if pa.types.is_time(kind):
        return "time"
    if pa.types.is_decimal(kind) and 0 <= kind.scale <= kind.precision <= _MAX_PRECISION:
        return f"numeric({kind.precision},{kind.scale})"
    if pa.types.is_nested(kind) or isinstance(kind, pa.JsonType):
        return "jsonb"
    return "bytea" if pa.types.is_fixed_size_binary(kind) else None


def _limit(message: str, *, column: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="COLUMN_LIMIT",
        remedy="Remove or convert columns before submitting.",
        context={"column": column, "limit": MAX_COLUMNS},
    )
