"""Tables as a publication leaves them, and the parameters that export them."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from core.task_models.vector import VectorColumn
from core.task_models.vector_export import ExportTable

Columns = Mapping[str, tuple[str, Sequence[str]]]
EVERY_TYPE: Columns = {
    "name": ("text", ["'Süd, \"x\"'", "''", "NULL"]),
    "formula": ("text", ["'=1+1'", "'-12.5'", "'@cmd'"]),
    "is_land": ("boolean", ["true", "false", "NULL"]),
    "small": ("smallint", ["-32768", "32767", "NULL"]),
    "medium": ("integer", ["-2147483648", "2147483647", "NULL"]),
    "large": ("bigint", ["-9223372036854775808", "9007199254740993", "NULL"]),
    "single": ("real", ["0.1", "-3.4e38", "NULL"]),
    "double": ("double precision", ["0.1", "1e-300", "NULL"]),
    "exact": ("numeric(20,3)", ["12345678901234567.891", "-0.001", "NULL"]),
    "day": ("date", ["'1850-02-28'", "'9999-12-31'", "NULL"]),
    "clock": ("time", ["'23:59:59.123456'", "'00:00:00'", "NULL"]),
    "seen": ("timestamp", ["'2024-05-01 12:00:00.123'", "'1999-12-31 23:59:59'", "NULL"]),
    "seen_at": ("timestamptz", ["'2024-05-01T12:00:00.123+02'", "'1969-07-20T20:17:40Z'", "NULL"]),
    "tags": ("jsonb", ["""'{"a": [1, null], "b": "ü"}'""", "'[]'", "NULL"]),
    "raw": ("bytea", ["'\\x00ff10'", "'\\x'", "NULL"]),
}
"""Columns by name: their type, and their values as SQL in three rows."""


def create_table(
    connection: psycopg.Connection[Any],
    name: str,
    geometries: Sequence[str | None],
    *,
    geometry_type: str,
    srid: int = 4326,
    columns: Columns | None = None,
    schema: str = "geo",
) -> ExportTable:
    """A table with these geometries (WKT), whose values are repeated over its rows; how it is exported."""
    columns = {} if columns is None else columns
    table = sql.Identifier(schema, name)
    definitions = "".join(f'"{each}" {kind}, ' for each, (kind, _) in columns.items())
    connection.execute(
        sql.SQL("CREATE TABLE {} (fid bigint PRIMARY KEY, {}geom geometry({}, {}))").format(
            table, sql.SQL(definitions), sql.SQL(geometry_type), sql.Literal(srid)
        )
    )
    for number, wkt in enumerate(geometries):
        values = "".join(f"{each[number % len(each)]}, " for _, each in columns.values())
        connection.execute(
            sql.SQL("INSERT INTO {} VALUES ({}, {}ST_GeomFromText({}, {}))").format(
                table, number * 10 + 1, sql.SQL(values), wkt, srid
            )
        )
    return ExportTable(
        db_schema=schema,
        table=name,
        name=name,
        collection_id=name,
        title=name.title(),
        srid=srid,
        geometry_type=geometry_type,
        feature_count=len(geometries),
        columns=tuple(
            VectorColumn(name=each, sql_type=kind, source_name=each.upper())
            for each, (kind, _) in columns.items()
        ),
    )
