"""From a loaded staging table to one that can be published: read back, indexed, analysed.

Two connections work side by side: one reads the rows back and builds the key, the other builds the spatial
index, which takes about as long. Neither changes what the other sees.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from psycopg import sql

from core.vector_ports import RowDigests, SentRows, TableFinish, TableSpec
from infrastructure.queries import load
from infrastructure.repositories.pgcopy import received
from infrastructure.repositories.vector_tables import statement, with_columns

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("vectors")
Transaction = Callable[[], "AbstractContextManager[Connection]"]
_ALL_BITS = (1 << 64) - 1
_LONGEST_KEY_BYTES = 2_000  # of a B-tree's 2,704, with room for what PostgreSQL adds


def finish(
    transaction: Transaction, spec: TableSpec, options: TableFinish, *, digests: RowDigests
) -> SentRows:
    """See `core.vector_ports.VectorStore.finish_staging_table`."""
    with ThreadPoolExecutor(1, "reading back") as threads:
        stored = threads.submit(_prove, transaction, spec, digests)
        _build_indexes(transaction, spec, options)
        found = stored.result()
    with transaction() as connection:
        _make_primary(connection, spec)
        connection.execute(statement("analyse", table=sql.Identifier(spec.name)))
    return found


def _prove(transaction: Transaction, spec: TableSpec, digests: RowDigests) -> SentRows:
    """Read the rows back, and make sure that their ids are different."""
    found = _read_back(transaction, spec, digests)
    with transaction() as connection:
        connection.execute(_SQL["prepare_to_index"])
        connection.execute(_indexing("add_key", spec, "key"))
    return found


def _read_back(transaction: Transaction, spec: TableSpec, digests: RowDigests) -> SentRows:
    row_count, digest = 0, 0
    everything = with_columns("copy_out_of_staging_table", spec)
    with (
        transaction() as connection,
        connection.cursor() as cursor,
        cursor.copy(everything) as copy,
    ):
        for rows in received(copy):
            row_count += len(rows.offsets) - 1
            digest += int(digests(rows.content, rows.offsets).sum(dtype="uint64"))
    return SentRows(row_count, digest & _ALL_BITS)


def _build_indexes(transaction: Transaction, spec: TableSpec, options: TableFinish) -> None:
    with transaction() as connection:
        connection.execute(_SQL["prepare_to_index"])
        connection.execute(_indexing("add_spatial_index", spec, "geom"))
        types = {column.name: column.sql_type for column in spec.columns}
        for number, column in enumerate(options.index):
            name = _kind_of_index(connection, spec, column, types[column])
            connection.execute(_indexing(name, spec, f"i{number}", column))
        for number, column in enumerate(options.text_search):
            connection.execute(_indexing("add_text_search", spec, f"t{number}", column))


def _kind_of_index(connection: Connection, spec: TableSpec, column: str, sql_type: str) -> str:
    if sql_type == "jsonb":
        return "add_json_index"
    if sql_type not in ("text", "bytea"):
        return "add_index"
    parts = {"table": sql.Identifier(spec.name), "column": sql.Identifier(column)}
    found = connection.execute(statement("longest_text", **parts)).fetchone()
    if found is not None and found["longest"] <= _LONGEST_KEY_BYTES:
        return "add_index"
    return "add_hash_index" if sql_type == "bytea" else "add_prefix_index"


def _make_primary(connection: Connection, spec: TableSpec) -> None:
    table = sql.Identifier(spec.name)
    names = {"table": sql.Identifier("staging", spec.name).as_string(connection)}
    found = connection.execute(_SQL["has_primary_key"], names).fetchone()
    if found is not None and not found["has_key"]:
        connection.execute(_indexing("make_key_primary", spec, "key"))
    connection.execute(statement("let_vacuum", table=table))


def _indexing(name: str, spec: TableSpec, suffix: str, column: str | None = None) -> sql.Composed:
    parts = {"index": sql.Identifier(f"{spec.name}_{suffix}"), "table": sql.Identifier(spec.name)}
    return statement(name, **parts, **({} if column is None else {"column": sql.Identifier(column)}))
