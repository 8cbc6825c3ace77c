"""How the stages hang together: chunks, what is done twice, what is refused, what adds up."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyogrio
import pytest
import shapely

from core.errors import ContractViolation, PermanentTaskError, TaskCancelled
from core.task_models.vector import RejectReason
from services.vector import chunks
from services.vector.overview import world_in
from tests.integration.vectors.conftest import Ingestion
from tests.vectors import BOW_TIE, SQUARE, geojson, points, write_geopackage

Connection = psycopg.Connection[dict[str, Any]]
NOWHERE = shapely.Point(9, 500)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_CHUNK_ROWS", 16_384)


@pytest.fixture
def many(tmp_path: Path) -> bytes:
    count = 40_000
    source = write_geopackage(tmp_path / "many.gpkg", points(count), {"n": list(range(count))})
    return source.read_bytes()


@pytest.mark.usefixtures("small_chunks")
def test_a_layer_of_several_chunks_is_whole(
    ingestion: Ingestion, connection: Connection, many: bytes
) -> None:
    prepared = ingestion.prepare("many.gpkg", many)
    (planned,) = prepared.tables
    found = ingestion.load(prepared)
    (table,) = ingestion.finish(prepared).tables

    assert (planned.chunk_count, planned.feature_count) == (3, 40_000)
    assert sum(chunk.loaded for chunk in found) == table.feature_count == 40_000
    (row,) = connection.execute(
        f'SELECT count(*), sum(n), bool_and(fid = n + 1) AS in_order FROM staging."{table.table}"'
    ).fetchall()
    assert row == {"count": 40_000, "sum": 40_000 * 39_999 // 2, "in_order": True}


@pytest.mark.usefixtures("small_chunks")
def test_a_second_attempt_at_every_stage_changes_nothing(ingestion: Ingestion, many: bytes) -> None:
    prepared = ingestion.prepare("many.gpkg", many)
    first, again = ingestion.load(prepared), ingestion.load(prepared, attempt="again")

    assert again == first
    results = [ingestion.finish(prepared, attempt=attempt) for attempt in ("finish", "finish_again")]
    one, other = (result.model_dump(exclude={"tables": {0: {"profiles"}}}) for result in results)
    assert one == other


@pytest.mark.usefixtures("small_chunks")
def test_a_chunk_that_is_cancelled_leaves_no_row(
    ingestion: Ingestion, connection: Connection, many: bytes
) -> None:
    prepared = ingestion.prepare("many.gpkg", many)
    with pytest.raises(TaskCancelled):
        ingestion.load(prepared, cancel_at=0.3)

    table = prepared.tables[0].table
    assert connection.execute(f'SELECT count(*) FROM staging."{table}"').fetchall() == [{"count": 0}]
    with pytest.raises(ContractViolation, match="chunks are missing"):
        ingestion.finish(prepared)


def test_a_row_that_is_changed_before_the_end_is_noticed(
    ingestion: Ingestion, connection: Connection, many: bytes
) -> None:
    prepared = ingestion.prepare("many.gpkg", many)
    ingestion.load(prepared)
    connection.execute(f'UPDATE staging."{prepared.tables[0].table}" SET n = n + 1 WHERE fid = 77')

    with pytest.raises(ContractViolation) as caught:
        ingestion.finish(prepared)
    assert caught.value.code == "LOAD_MISMATCH"


def test_a_chunk_file_that_is_not_what_was_written_is_noticed(ingestion: Ingestion, tmp_path: Path) -> None:
    prepared = ingestion.prepare("a.geojson", geojson(points(2), {"a": 1}, {"a": 2}))
    blobs = ingestion.storage.list_blobs("silver")
    uri = next(blob.uri for blob in blobs if blob.uri.endswith("chunk_1.arrow"))
    ingestion.storage.download(uri, tmp_path / "old.arrow")
    (batch,) = chunks.read_chunk(tmp_path / "old.arrow")
    changed = batch.set_column(batch.num_columns - 1, batch.schema.field("a"), pa.array([1, 3], pa.int32()))
    with ExitStack() as files:
        chunks.open_writer(tmp_path / "new.arrow", batch.schema, files).write_batch(changed)
    ingestion.storage.put(uri, (tmp_path / "new.arrow").read_bytes())

    with pytest.raises(ContractViolation, match="lost or changed"):
        ingestion.load(prepared)


# -- rejected features ------------------------------------------------------------------------------


def test_a_rejected_feature_refuses_the_file_and_says_why(ingestion: Ingestion) -> None:
    prepared = ingestion.prepare("a.geojson", geojson([*points(2), NOWHERE], {"a": 1}))
    ingestion.load(prepared)
    with pytest.raises(PermanentTaskError) as caught:
        ingestion.finish(prepared)

    assert caught.value.code == "FEATURES_REJECTED"
    context = caught.value.context
    assert (context["rejected"], context["features"]) == (1, 3)
    assert context["reasons"] == {"COORDINATES_OUT_OF_RANGE": 1}
    assert [(row["row"], row["reason"]) for row in context["first"]] == [(2, "COORDINATES_OUT_OF_RANGE")]


def test_rejected_features_that_are_allowed_go_into_a_file(ingestion: Ingestion, tmp_path: Path) -> None:
    content = geojson([*points(2), NOWHERE], {"a": 1}, {"a": 2}, {"a": 3})
    result = ingestion.run("a.geojson", content, max_failed_fraction=0.5)

    assert (result.feature_count, result.rejected_count) == (2, 1)
    assert result.tables[0].reasons == {RejectReason.COORDINATES_OUT_OF_RANGE: 1}
    assert result.rejects_uri is not None
    path = tmp_path / "rejects.gpkg"
    ingestion.storage.download(result.rejects_uri, path)
    found = pyogrio.read_dataframe(path)
    assert (found["a"].tolist(), list(found.geometry)) == ([3], [NOWHERE])


def test_a_layer_of_which_nothing_is_left_is_refused(ingestion: Ingestion) -> None:
    prepared = ingestion.prepare("a.geojson", geojson([NOWHERE]), max_failed_fraction=1)
    ingestion.load(prepared)
    with pytest.raises(PermanentTaskError) as caught:
        ingestion.finish(prepared)

    assert caught.value.code == "FEATURES_REJECTED"


# -- several tables ---------------------------------------------------------------------------------


def test_every_layer_becomes_a_table(ingestion: Ingestion, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    write_geopackage(path, points(3), {"n": [1, 2, 3]}, layer="Stops")
    write_geopackage(path, [SQUARE], {"name": ["a"]}, layer="Zones", crs="EPSG:25832")
    result = ingestion.run("two.gpkg", path.read_bytes())

    assert [(table.layer, table.geometry_type, table.feature_count) for table in result.tables] == [
        ("Stops", "Point", 3), ("Zones", "MultiPolygon", 1),
    ]  # fmt: skip
    assert [table.source_crs for table in result.tables] == ["EPSG:4326", "EPSG:25832"]
    assert result.feature_count == 4


def test_a_mixed_layer_is_split_by_families(ingestion: Ingestion, connection: Connection) -> None:
    mixed = geojson([*points(2), SQUARE, shapely.MultiPoint([(1, 2), (3, 4)]), SQUARE])
    result = ingestion.run("mixed.geojson", mixed, cleaning={"mixed_geometry": "split"})

    found = [(table.family, table.geometry_type, table.feature_count) for table in result.tables]
    assert found == [("points", "MultiPoint", 3), ("polygons", "MultiPolygon", 2)]
    ids = [
        [row["fid"] for row in connection.execute(f'SELECT fid FROM staging."{table.table}" ORDER BY fid')]
        for table in result.tables
    ]
    assert ids == [[1, 2, 4], [3, 5]]


def test_features_without_geometry_stay_with_the_only_family(ingestion: Ingestion) -> None:
    content = geojson([SQUARE, None, SQUARE])
    table = ingestion.table("a.geojson", content, cleaning={"mixed_geometry": "split"})

    assert (table.family, table.geometry_type) == (None, "MultiPolygon")
    assert (table.feature_count, table.null_geometry_count) == (3, 1)


def test_a_mixed_layer_may_be_refused(ingestion: Ingestion) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        ingestion.prepare(
            "mixed.geojson", geojson([*points(2), SQUARE]), cleaning={"mixed_geometry": "error"}
        )

    assert caught.value.code == "MIXED_GEOMETRY"
    assert caught.value.context["geometries"] == {"POINT": 2, "POLYGON": 1}


# -- copies and ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "left"), [("keep", [1, 2, 3, 4]), ("drop", [1, 2, 4])])
def test_copies_are_counted_and_dropped_if_asked(
    ingestion: Ingestion, connection: Connection, policy: str, left: list[int]
) -> None:
    content = geojson([*points(1), *points(1), *points(1), SQUARE.centroid], {"a": 1}, {"a": 2}, {"a": 1})
    table = ingestion.table("a.geojson", content, cleaning={"duplicates": policy}, max_failed_fraction=0.5)

    found = connection.execute(f'SELECT fid FROM staging."{table.table}" ORDER BY fid').fetchall()
    assert [row["fid"] for row in found] == left
    assert [(step.step, step.count) for step in table.steps] == [("duplicates", 1)]


def test_ids_may_come_from_a_column(ingestion: Ingestion, connection: Connection) -> None:
    content = geojson(points(2), {"Nr": 70}, {"Nr": -5})
    table = ingestion.table("a.geojson", content, reading={"id_column": "Nr"})

    assert table.ids == "column"
    found = connection.execute(f'SELECT fid, nr FROM staging."{table.table}" ORDER BY fid').fetchall()
    assert found == [{"fid": -5, "nr": -5}, {"fid": 70, "nr": 70}]


@pytest.mark.parametrize("values", [
    [{"Nr": 1}, {"Nr": 1}], [{"Nr": 1}, {"Nr": None}], [{"Nr": "a"}, {"Nr": "b"}], [{"Nr": 1.5}, {"Nr": 2.5}],
    [{"nr": 1}, {"nr": 2}],
])  # fmt: skip
def test_a_column_that_cannot_give_ids_is_refused(ingestion: Ingestion, values: list[dict[str, Any]]) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        ingestion.prepare("a.geojson", geojson(points(2), *values), reading={"id_column": "Nr"})

    assert (caught.value.code, caught.value.context["column"]) == ("ID_COLUMN_INVALID", "Nr")


# -- what finished tables have ----------------------------------------------------------------------


def test_indexes_are_made_where_the_columns_are(ingestion: Ingestion, connection: Connection) -> None:
    content = geojson(points(2), {"Name of it": "a", "n": 1})
    table = ingestion.table(
        "a.geojson", content, tables={"index": ["Name of it", "n", "gone"], "text_search": ["name_of_it"]}
    )

    found = connection.execute(
        "SELECT indexdef FROM pg_indexes WHERE tablename = %s ORDER BY indexname", (table.table,)
    ).fetchall()
    kinds = [row["indexdef"].partition(" USING ")[2].partition(" ")[0] for row in found]
    assert sorted(kinds) == ["btree", "btree", "btree", "gin", "gist"]
    assert [finding.code for finding in table.findings] == ["INDEX_COLUMN_MISSING"]


def test_profiles_tell_of_the_columns(ingestion: Ingestion, many: bytes) -> None:
    (profile,) = ingestion.table("many.gpkg", many).profiles

    assert (profile.name, profile.nulls, profile.distinct) == ("n", 0, 40_000)
    assert len(profile.histogram) == 10
    assert sum(profile.histogram) == pytest.approx(40_000, abs=10)
    assert min(profile.histogram) > 3_000


def test_the_largest_repairs_are_told(ingestion: Ingestion) -> None:
    table = ingestion.table("a.geojson", geojson([SQUARE, BOW_TIE]))

    (repair,) = table.repairs
    assert (repair.row, repair.fid) == (1, 2)
    assert table.area_change == pytest.approx(abs(repair.area_after - repair.area_before))


def test_a_table_with_huge_geometries_has_a_companion(ingestion: Ingestion, connection: Connection) -> None:
    coast = shapely.Point(10, 50).buffer(1, quad_segs=1_000)
    table = ingestion.table("coast.geojson", geojson([coast]))

    assert (table.generalised, table.largest_vertex_count) == (f"{table.table}_g", 4_001)
    (row,) = connection.execute(f'SELECT count(*) FROM staging."{table.generalised}"').fetchall()
    assert row["count"] > 1


def test_very_many_features_have_an_overview_with_one_of_each_cell(
    ingestion: Ingestion, connection: Connection
) -> None:
    places = (f"{10 + n % 500 * 0.002:.3f},{40 + n // 500 * 0.002:.3f},{n}" for n in range(200_500))
    table = ingestion.table("many.csv", "\n".join(("lon,lat,n", *places)).encode())

    assert (table.overview, table.overview_zoom) == (f"{table.table}_o", 6)
    for zoom in range(7):
        width, height = (world / 128 / 2**zoom for world in world_in(4326, table.bbox))
        (found,) = connection.execute(
            f"""
            SELECT count(*) AS chosen,
                   count(DISTINCT (floor(ST_X(place) / {width}), floor(ST_Y(place) / {height}))) AS cells,
                   bool_and(ST_Equals(place, geom)) AS in_place,
                   (SELECT count(DISTINCT (floor(ST_X(geom) / {width}), floor(ST_Y(geom) / {height})))
                    FROM staging."{table.table}") AS taken
            FROM staging."{table.overview}" JOIN staging."{table.table}" USING (fid) WHERE zoom = {zoom}
            """
        ).fetchall()
        assert found["chosen"] == found["cells"] == found["taken"] > 0
        assert found["in_place"]


def test_few_features_have_no_overview(ingestion: Ingestion) -> None:
    table = ingestion.table("few.geojson", geojson([SQUARE]))

    assert (table.overview, table.overview_zoom) == (None, None)
