"""The vector store on a database of its own: chunks that are loaded once, and tables that are proved."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest
import shapely

from core.errors import ContractViolation, PermanentTaskError, TransientError
from core.vector_ports import Column, SentRows, TableFinish, TableSpec
from infrastructure.database import Database
from infrastructure.repositories.vectors import VectorRepository
from services.vector.digest import range_digests
from services.vector.extended_wkb import extended

Connection = psycopg.Connection[dict[str, Any]]
SPEC = TableSpec(
    name="t_a1",
    geometry_type="Point",
    srid=4326,
    columns=(Column(name="name", sql_type="text", source_name="Name"),),
)


def batch(*names: str | None, first_fid: int = 1, x: float = 1.0) -> pa.RecordBatch:
    fids = pa.array(range(first_fid, first_fid + len(names)), pa.int64())
    wkb = shapely.to_wkb(shapely.points([x] * len(names), [2.0] * len(names)))
    return pa.RecordBatch.from_arrays(
        [fids, pa.array(names, pa.string()), pa.array(wkb, pa.binary())], names=["fid", "name", "geom"]
    )


def counted(sent: SentRows) -> Mapping[str, Any]:
    return {"rows": sent.row_count, "digest": f"{sent.digest:016x}"}


def load(
    vectors: VectorRepository,
    batches: Iterable[pa.RecordBatch],
    *,
    spec: TableSpec = SPEC,
    chunk_index: int = 0,
) -> Mapping[str, Any]:
    return vectors.load_chunk(
        spec, chunk_index=chunk_index, batches=batches, digests=range_digests, result=counted
    )


def finish(vectors: VectorRepository, spec: TableSpec = SPEC, options: TableFinish | None = None) -> SentRows:
    return vectors.finish_staging_table(spec, options or TableFinish(), digests=range_digests)


def stored(connection: Connection, what: str = "fid, name") -> list[dict[str, Any]]:
    return connection.execute(f"SELECT {what} FROM staging.t_a1 ORDER BY fid").fetchall()


@pytest.fixture
def table(vectors: VectorRepository) -> TableSpec:
    vectors.create_staging_table(SPEC)
    return SPEC


# -- chunks -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("table")
def test_a_chunk_is_loaded_with_its_result(vectors: VectorRepository, connection: Connection) -> None:
    found = load(vectors, [batch("a", None), batch("c", first_fid=3)])

    assert found["rows"] == 3
    assert stored(connection) == [{"fid": 1, "name": "a"}, {"fid": 2, "name": None}, {"fid": 3, "name": "c"}]
    assert vectors.chunk_results(SPEC.name) == [found]


@pytest.mark.usefixtures("table")
def test_a_chunk_that_is_loaded_is_not_even_read_again(
    vectors: VectorRepository, connection: Connection
) -> None:
    def unread() -> Iterator[pa.RecordBatch]:
        raise AssertionError("the batches were asked for")
        yield

    first = load(vectors, [batch("a")])

    assert load(vectors, unread()) == first
    assert len(stored(connection)) == 1


@pytest.mark.usefixtures("table")
def test_an_error_on_the_way_leaves_neither_rows_nor_result(
    vectors: VectorRepository, connection: Connection
) -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield batch("a")
        raise PermanentTaskError("the file is broken", code="GEOMETRY_UNREADABLE")

    with pytest.raises(PermanentTaskError, match="the file is broken"):
        load(vectors, failing())

    assert (stored(connection), vectors.chunk_results(SPEC.name)) == ([], [])
    assert load(vectors, [batch("b")])["rows"] == 1


@pytest.mark.usefixtures("table")
def test_an_empty_chunk_counts_as_well(vectors: VectorRepository) -> None:
    assert load(vectors, [])["rows"] == 0
    assert len(vectors.chunk_results(SPEC.name)) == 1


@pytest.mark.usefixtures("table")
def test_results_are_in_the_order_of_the_chunks(vectors: VectorRepository) -> None:
    load(vectors, [batch("b", "c", first_fid=2)], chunk_index=1)
    load(vectors, [batch("a")], chunk_index=0)

    assert [result["rows"] for result in vectors.chunk_results(SPEC.name)] == [1, 2]


@pytest.mark.usefixtures("table")
def test_what_is_known_of_chunks_goes_with_the_table(vectors: VectorRepository) -> None:
    load(vectors, [batch("a")])
    vectors.drop_staging_table(SPEC.name)
    vectors.drop_staging_table(SPEC.name)

    assert vectors.chunk_results(SPEC.name) == []


def test_creating_again_replaces_what_an_earlier_run_left(
    vectors: VectorRepository, connection: Connection
) -> None:
    for name in ("a", "b"):
        vectors.create_staging_table(SPEC)
        load(vectors, [batch(name)])

    assert stored(connection) == [{"fid": 1, "name": "b"}]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (batch("nul \x00 inside"), "invalid byte sequence"),
        (batch("a").set_column(2, "geom", pa.array([shapely.LineString([(0, 0), (1, 1)]).wkb])), "Geometry"),
    ],
)
def test_a_value_that_postgres_cannot_hold_is_the_data_s_fault(
    vectors: VectorRepository, wrong: pa.RecordBatch, reason: str
) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        load(vectors, [batch("a", "b", "c"), wrong])

    assert caught.value.code == "VALUE_REFUSED"
    assert reason in caught.value.context["reason"]


def test_a_row_that_is_too_wide_is_the_data_s_fault(vectors: VectorRepository) -> None:
    columns = tuple(Column(f"c{n}", "double precision", f"c{n}") for n in range(1_100))
    spec = replace(SPEC, columns=columns)
    values = [pa.array([1.0])] * len(columns)
    row = pa.RecordBatch.from_arrays(
        [pa.array([1]), *values, pa.array([shapely.Point(1, 2).wkb], pa.binary())],
        names=["fid", *(column.name for column in columns), "geom"],
    )
    vectors.create_staging_table(spec)

    with pytest.raises(PermanentTaskError) as caught:
        load(vectors, [row], spec=spec)
    assert (caught.value.code, caught.value.context["sqlstate"]) == ("VALUE_REFUSED", "54000")


def test_a_table_that_is_gone_says_so(vectors: VectorRepository) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        load(vectors, [batch("a")])

    assert caught.value.code == "STAGING_TABLE_GONE"


# -- values -----------------------------------------------------------------------------------------

VALUES: dict[str, tuple[pa.Array, list[Any]]] = {
    "boolean": (pa.array([True, None, False]), [True, None, False]),
    "smallint": (pa.array([-(2**15), None, 2**15 - 1], pa.int16()), [-(2**15), None, 2**15 - 1]),
    "integer": (pa.array([-(2**31), None, 7], pa.int32()), [-(2**31), None, 7]),
    "bigint": (pa.array([-(2**63), None, 2**63 - 1]), [-(2**63), None, 2**63 - 1]),
    "real": (pa.array([0.5, None, float("inf")], pa.float32()), [0.5, None, float("inf")]),
    "double precision": (pa.array([0.1, None, -1e300]), [0.1, None, -1e300]),
    "text": (pa.array(["", None, "Ünïcödé 日本"]), ["", None, "Ünïcödé 日本"]),
    "bytea": (pa.array([b"", None, b"\x00\xff"], pa.binary()), [b"", None, b"\x00\xff"]),
    "date": (
        pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
        [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)],
    ),
    "time": (
        pa.array([dt.time(0), None, dt.time(23, 59, 59, 999_999)], pa.time64("us")),
        [dt.time(0), None, dt.time(23, 59, 59, 999_999)],
    ),
    "timestamp": (
        pa.array([dt.datetime(1899, 12, 30, 1, 2, 3, 4), None, dt.datetime(2024, 2, 29)], pa.timestamp("us")),  # noqa: DTZ001
        [dt.datetime(1899, 12, 30, 1, 2, 3, 4), None, dt.datetime(2024, 2, 29)],  # noqa: DTZ001
    ),
    "timestamptz": (
        pa.array([dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC), None, None], pa.timestamp("us", "UTC")),
        [dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC), None, None],
    ),
    "numeric(20,0)": (
        pa.array([Decimal(2**64 - 1), None, Decimal(0)], pa.decimal128(20, 0)),
        [Decimal(2**64 - 1), None, Decimal(0)],
    ),
    "numeric(9,4)": (
        pa.array([Decimal("-0.0001"), None, Decimal("10000.5000")], pa.decimal128(9, 4)),
        [Decimal("-0.0001"), None, Decimal("10000.5000")],
    ),
    "jsonb": (
        pa.array(['{"b": 1e2, "a": [null, true, "x\\u00e9\\n"], "b": 2.50}', None, '"text"']),
        [{"a": [None, True, "xé\n"], "b": 2.5}, None, "text"],
    ),
}


def test_values_of_every_type_come_back_equal(vectors: VectorRepository, connection: Connection) -> None:
    columns = tuple(Column(f"c{n}", sql_type, "x") for n, sql_type in enumerate(VALUES))
    spec = replace(SPEC, columns=columns)
    geometries = pa.array([shapely.Point(1, 2).wkb, None, shapely.Point(3, 4).wkb], pa.binary())
    rows = pa.RecordBatch.from_arrays(
        [pa.array([1, 2, 3]), *(given for given, _ in VALUES.values()), geometries],
        names=["fid", *(column.name for column in columns), "geom"],
    )
    vectors.create_staging_table(spec)
    sent = load(vectors, [rows.slice(0, 2), rows.slice(2)], spec=spec)

    names = ", ".join(column.name for column in columns)
    found = [list(row.values()) for row in stored(connection, names)]
    assert found == [[expected[n] for _, expected in VALUES.values()] for n in range(3)]
    assert counted(finish(vectors, spec)) == sent


@pytest.mark.parametrize("wkt", [
    "POINT Z (1 2 3)", "MULTIPOLYGON Z (((0 0 1, 1 0 2, 1 1 3, 0 0 1)))", "MULTIPOINT ZM (1 2 3 4)",
    "LINESTRING M (1 2 3, 4 5 6)", "POLYGON ZM ((0 0 1 1, 1 0 1 1, 1 1 1 1, 0 0 1 1))",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))", "MULTIPOINT (1 2, 3 4)", "POINT EMPTY",
    "GEOMETRYCOLLECTION Z (POINT Z (1 2 3), LINESTRING Z (0 0 0, 1 1 1))", "POLYGON EMPTY",
])  # fmt: skip
def test_geometries_of_every_type_come_back_equal(
    vectors: VectorRepository, connection: Connection, wkt: str
) -> None:
    geometry = shapely.from_wkt(wkt)
    wkb = shapely.to_wkb(geometry, output_dimension=4, byte_order=1, flavor="iso")
    dimensions = ("Z" if geometry.has_z else "") + ("M" if geometry.has_m else "")
    spec = replace(SPEC, geometry_type=f"{geometry.geom_type}{dimensions}", columns=(), srid=3857)
    column = extended(pa.array([wkb, None], pa.binary()))
    rows = pa.RecordBatch.from_arrays([pa.array([1, 2]), column], names=["fid", "geom"])
    vectors.create_staging_table(spec)
    sent = load(vectors, [rows], spec=spec)

    row, nothing = stored(connection, "ST_AsBinary(geom, 'NDR') AS wkb, ST_SRID(geom) AS srid")
    assert (row["wkb"], row["srid"], nothing["wkb"]) == (wkb, 3857, None)
    assert counted(finish(vectors, spec)) == sent


# -- proof and indexes ------------------------------------------------------------------------------


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("damage", [
    "UPDATE staging.t_a1 SET name = 'B' WHERE fid = 2", "DELETE FROM staging.t_a1 WHERE fid = 2",
    "INSERT INTO staging.t_a1 SELECT 9, name, geom FROM staging.t_a1 WHERE fid = 2",
    "UPDATE staging.t_a1 SET geom = ST_Translate(geom, 1e-12, 0) WHERE fid = 2",
    "UPDATE staging.t_a1 SET name = NULL WHERE fid = 2",
    "UPDATE staging.t_a1 SET fid = 13 - fid",
])  # fmt: skip
def test_whatever_is_lost_doubled_or_changed_shows(
    vectors: VectorRepository, connection: Connection, damage: str
) -> None:
    sent = load(vectors, [batch("a", "b")])
    assert counted(finish(vectors)) == sent
    connection.execute(damage)

    assert counted(finish(vectors)) != sent


@pytest.mark.usefixtures("table")
def test_the_order_of_rows_does_not_matter(vectors: VectorRepository) -> None:
    first = load(vectors, [batch("b", first_fid=2), batch("a")])
    assert counted(finish(vectors)) == first
    vectors.create_staging_table(SPEC)

    assert load(vectors, [batch("a", "b")]) == first


@pytest.mark.usefixtures("table")
def test_a_finished_table_has_a_key_and_indexes(vectors: VectorRepository, connection: Connection) -> None:
    load(vectors, [batch("a", "x" * 8_000, None)])
    options = TableFinish(index=("name",), text_search=("name",))
    finish(vectors, SPEC, options)
    finish(vectors, SPEC, options)

    found = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE tablename = 't_a1' ORDER BY indexname"
    ).fetchall()
    definitions = [row["indexdef"].partition(" USING ")[2] for row in found]
    assert definitions == [
        "gist (geom)",
        'btree ("left"(name, 200))',
        "btree (fid)",
        "gin (to_tsvector('simple'::regconfig, \"left\"(name, 100000)))",
    ]
    (table,) = connection.execute(
        "SELECT reltuples, reloptions FROM pg_class WHERE relname = 't_a1'"
    ).fetchall()
    assert table == {"reltuples": 3, "reloptions": None}


@pytest.mark.parametrize(("sql_type", "value", "method"), [
    ("jsonb", '{"a": 1}', "gin"), ("bytea", b"x" * 9_000, "hash"), ("bytea", b"x", "btree"),
    ("integer", 1, "btree"), ("text", "short", "btree"),
])  # fmt: skip
def test_a_column_is_indexed_as_its_values_allow(
    vectors: VectorRepository, connection: Connection, sql_type: str, value: object, method: str
) -> None:
    kinds = {"jsonb": pa.string(), "bytea": pa.binary(), "integer": pa.int32(), "text": pa.string()}
    spec = replace(SPEC, columns=(Column("v", sql_type, "v"),))
    rows = pa.RecordBatch.from_arrays(
        [pa.array([1]), pa.array([value], kinds[sql_type]), pa.array([shapely.Point(1, 2).wkb], pa.binary())],
        names=["fid", "v", "geom"],
    )
    vectors.create_staging_table(spec)
    load(vectors, [rows], spec=spec)
    finish(vectors, spec, TableFinish(index=("v",)))

    (index,) = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 't_a1_i0'").fetchall()
    assert f"USING {method} (" in index["indexdef"]


@pytest.mark.usefixtures("table")
def test_two_rows_of_one_id_are_refused(vectors: VectorRepository) -> None:
    load(vectors, [batch("a"), batch("b")])

    with pytest.raises(PermanentTaskError) as caught:
        finish(vectors)
    assert caught.value.code == "DUPLICATE_ID"


@pytest.mark.usefixtures("table")
def test_statistics_tell_of_a_finished_table(vectors: VectorRepository) -> None:
    names = [None] * 50 + ["often"] * 100 + [f"n{n}" for n in np.arange(50)]
    load(vectors, [batch(*names)])
    finish(vectors)

    (found,) = vectors.statistics(SPEC)
    assert (found.name, found.null_fraction) == ("name", 0.25)
    assert (found.common_values[0], found.common_fractions[0]) == ("often", 0.5)


# -- names and outages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("geometry_type", "sql_type"), [("Point, 4326); DROP TABLE x; --", "text"), ("Point", "text; --")]
)
def test_types_come_from_a_list(vectors: VectorRepository, geometry_type: str, sql_type: str) -> None:
    spec = TableSpec(name="t", geometry_type=geometry_type, srid=4326, columns=(Column("a", sql_type, "a"),))
    with pytest.raises(ContractViolation):
        vectors.create_staging_table(spec)


def test_an_srid_that_postgis_does_not_know_is_refused(vectors: VectorRepository) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        vectors.create_staging_table(TableSpec(name="t", geometry_type="Point", srid=999_998, columns=()))

    assert caught.value.code == "CRS_UNKNOWN"


def test_a_database_that_does_not_answer_may_be_tried_again() -> None:
    nowhere = Database(
        "postgresql://nobody@127.0.0.1:1/none", connect_seconds=0.2, on_promised=lambda _: None
    )
    with nowhere, pytest.raises(TransientError):
        VectorRepository(nowhere).drop_staging_table("t")
