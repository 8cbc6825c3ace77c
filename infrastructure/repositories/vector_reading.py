"""Reading tables of features whole: page by page along their key, as Arrow batches or as GeoJSON.

A table that is read never changes: in `staging` it waits to be published, in `geo` it is a revision. So each
page is a transaction of its own, and no reader stands in the way of a publication for longer than a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from core.errors import ContractViolation, PermanentTaskError, TransientError, Unavailable
from core.vector_ports import Column, TableReading
from infrastructure.queries import load
from infrastructure.repositories.vector_tiling import TileTable
from infrastructure.repositories.vector_values import ColumnReading

if TYPE_CHECKING:
    import pyarrow as pa

    from infrastructure.database import Database

_SQL = load("vector_reading")
_GEOMETRY = "geom"
_PAGE_ROWS = 16_384
_PAGE_BYTES = 16 * 2**20  # as stored; at most some 90 times as much when decompressed, below 1 GB
_STATEMENT_COLUMNS = 250  # an answer has at most 1,664, and each of these takes up to three
_VARIABLE = frozenset({"text", "jsonb", "bytea", "geometry"})


class VectorTableReader:
    """See `core.vector_ports.VectorReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def batches(self, reading: TableReading) -> Iterator[pa.RecordBatch]:
        """See `core.vector_ports.VectorReader`."""
        columns = _readings(reading)
        groups = [
            columns[start : start + _STATEMENT_COLUMNS]
            for start in range(0, len(columns), _STATEMENT_COLUMNS)
        ]
        statements = [_page(reading, group) for group in groups]
        return (_batch(rows, groups) for rows in self._pages(statements))

    def schema(self, reading: TableReading) -> pa.Schema:
        """See `core.vector_ports.VectorReader`."""
        import pyarrow as pa

        fields = [("fid", pa.int64()), *((each.name, each.arrow_type) for each in _readings(reading))]
        return pa.schema(fields)

    def features(self, reading: TableReading) -> Iterator[tuple[int, bytes]]:
        """See `core.vector_ports.VectorReader`."""
        names = [sql.Identifier(column.name) for column in reading.columns]
        properties = (
            sql.SQL('(SELECT to_json("the row") FROM (SELECT {}) "the row")').format(
                sql.SQL(", ").join(sql.SQL("chosen.{}").format(name) for name in names)
            )
            if names
            else sql.SQL("json_build_object()")
        )
        statement = _format("features", reading, properties=properties)
        return ((row["row_count"], bytes(row["features"])) for [row] in self._pages([statement]))

    def has_gaps(self, reading: TableReading) -> bool:
        """See `core.vector_ports.VectorReader`."""
        row = self._row(sql.SQL(_SQL["has_gaps"]).format(table=_table(reading)), {})
        return bool(row and row["has_gaps"])

    @contextmanager
    def tiling(self, readings: Sequence[TableReading]) -> Iterator[Sequence[TileTable]]:
        """See `core.vector_ports.VectorReader`."""
        with _task_errors(), self._database.connection() as connection, ExitStack() as made:
            tables = [TileTable(connection, reading, n) for n, reading in enumerate(readings)]
            for table in tables:
                made.callback(table.forget)
                table.prepare()
            yield tables

    def _pages(self, statements: Sequence[sql.Composed]) -> Iterator[list[Mapping[str, Any]]]:
        """The answers of all statements to each page; they choose their rows alike."""
        after, limit = -(2**63), _PAGE_ROWS
        while True:
            values = {"after": after, "limit": limit, "budget": _PAGE_BYTES}
            rows = [self._row(each, values, may_be_too_large=limit > 1) for each in statements]
            found = [row for row in rows if row is not None]
            if len(found) < len(rows):
                limit = max(limit // 8, 1)
                continue
            if not found[0]["row_count"]:
                return
            yield found
            after = found[0]["last_fid"]

    def _row(
        self, statement: sql.Composed, values: Mapping[str, Any], *, may_be_too_large: bool = False
    ) -> Mapping[str, Any] | None:
        """The one row of the answer; None when it would be larger than PostgreSQL makes values (1 GB)."""
        with _task_errors(), self._database.connection() as connection:
            cursor = connection.cursor(binary=True)
            try:
                return cursor.execute(statement, values).fetchone()
            except psycopg.errors.ProgramLimitExceeded:
                connection.rollback()
                if not may_be_too_large:
                    raise
                return None


@contextmanager
def _task_errors() -> Iterator[None]:
    try:
        yield
    except Unavailable as exc:
        raise TransientError(exc.message, code=exc.code, remedy=exc.remedy) from exc
    except psycopg.errors.UndefinedTable as exc:
        raise PermanentTaskError(
            "The table was replaced while it was read.", code="GONE", remedy="Ask for the newest revision."
        ) from exc
    except psycopg.errors.InternalError_ as exc:  # PostGIS: a coordinate without a place in the other CRS
        raise PermanentTaskError(
            "A geometry cannot be brought to the CRS of the format.",
            code="UNPLACEABLE",
            remedy="Export a format that keeps the CRS of the table.",
        ) from exc


def _readings(reading: TableReading) -> list[ColumnReading]:
    columns = [ColumnReading(each.name, each.sql_type, n) for n, each in enumerate(reading.columns)]
    return [*columns, ColumnReading(_GEOMETRY, "geometry", len(columns), reading.geometry_srid)]


def _page(reading: TableReading, columns: Sequence[ColumnReading]) -> sql.Composed:
    return _format(
        "page",
        reading,
        values=sql.SQL(", ").join(column.value() for column in columns),
        parts=sql.SQL(", ").join(column.parts() for column in columns),
    )


def _batch(rows: Sequence[Mapping[str, Any]], groups: Sequence[Sequence[ColumnReading]]) -> pa.RecordBatch:
    """Raises ContractViolation when the rows are not in the order of their key, or differ between groups."""
    import numpy as np
    import pyarrow as pa

    fids = np.frombuffer(rows[0]["fids"], dtype=">i8").astype(np.int64)
    if not (np.diff(fids) > 0).all() or any(row["fids"] != rows[0]["fids"] for row in rows):
        raise ContractViolation("a page of a table did not come in the order of its key")
    pairs = [(column, row) for row, group in zip(rows, groups, strict=True) for column in group]
    arrays = [pa.array(fids), *(column.array(row) for column, row in pairs)]
    return pa.RecordBatch.from_arrays(arrays, names=["fid", *(column.name for column, _ in pairs)])


def _format(statement: str, reading: TableReading, **parts: sql.Composable) -> sql.Composed:
    columns = (*reading.columns, Column(_GEOMETRY, "geometry", _GEOMETRY))
    sizes = [
        sql.SQL("coalesce(pg_column_size({}), 0)").format(sql.Identifier(each.name))
        for each in columns
        if each.sql_type in _VARIABLE
    ]
    return sql.SQL(_SQL[statement]).format(
        table=_table(reading),
        columns=sql.SQL(", ").join(sql.Identifier(each.name) for each in columns),
        size=sql.SQL("({})").format(sql.SQL(" + ").join(sizes)),
        **parts,
    )


def _table(reading: TableReading) -> sql.Identifier:
    return sql.Identifier(reading.db_schema, reading.table)
