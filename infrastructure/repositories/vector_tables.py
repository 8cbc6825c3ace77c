"""The SQL of staging tables: statements with the names and types of a table put in."""

from __future__ import annotations

import re

from psycopg import sql

from core.errors import ContractViolation
from core.vector_ports import TableSpec
from infrastructure.queries import load

SQL = load("vectors")
FID, GEOMETRY = "fid", "geom"
_COLUMN_TYPES = frozenset(
    {
        "bigint", "boolean", "bytea", "date", "double precision", "integer", "jsonb", "real", "smallint",
        "text", "time", "timestamp", "timestamptz",
    }
)  # fmt: skip
_NUMERIC = re.compile(r"numeric\([1-9][0-9]{0,2},[0-9]{1,3}\)")
_GEOMETRY_TYPES = frozenset(
    name + dimensions
    for dimensions in ("", "Z", "M", "ZM")
    for name in (
        "Geometry", "GeometryCollection", "LineString", "MultiLineString", "MultiPoint", "MultiPolygon",
        "Point", "Polygon",
    )
)  # fmt: skip


def creation(spec: TableSpec) -> sql.Composed:
    """The statement that makes a table.

    Raises:
        ContractViolation: a type that is none of ours.
    """
    if spec.geometry_type not in _GEOMETRY_TYPES:
        raise ContractViolation(f"no geometry type: {spec.geometry_type!r}")
    columns = [_definition(column.name, column.sql_type) for column in spec.columns]
    return statement(
        "create_staging_table",
        table=sql.Identifier(spec.name),
        columns=sql.Composed(columns),
        geometry_type=_trusted(spec.geometry_type),
        srid=sql.Literal(spec.srid),
    )


def with_columns(name: str, spec: TableSpec) -> sql.Composed:
    """A statement on all columns of a table, in the order in which rows travel."""
    names = [FID, *(column.name for column in spec.columns), GEOMETRY]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return statement(name, table=sql.Identifier(spec.name), columns=columns)


def statement(name: str, **parts: sql.Composable) -> sql.Composed:
    """A named statement, its braces filled."""
    return sql.SQL(SQL[name]).format(**parts)


def _definition(name: str, sql_type: str) -> sql.Composed:
    if sql_type not in _COLUMN_TYPES and not _NUMERIC.fullmatch(sql_type):
        raise ContractViolation(f"no column type: {sql_type!r}")
    return sql.SQL("{} {}, ").format(sql.Identifier(name), _trusted(sql_type))


def _trusted(type_name: str) -> sql.SQL:
    """A type name that was found in one of the lists above."""
    return sql.SQL(type_name)
