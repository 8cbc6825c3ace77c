"""How the values of a column travel: as one run of bytes that Arrow takes without a loop over the rows.

PostgreSQL's binary format is big-endian, and counts time from the year 2000
(https://www.postgresql.org/docs/15/datatype-datetime.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_DAYS_TO_2000 = 10_957
_MICROSECONDS_TO_2000 = _DAYS_TO_2000 * 86_400 * 1_000_000
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")


@dataclass(frozen=True, slots=True)
class _Fixed:
    """Values of one width: PostgreSQL's function, and the type of what it gives."""

    send: str
    dtype: str
    origin: int = 0


_FIXED: Mapping[str, _Fixed] = {
    "bigint": _Fixed("int8send", ">i8"),
    "integer": _Fixed("int4send", ">i4"),
    "smallint": _Fixed("int2send", ">i2"),
    "real": _Fixed("float4send", ">f4"),
    "double precision": _Fixed("float8send", ">f8"),
    "boolean": _Fixed("boolsend", "?"),
    "date": _Fixed("date_send", ">i4", _DAYS_TO_2000),
    "time": _Fixed("time_send", ">i8"),
    "timestamp": _Fixed("timestamp_send", ">i8", _MICROSECONDS_TO_2000),
    "timestamptz": _Fixed("timestamptz_send", ">i8", _MICROSECONDS_TO_2000),
}


@dataclass(frozen=True, slots=True)
class ColumnReading:
    """One column of a page: `number` makes the names of its parts.

    `geometry_srid` is where a geometry is brought to; None leaves it where it is.
    """

    name: str
    sql_type: str
    number: int
    geometry_srid: int | None = None

    @property
    def arrow_type(self) -> pa.DataType:
        """What the column is in Arrow: JSON is text, a decimal without a scale is text as well."""
        return _arrow_type(self.sql_type)

    def value(self) -> sql.Composable:
        """The expression of a value as bytes, under its name within the page."""
        return sql.SQL("{} AS {}").format(self._bytes(), self._named("v"))

    def parts(self) -> sql.Composable:
        """The expressions that make bytes of the whole column."""
        value, lengths = self._named("v"), sql.Composed([])
        if self.sql_type not in _FIXED:
            lengths = sql.SQL(", string_agg(int4send(octet_length({})), ''::bytea) AS {}").format(
                value, self._named("l")
            )
        return sql.SQL(
            "string_agg({value}, ''::bytea) AS {values}{lengths},"
            " string_agg(int4send(place::integer), ''::bytea) FILTER (WHERE {value} IS NULL) AS {nulls}"
        ).format(value=value, values=self._named("d"), lengths=lengths, nulls=self._named("n"))

    def array(self, row: Mapping[str, Any]) -> pa.Array:
        """The column out of the row of a page."""
        nulls = _nulls(row[f"n{self.number}"], row["row_count"])
        content = row[f"d{self.number}"] or b""
        if fixed := _FIXED.get(self.sql_type):
            return _fixed_array(content, fixed, nulls).cast(self.arrow_type)
        return _variable_array(content, row[f"l{self.number}"] or b"", nulls, self.arrow_type)

    def _named(self, prefix: str) -> sql.Identifier:
        return sql.Identifier(f"{prefix}{self.number}")

    def _bytes(self) -> sql.Composable:
        column: sql.Composable = sql.Identifier(self.name)
        if fixed := _FIXED.get(self.sql_type):
            return sql.SQL("{}({})").format(sql.Identifier(fixed.send), column)
        if self.sql_type == "geometry":
            if self.geometry_srid is not None:
                column = sql.SQL("ST_Transform({}, {})").format(column, sql.Literal(self.geometry_srid))
            return sql.SQL("ST_AsBinary({}, 'NDR')").format(column)
        if self.sql_type == "bytea":
            return column
        return sql.SQL("convert_to({}::text, 'UTF8')").format(column)


def _arrow_type(sql_type: str) -> pa.DataType:
    import pyarrow as pa

    plain = {
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "smallint": pa.int16(),
        "real": pa.float32(),
        "double precision": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "time": pa.time64("us"),
        "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", "UTC"),
        "bytea": pa.binary(),
        "geometry": pa.binary(),
    }
    if found := _NUMERIC.fullmatch(sql_type):
        precision, scale = int(found[1]), int(found[2])
        return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
    return plain.get(sql_type, pa.string())


def _nulls(places: bytes | None, row_count: int) -> np.ndarray:
    """Where nulls stand, as booleans."""
    import numpy as np

    nulls = np.zeros(row_count, dtype=bool)
    nulls[np.frombuffer(places or b"", dtype=">i4")] = True
    return nulls


def _fixed_array(content: bytes, fixed: _Fixed, nulls: np.ndarray) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    dtype = np.dtype(fixed.dtype)
    values = np.zeros(len(nulls), dtype=dtype.newbyteorder("="))
    values[~nulls] = np.frombuffer(content, dtype=dtype)
    if fixed.origin:
        values += fixed.origin
    return pa.array(values, mask=nulls)


def _variable_array(content: bytes, sizes: bytes, nulls: np.ndarray, arrow_type: pa.DataType) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    lengths = np.zeros(len(nulls), dtype=np.int32)
    lengths[~nulls] = np.frombuffer(sizes, dtype=">i4")
    offsets = np.zeros(len(nulls) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    validity = pa.array(~nulls).buffers()[1]
    stored = pa.binary() if arrow_type == pa.binary() else pa.string()
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(content)]
    array = pa.Array.from_buffers(stored, len(nulls), buffers)
    return array if arrow_type == stored else array.cast(arrow_type)
