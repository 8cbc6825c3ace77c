"""Tables of features in PostGIS while they are in `staging`: made, filled by binary COPY, indexed, proved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg import sql

from core.errors import PermanentTaskError
from core.vector_ports import ColumnStatistics, RowDigests, SentRows, TableFinish, TableSpec
from infrastructure.repositories import generalised, overviews, vector_finish, vector_ledger, vector_tables
from infrastructure.repositories.vector_errors import outages, refusals
from infrastructure.repositories.vector_reading import VectorTableReader
from infrastructure.repositories.vector_tables import SQL, statement

if TYPE_CHECKING:
    import pyarrow as pa

    from infrastructure.database import Connection, Database


class VectorRepository:
    """See `core.vector_ports.VectorStore`. Every call is a transaction of its own, or several."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def reader(self) -> VectorTableReader:
        """See `core.vector_ports.VectorStore`."""
        return VectorTableReader(self._database)

    def create_staging_table(self, spec: TableSpec) -> None:
        """See `core.vector_ports.VectorStore`.

        Raises:
            PermanentTaskError: (CRS_UNKNOWN) PostGIS does not know the SRID.
            ContractViolation: a type that is none of ours.
        """
        creation = vector_tables.creation(spec)
        with self._transaction() as connection:
            _check_srid(connection, spec.srid)
            _drop(connection, spec.name)
            connection.execute(creation)

    def load_chunk(
        self,
        spec: TableSpec,
        *,
        chunk_index: int,
        batches: Iterable[pa.RecordBatch],
        digests: RowDigests,
        result: Callable[[SentRows], Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        """See `core.vector_ports.VectorStore`."""
        with self._transaction() as connection:
            return vector_ledger.load_once(
                connection, spec, chunk_index=chunk_index, batches=batches, digests=digests, result=result
            )

    def chunk_results(self, table: str) -> list[Mapping[str, Any]]:
        """See `core.vector_ports.VectorStore`."""
        with self._transaction() as connection:
            return vector_ledger.results(connection, table)

    def finish_staging_table(self, spec: TableSpec, options: TableFinish, *, digests: RowDigests) -> SentRows:
        """See `core.vector_ports.VectorStore`."""
        return vector_finish.finish(self._transaction, spec, options, digests=digests)

    def generalise(self, spec: TableSpec, *, companion: str) -> None:
        """See `core.vector_ports.VectorStore`."""
        with self._transaction() as connection:
            generalised.build(connection, table=spec.name, companion=companion)

    def add_overview(
        self, spec: TableSpec, *, overview: str, world: tuple[float, float], feature_count: int
    ) -> int:
        """See `core.vector_ports.VectorStore`."""
        with self._transaction() as connection:
            return overviews.build(
                connection,
                table=spec.name,
                overview=overview,
                srid=spec.srid,
                world=world,
                feature_count=feature_count,
            )

    def statistics(self, spec: TableSpec) -> list[ColumnStatistics]:
        """See `core.vector_ports.VectorStore`."""
        named = {"table": spec.name, "columns": [column.name for column in spec.columns]}
        with self._transaction() as connection:
            return [_statistics(row) for row in connection.execute(SQL["profiles"], named)]

    def drop_staging_table(self, name: str) -> None:
        """See `core.vector_ports.VectorStore`."""
        with self._transaction() as connection:
            _drop(connection, name)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with outages(), self._database.connection() as connection, refusals():
            yield connection


def _drop(connection: Connection, name: str) -> None:
    connection.execute(statement("drop_staging_table", table=sql.Identifier(name)))
    vector_ledger.forget(connection, name)


def _check_srid(connection: Connection, srid: int) -> None:
    found = connection.execute(SQL["srid_is_known"], {"srid": srid}).fetchone()
    if not (found and found["known"]):
        raise PermanentTaskError(
            f"PostGIS does not know EPSG:{srid}.", code="CRS_UNKNOWN", remedy="Use EPSG:4326 as target_crs."
        )


def _statistics(row: Mapping[str, Any]) -> ColumnStatistics:
    return ColumnStatistics(
        name=row["name"],
        null_fraction=row["null_fraction"],
        distinct_count=row["distinct_count"],
        common_values=tuple(row["common_values"] or ()),
        common_fractions=tuple(row["common_fractions"] or ()),
        bounds=tuple(row["bounds"] or ()),
    )
