"""Chunks of a staging table, each loaded once (`app.vector_chunks`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from core.errors import ContractViolation
from core.vector_ports import RowDigests, SentRows, TableSpec
from infrastructure.repositories.pgcopy import HEADER, TRAILER, packed
from infrastructure.repositories.vector_tables import SQL, with_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from infrastructure.database import Connection

_ALL_BITS = (1 << 64) - 1


def load_once(
    connection: Connection,
    spec: TableSpec,
    *,
    chunk_index: int,
    batches: Iterable[pa.RecordBatch],
    digests: RowDigests,
    result: Callable[[SentRows], Mapping[str, Any]],
) -> Mapping[str, Any]:
    """See `core.vector_ports.VectorStore.load_chunk`; in the caller's transaction."""
    chunk = {"table": spec.name, "chunk_index": chunk_index}
    if connection.execute(SQL["begin_chunk"], chunk).fetchone() is None:
        return _stored(connection, chunk)
    sent = _send(connection, spec, batches, digests)
    answer = dict(result(sent))
    connection.execute(SQL["end_chunk"], {**chunk, "result": Jsonb(answer)})
    return answer


def results(connection: Connection, table: str) -> list[Mapping[str, Any]]:
    """What the loaded chunks of a table have left, by index."""
    return [row["result"] for row in connection.execute(SQL["chunk_results"], {"table": table})]


def forget(connection: Connection, table: str) -> None:
    """The table is no staging table any more."""
    connection.execute(SQL["forget_chunks"], {"table": table})


def _stored(connection: Connection, chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    found = connection.execute(SQL["chunk_result"], chunk).fetchone()
    if found is None or found["result"] is None:
        raise ContractViolation("a loaded chunk has no result")
    stored: Mapping[str, Any] = found["result"]
    return stored


def _send(
    connection: Connection, spec: TableSpec, batches: Iterable[pa.RecordBatch], digests: RowDigests
) -> SentRows:
    sql_types = ["bigint", *(column.sql_type for column in spec.columns)]
    row_count, digest = 0, 0
    with connection.cursor() as cursor, cursor.copy(with_columns("copy_into_staging_table", spec)) as copy:
        copy.write(HEADER)
        for batch in batches:
            if not batch.num_rows:
                continue
            rows = packed(batch, sql_types, srid=spec.srid)
            copy.write(rows.content.data[rows.offsets[0] : rows.offsets[-1]])
            row_count += batch.num_rows
            digest += int(digests(rows.content, rows.offsets).sum(dtype="uint64"))
        copy.write(TRAILER)
    return SentRows(row_count, digest & _ALL_BITS)
