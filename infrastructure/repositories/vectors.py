"""Tables of features in PostGIS: made in `staging`, filled by binary COPY, moved to `geo`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from core.errors import ContractViolation, PermanentTaskError, TransientError, Unavailable
from core.ports import TableSpec, TableSummary
from infrastructure.queries import load

if TYPE_CHECKING:
    import pyarrow as pa

    from infrastructure.database import Connection, Database

_SQL = load("vectors")
_GEOMETRY = "geom"
_COLUMN_TYPES = frozenset(
    {
        "bigint", "boolean", "bytea", "date", "double precision", "integer", "jsonb", "real", "smallint",
        "text", "time", "timestamp", "timestamptz",
    }
)  # fmt: skip
_GEOMETRY_TYPES = frozenset(
    name + z
    for z in ("", "Z")
    for name in (
        "Geometry", "GeometryCollection", "LineString", "MultiLineString", "MultiPoint", "MultiPolygon",
        "Point", "Polygon",
    )
)  # fmt: skip


class VectorRepository:
    """See `core.ports.VectorStore`. Every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_staging_table(self, spec: TableSpec) -> None:
        """See `core.ports.VectorStore`.

        Raises:
            PermanentTaskError: (CRS_UNKNOWN) PostGIS does not know the SRID.
            ContractViolation: a type that is none of ours.
        """
        create = _create(spec)
        with self._transaction() as connection:
            _check_srid(connection, spec.srid)
            connection.execute(_for_table("drop_staging_table", spec.name))
            connection.execute(create)

    def copy_into(self, spec: TableSpec, batches: Iterable[pa.RecordBatch]) -> int:
        """See `core.ports.VectorStore`. All rows or none: an error of `batches` undoes the whole copy.

        Raises:
            PermanentTaskError: (ENCODING_ERROR) PostgreSQL or Python cannot represent a value.
        """
        names = [*(column.name for column in spec.columns), _GEOMETRY]
        statement = _format(
            "copy_into_staging_table",
            table=sql.Identifier(spec.name),
            columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        )
        rows = 0
        with self._transaction() as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
            # A geometry is received as EWKB, byte for byte; the column's type gives it the SRID.
            copy.set_types([*(column.sql_type for column in spec.columns), "bytea"])
            for batch in batches:
                for row in zip(*_python_columns(batch, spec), strict=True):
                    copy.write_row(row)
                rows += batch.num_rows
        return rows

    def finish_staging_table(self, spec: TableSpec) -> TableSummary:
        """See `core.ports.VectorStore`."""
        with self._transaction() as connection:
            for step in ("add_key", "add_spatial_index", "analyse"):
                connection.execute(_for_table(step, spec.name))
            measure = _format("summary", table=sql.Identifier(spec.name), srid=sql.Literal(spec.srid))
            found = connection.execute(measure).fetchone()
        if found is None:
            raise ContractViolation("a count answered no row")
        return _summary(found)

    def drop_staging_table(self, name: str) -> None:
        """See `core.ports.VectorStore`."""
        with self._transaction() as connection:
            connection.execute(_for_table("drop_staging_table", name))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._database.connection() as connection:
                yield connection
        except Unavailable as exc:
            raise TransientError(exc.message, code=exc.code, remedy=exc.remedy) from exc
        except psycopg.DataError as exc:
            raise _refused() from exc


def publish_table(connection: psycopg.Connection[Any], staging_name: str, collection_id: str) -> None:
    """Make `staging.<staging_name>` the table `geo.<collection_id>`, inside the caller's transaction.

    A table of that name, the last revision, is replaced at the same instant: readers see the one or the
    other. Waits for readers no longer than the session's `lock_timeout`.

    Raises:
        psycopg.errors.UndefinedTable: there is no such table in `staging`.
        psycopg.errors.LockNotAvailable: somebody reads the last revision for longer.
    """
    staged, published = sql.Identifier(staging_name), sql.Identifier(collection_id)
    connection.execute(_format("drop_published_table", table=published))
    connection.execute(_format("rename_staging_table", table=staged, published=published))
    connection.execute(_format("publish_table", published=published))
    connection.execute(_format("grant_published_table", published=published))


def _create(spec: TableSpec) -> sql.Composed:
    if spec.geometry_type not in _GEOMETRY_TYPES:
        raise ContractViolation(f"no geometry type: {spec.geometry_type!r}")
    columns = [_definition(column.name, column.sql_type) for column in spec.columns]
    return _format(
        "create_staging_table",
        table=sql.Identifier(spec.name),
        columns=sql.Composed(columns),
        geometry_type=_trusted(spec.geometry_type),
        srid=sql.Literal(spec.srid),
    )


def _definition(name: str, sql_type: str) -> sql.Composed:
    if sql_type not in _COLUMN_TYPES:
        raise ContractViolation(f"no column type: {sql_type!r}")
    return sql.SQL("{} {}, ").format(sql.Identifier(name), _trusted(sql_type))


def _trusted(type_name: str) -> sql.SQL:
    """A type name that was found in one of the lists above."""
    return sql.SQL(type_name)


def _check_srid(connection: Connection, srid: int) -> None:
    found = connection.execute(_SQL["srid_is_known"], {"srid": srid}).fetchone()
    if not (found and found["known"]):
        raise PermanentTaskError(
            f"PostGIS does not know EPSG:{srid}.", code="CRS_UNKNOWN", remedy="Use EPSG:4326 as target_crs."
        )


def _python_columns(batch: pa.RecordBatch, spec: TableSpec) -> list[list[Any]]:
    """The values of a batch, column by column, as psycopg takes them."""
    try:
        columns = [array.to_pylist() for array in batch.columns]
    except (ValueError, OverflowError) as exc:  # bytes that are no UTF-8, years beyond 9999
        raise _refused() from exc
    for number, column in enumerate(spec.columns):
        if column.sql_type == "jsonb":
            columns[number] = [_json_value(value) for value in columns[number]]
    return columns


def _json_value(value: Any) -> Any:
    """A list as it is, the text of an object or array parsed, and any other text as that text.

    A GeoJSON member with values of several types arrives as text, in which strings have no quotes.
    """
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _refused() -> PermanentTaskError:
    return PermanentTaskError(
        "A value cannot be stored: a text that is not valid, or a date or number out of range.",
        code="ENCODING_ERROR",
        remedy="Save the texts as UTF-8 without U+0000, and dates within the years 1 to 9999.",
    )


def _summary(found: dict[str, Any]) -> TableSummary:
    bounds = (found["west"], found["south"], found["east"], found["north"])
    return TableSummary(
        row_count=found["row_count"],
        null_geometry_count=found["null_geometry_count"],
        geometry_types=tuple(found["geometry_types"]),
        bbox=None if None in bounds else bounds,
    )


def _for_table(statement: str, name: str) -> sql.Composed:
    return _format(statement, table=sql.Identifier(name))


def _format(statement: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(_SQL[statement]).format(**parts)
