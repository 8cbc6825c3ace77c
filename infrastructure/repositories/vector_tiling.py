"""Vector tiles of a whole table: it is brought to Web Mercator once, and then asked for tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from psycopg import sql

from core.vector_ports import TableReading, TileExtent, TileRow
from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("vector_tiles")
_WIDTH = 40_075_016.68557849  # of Web Mercator, in metres
_PIXELS = 256
_NUMBERS = frozenset({"bigint", "boolean", "double precision", "integer", "real", "smallint"})
_PLAIN = _NUMBERS | {"text"}


class TileTable:
    """See `core.vector_ports.TileTable`. A temporary table of this connection; its work holds up nobody."""

    def __init__(self, connection: Connection, reading: TableReading, number: int) -> None:
        self._connection = connection
        self._reading = reading
        self._source = sql.Identifier(f"tile_source_{number}")

    def prepare(self) -> None:
        """Make the temporary table. What a killed worker has begun here ends some seconds after it."""
        self._connection.execute(_SQL["end_with_client"])
        columns = [_value(column.name, column.sql_type) for column in self._reading.columns]
        table = sql.Identifier(self._reading.db_schema, self._reading.table)
        prepare = sql.SQL(_SQL["prepare"])
        self._connection.execute(
            prepare.format(source=self._source, columns=sql.Composed(columns), table=table)
        )
        for step in ("index", "analyse"):
            self._connection.execute(self._format(step))
        self._connection.commit()

    def forget(self) -> None:
        """Remove it, whatever has happened; with a lost connection it is gone anyhow."""
        if not self._connection.closed:
            self._connection.rollback()
            self._connection.execute(self._format("forget"))
            self._connection.commit()

    def extent(self) -> TileExtent:
        """See `core.vector_ports.TileTable`."""
        row = self._connection.execute(self._format("measure")).fetchone() or {}
        self._connection.commit()
        bounds = (row["west"], row["south"], row["east"], row["north"])
        return TileExtent(row["feature_count"], row["spacing"], None if None in bounds else bounds)

    def tiles(
        self,
        zoom: int,
        places: Sequence[tuple[int, int]],
        *,
        layer: str,
        most: int,
        most_letters: int | None = None,
    ) -> Iterator[TileRow]:
        """See `core.vector_ports.TileTable`."""
        names = [_drawn(column.name, column.sql_type, most_letters) for column in self._reading.columns]
        statement = sql.SQL(_SQL["tiles"]).format(source=self._source, names=sql.Composed(names))
        values = {
            "z": zoom,
            "xs": [x for x, _ in places],
            "ys": [y for _, y in places],
            "layer": layer,
            "most": most,
            "pixel": _WIDTH / 2**zoom / _PIXELS,
        }
        rows = self._connection.cursor(binary=True).execute(statement, values).fetchall()
        self._connection.commit()
        for row in rows:
            if row["chosen_count"]:
                is_thinned = row["chosen_count"] >= most
                yield TileRow(row["x"], row["y"], bytes(row["tile"] or b""), row["feature_count"], is_thinned)

    def _format(self, statement: str) -> sql.Composed:
        return sql.SQL(_SQL[statement]).format(source=self._source)


def _value(name: str, sql_type: str) -> sql.Composed:
    """A column as a tile can hold it: JSON would become attributes of its own."""
    column = sql.Identifier(name)
    if sql_type in _PLAIN:
        return sql.SQL("{}, ").format(column)
    return sql.SQL("{}::text AS {}, ").format(column, column)


def _drawn(name: str, sql_type: str, most_letters: int | None) -> sql.Composed:
    """A column of the temporary table, where all is text that is no number."""
    column = sql.Identifier(name)
    if most_letters is None or sql_type in _NUMBERS:
        return sql.SQL("{}, ").format(column)
    return sql.SQL("left({}, {}) AS {}, ").format(column, sql.Literal(most_letters), column)
