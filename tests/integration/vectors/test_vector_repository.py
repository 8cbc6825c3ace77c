"""The vector store and the publication of a table, as the roles that do it."""

from collections.abc import Iterator

import psycopg
import pyarrow as pa
import pytest
import shapely

from core.errors import ContractViolation, PermanentTaskError, TransientError
from core.ports import Column, TableSpec
from infrastructure.database import Database
from infrastructure.repositories.vectors import VectorRepository, publish_table
from tools.stack.database import DatabaseUrls

SPEC = TableSpec(
    name="t_a1",
    geometry_type="Point",
    srid=4326,
    columns=(Column(name="name", sql_type="text", source_name="Name"),),
)


def batch(*names: str | None, x: float = 1.0) -> pa.RecordBatch:
    wkb = shapely.to_wkb(shapely.points([x] * len(names), [2.0] * len(names)))
    return pa.RecordBatch.from_arrays(
        [pa.array(names, pa.string()), pa.array(wkb, pa.binary())], names=["name", "geom"]
    )


def load(vectors: VectorRepository, *names: str, table: str = SPEC.name) -> TableSpec:
    spec = TableSpec(name=table, geometry_type=SPEC.geometry_type, srid=SPEC.srid, columns=SPEC.columns)
    vectors.create_staging_table(spec)
    vectors.copy_into(spec, [batch(*names)])
    vectors.finish_staging_table(spec)
    return spec


def test_a_table_is_created_filled_and_measured(vectors: VectorRepository) -> None:
    vectors.create_staging_table(SPEC)
    assert vectors.copy_into(SPEC, iter([batch("a", None), batch("c", x=3.0)])) == 3

    summary = vectors.finish_staging_table(SPEC)
    assert (summary.row_count, summary.null_geometry_count) == (3, 0)
    assert (summary.geometry_types, summary.bbox) == (("POINT",), (1.0, 2.0, 3.0, 2.0))


def test_creating_again_replaces_what_an_earlier_run_left(vectors: VectorRepository) -> None:
    load(vectors, "a", "b")
    load(vectors, "c")

    vectors.create_staging_table(SPEC)
    assert vectors.finish_staging_table(SPEC).row_count == 0


def test_an_error_of_the_batches_undoes_the_whole_copy(vectors: VectorRepository) -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield batch("a")
        raise PermanentTaskError("the file is broken", code="GEOMETRY_UNREADABLE")

    vectors.create_staging_table(SPEC)
    with pytest.raises(PermanentTaskError, match="the file is broken"):
        vectors.copy_into(SPEC, failing())

    assert vectors.finish_staging_table(SPEC).row_count == 0


def test_a_text_that_postgres_cannot_hold_is_the_data_s_fault(vectors: VectorRepository) -> None:
    vectors.create_staging_table(SPEC)
    with pytest.raises(PermanentTaskError) as caught:
        vectors.copy_into(SPEC, [batch("nul \x00 inside")])

    assert caught.value.code == "ENCODING_ERROR"


def test_a_geometry_of_another_type_is_refused_by_the_table(vectors: VectorRepository) -> None:
    line = pa.array([shapely.to_wkb(shapely.LineString([(0, 0), (1, 1)]))], pa.binary())
    vectors.create_staging_table(SPEC)
    with pytest.raises(PermanentTaskError):
        vectors.copy_into(SPEC, [pa.RecordBatch.from_arrays([pa.array(["a"]), line], names=["name", "geom"])])


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


def test_dropping_is_repeatable(vectors: VectorRepository) -> None:
    load(vectors, "a")
    vectors.drop_staging_table(SPEC.name)
    vectors.drop_staging_table(SPEC.name)


def test_a_database_that_does_not_answer_may_be_tried_again() -> None:
    nowhere = Database(
        "postgresql://nobody@127.0.0.1:1/none", connect_seconds=0.2, on_promised=lambda _: None
    )
    with nowhere, pytest.raises(TransientError):
        VectorRepository(nowhere).drop_staging_table("t")


def test_publishing_moves_the_table_and_lets_the_reader_see_it(
    vectors: VectorRepository, database: Database, database_urls: DatabaseUrls
) -> None:
    load(vectors, "a", "b")
    with database.connection() as connection:
        publish_table(connection, SPEC.name, "ddh_places_12345678")

    with psycopg.connect(database_urls.reader) as reader:
        assert reader.execute("SELECT name FROM geo.ddh_places_12345678 ORDER BY fid").fetchall() == [
            ("a",),
            ("b",),
        ]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM geo.ddh_places_12345678")


def test_the_next_revision_replaces_the_last_in_one_transaction(
    vectors: VectorRepository, database: Database, database_urls: DatabaseUrls
) -> None:
    seen = "SELECT name FROM geo.places_1"
    load(vectors, "old")
    with database.connection() as connection:
        publish_table(connection, SPEC.name, "places_1")
    load(vectors, "new", table="t_a2")

    with database.connection() as connection:
        publish_table(connection, "t_a2", "places_1")
        assert connection.execute(seen).fetchall() == [{"name": "new"}]
        connection.rollback()
    with psycopg.connect(database_urls.reader) as reader:
        assert reader.execute(seen).fetchall() == [("old",)]

    with database.connection() as connection:
        publish_table(connection, "t_a2", "places_1")
    with psycopg.connect(database_urls.reader) as reader:
        assert reader.execute(seen).fetchall() == [("new",)]


def test_a_table_that_is_not_there_cannot_be_published(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), database.connection() as connection:
        publish_table(connection, "missing", "places_1")
