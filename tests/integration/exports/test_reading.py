"""Tables read whole, as Arrow batches and as GeoJSON."""

import datetime as dt
import decimal
import json
from typing import Any

import psycopg
import pyarrow as pa
import shapely

from core.task_models.vector_export import ExportTable
from core.vector_ports import TableReading
from infrastructure.database import Database
from infrastructure.repositories.vector_reading import VectorTableReader
from tests.integration.exports.tables import EVERY_TYPE, create_table

Connection = psycopg.Connection[Any]


def reading_of(table: ExportTable) -> TableReading:
    return TableReading(table.db_schema, table.table, tuple(each.as_column() for each in table.columns))


def test_every_type_arrives_as_its_own(database: Database, connection: Connection) -> None:
    table = create_table(
        connection,
        "every",
        ["POINT ZM(1 2 3 4)", None, "POINT ZM EMPTY"],
        geometry_type="PointZM",
        columns=EVERY_TYPE,
    )
    reader = VectorTableReader(database)

    [batch] = reader.batches(reading_of(table))

    assert batch.schema == reader.schema(reading_of(table))
    columns = batch.to_pydict()
    assert shapely.from_wkb(columns.pop("geom")).tolist() == [
        shapely.from_wkt("POINT ZM(1 2 3 4)"),
        None,
        shapely.from_wkt("POINT ZM EMPTY"),
    ]
    seen_at = dt.datetime(2024, 5, 1, 10, 0, 0, 123000, tzinfo=dt.UTC)
    assert {name: values[:2] for name, values in columns.items()} == {
        "fid": [1, 11],
        "name": ['Süd, "x"', ""],
        "formula": ["=1+1", "-12.5"],
        "is_land": [True, False],
        "small": [-32768, 32767],
        "medium": [-(2**31), 2**31 - 1],
        "large": [-(2**63), 2**53 + 1],
        "single": pa.array([0.1, -3.4e38], pa.float32()).to_pylist(),
        "double": [0.1, 1e-300],
        "exact": [decimal.Decimal("12345678901234567.891"), decimal.Decimal("-0.001")],
        "day": [dt.date(1850, 2, 28), dt.date(9999, 12, 31)],
        "clock": [dt.time(23, 59, 59, 123456), dt.time(0, 0)],
        "seen": [
            dt.datetime.fromisoformat("2024-05-01T12:00:00.123"),
            dt.datetime.fromisoformat("1999-12-31T23:59:59"),
        ],
        "seen_at": [seen_at, dt.datetime(1969, 7, 20, 20, 17, 40, tzinfo=dt.UTC)],
        "tags": ['{"a": [1, null], "b": "ü"}', "[]"],
        "raw": [b"\x00\xff\x10", b""],
    }
    assert {values[2] for name, values in columns.items() if name not in ("fid", "formula")} == {None}


def test_more_columns_than_a_statement_can_name(database: Database, connection: Connection) -> None:
    columns = {
        f"c{number}": ("text" if number % 2 else "integer", [str(number), "NULL"]) for number in range(1000)
    }
    table = create_table(
        connection, "wide", ["POINT(1 2)", "POINT(3 4)"], geometry_type="Point", columns=columns
    )
    reader = VectorTableReader(database)

    [batch] = reader.batches(reading_of(table))
    [(count, features)] = reader.features(reading_of(table))

    assert batch.schema == reader.schema(reading_of(table))
    assert [batch["c999"].to_pylist(), batch["c0"].to_pylist()] == [["999", None], [0, None]]
    assert (count, json.loads(f"[{features.decode()}]")[0]["properties"]["c998"]) == (2, 998)


def test_pages_end_where_their_bytes_are_used_up(database: Database, connection: Connection) -> None:
    """Random bytes: what compresses well would be small as it is stored."""
    table = create_table(connection, "long", [], geometry_type="Point", columns={"word": ("text", [])})
    connection.execute(
        "INSERT INTO geo.long SELECT n, (SELECT string_agg(md5(random()::text || n || m), '')"
        " FROM generate_series(1, 32768) m), NULL FROM generate_series(1, 40) n"
    )

    batches = list(VectorTableReader(database).batches(reading_of(table)))

    assert [batch.num_rows for batch in batches] != [40]
    assert pa.Table.from_batches(batches)["fid"].to_pylist() == list(range(1, 41))
    assert {len(text) for text in pa.Table.from_batches(batches)["word"].to_pylist()} == {2**20}
