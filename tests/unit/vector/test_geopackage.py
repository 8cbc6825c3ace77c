"""GeoPackage: tables, not programs; layers by name; nothing lost."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import shapely

from tests.unit.vector.conftest import Admit, Read, ReadLayer, Refusal
from tests.vectors import edit_geopackage, points, write_geopackage

ENDLESS = (
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS fid, NULL AS geom FROM r"
)


@pytest.fixture
def geopackage(tmp_path: Path) -> Path:
    return write_geopackage(tmp_path / "made.gpkg", points(4), {"name": list("abcd")}, layer="Plä ces")


def test_the_only_layer_is_taken(read: Read, geopackage: Path) -> None:
    found = read("a.gpkg", geopackage.read_bytes())

    assert (found.rows.num_rows, found.crs, found.name) == (4, "EPSG:4326", "Plä ces")


def test_one_of_several_layers(read: Read, geopackage: Path) -> None:
    write_geopackage(geopackage, points(7), layer='o"ther')

    assert read("a.gpkg", geopackage.read_bytes(), layers=['o"ther']).rows.num_rows == 7


def test_all_layers_in_their_order(read_all: Callable[..., list[ReadLayer]], geopackage: Path) -> None:
    names = ["\u202eother", "'; DROP TABLE x; --", "a/../b"]
    for number, name in enumerate(names):
        write_geopackage(geopackage, points(number + 1), layer=f"t{number}")
        quoted = name.replace("'", "''")
        edit_geopackage(
            geopackage,
            f'ALTER TABLE t{number} RENAME TO "{name}"',
            *(
                f"UPDATE {table} SET table_name = '{quoted}' WHERE table_name = 't{number}'"
                for table in ("gpkg_contents", "gpkg_geometry_columns")
            ),
        )
    found = read_all("a.gpkg", geopackage.read_bytes())

    assert [(layer.name, layer.rows.num_rows) for layer in found] == [
        ("Plä ces", 4), *((name, number + 1) for number, name in enumerate(names)),
    ]  # fmt: skip


def test_too_many_layers(refusal: Refusal, geopackage: Path) -> None:
    edit_geopackage(
        geopackage,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
        "INSERT INTO gpkg_contents (table_name, data_type, identifier) SELECT 't' || i, 'features', i FROM n",
        "INSERT INTO gpkg_geometry_columns SELECT c.table_name, 'geom', 'POINT', 4326, 0, 0 "
        "FROM gpkg_contents c WHERE c.table_name LIKE 't%'",
    )

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "LAYER_LIMIT"


def test_tables_without_geometries_are_left_out_and_said(read: Read, geopackage: Path) -> None:
    edit_geopackage(
        geopackage,
        "CREATE TABLE notes (fid INTEGER PRIMARY KEY, note TEXT)",
        "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('notes', 'attributes', 'n')",
    )
    found = read("a.gpkg", geopackage.read_bytes())

    assert (found.name, found.codes, found.findings[0].context) == (
        "Plä ces", ["LAYERS_SKIPPED"], {"layers": ["notes"]},
    )  # fmt: skip


def test_the_keys_of_the_table_are_the_ids(read: Read, geopackage: Path) -> None:
    edit_geopackage(geopackage, 'UPDATE "Plä ces" SET fid = fid * 10')
    found = read("a.gpkg", geopackage.read_bytes())

    assert found.column(found.fid_column or "") == [10, 20, 30, 40]


def test_an_unknown_layer(refusal: Refusal, geopackage: Path) -> None:
    error = refusal("a.gpkg", geopackage.read_bytes(), layers=["roads"])

    assert (error.code, error.context["layers"]) == ("LAYER_NOT_FOUND", ["Plä ces"])


@pytest.mark.parametrize("name", ["Plä ces", "rtree_places"])
def test_an_endless_view_in_the_place_of_a_layer(refusal: Refusal, geopackage: Path, name: str) -> None:
    edit_geopackage(geopackage, 'ALTER TABLE "Plä ces" RENAME TO hidden')
    edit_geopackage(
        geopackage,
        f'CREATE VIEW "{name}" AS {ENDLESS}',
        f"UPDATE gpkg_contents SET table_name = '{name}'",
        f"UPDATE gpkg_geometry_columns SET table_name = '{name}'",
    )

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize("table", ["gpkg_contents", "gpkg_extensions", "gpkg_spatial_ref_sys"])
def test_a_view_in_the_place_of_a_system_table(refusal: Refusal, geopackage: Path, table: str) -> None:
    edit_geopackage(geopackage, f"DROP TABLE {table}", f"CREATE VIEW {table} AS {ENDLESS}")

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "UNSUPPORTED_FORMAT"


@pytest.mark.parametrize(
    "change",
    [
        "geom = substr(geom, 1, 12)",
        "geom = x'00'",
        "geom = 'text'",
        # a point of NaN, without the flag that says "empty"
        "geom = substr(geom, 1, 13) || x'000000000000F87F000000000000F87F'",
    ],
)
def test_a_damaged_geometry_is_refused_not_dropped(refusal: Refusal, geopackage: Path, change: str) -> None:
    edit_geopackage(geopackage, f'UPDATE "Plä ces" SET {change} WHERE fid = 2')

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize(("column", "value"), [("whole", "'abc'"), ("whole", "1.5"), ("real", "'abc'")])
def test_a_value_that_is_not_what_its_column_declares(
    refusal: Refusal, tmp_path: Path, column: str, value: str
) -> None:
    columns = {"whole": [1, 2], "real": [0.5, None], "text": ["a", "b"]}
    source = write_geopackage(tmp_path / "typed.gpkg", points(2), columns)
    edit_geopackage(source, f"UPDATE data SET {column} = {value} WHERE fid = 1")
    error = refusal("a.gpkg", source.read_bytes())

    assert (error.code, error.context["values_by_column"]) == ("CONTENT_MISMATCH", {column: 1})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("SMALLINT", "32768"),
        ("SMALLINT", "-32769"),
        ("MEDIUMINT", "2147483648"),
        ("MEDIUMINT", "-2147483649"),
        ("TINYINT", "2147483648"),
        ("SMALLINT", "'abc'"),
        ("BOOLEAN", "2"),
        ("BOOLEAN", "-1"),
        ("BOOLEAN", "0.5"),
        ("BOOLEAN", "'true'"),
        ("DATE", "'2021-02-30'"),
        ("DATE", "'2023-02-29'"),
        ("DATE", "'2021-13-01'"),
        ("DATE", "'someday'"),
        ("DATE", "''"),
        ("DATE", "20210101"),
        ("DATETIME", "'2021-02-30T10:00:00Z'"),
        ("DATETIME", "'2021/02/30 10:00:00'"),
        ("DATE", "'2024-01-02T10:00:00Z'"),
        ("DATETIME", "'2020-01-01T10:00:00.1234567Z'"),
        ("DATETIME", "'2020-01-01 10:00:00 PM'"),
        ("DATETIME", "'2020-01-01 25:00:00'"),
        ("DATETIME", "'2020-01-01T10:00:00+02:07'"),
        ("DATETIME", "'2020-01-01T23:59:59 CET'"),
    ],
)
def test_values_that_the_reader_would_change(
    refusal: Refusal, geopackage: Path, kind: str, value: str
) -> None:
    edit_geopackage(
        geopackage,
        f'ALTER TABLE "Plä ces" ADD COLUMN v {kind}',
        f'UPDATE "Plä ces" SET v = {value} WHERE fid < 3',
    )
    error = refusal("a.gpkg", geopackage.read_bytes())

    assert (error.code, error.context["values_by_column"]) == ("CONTENT_MISMATCH", {"v": 2})


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("SMALLINT", [32767, -32768]),
        ("TINYINT", [255, -128]),
        ("MEDIUMINT", [2**31 - 1, -(2**31)]),
        ("INTEGER", [2**63 - 1, -(2**63)]),
        ("DATE", [date(2024, 2, 29), date(1, 1, 1)]),
    ],
)
def test_values_at_the_ends_of_their_types(
    read: Read, geopackage: Path, kind: str, values: list[object]
) -> None:
    edit_geopackage(
        geopackage,
        f'ALTER TABLE "Plä ces" ADD COLUMN v {kind}',
        *(f"UPDATE \"Plä ces\" SET v = '{value}' WHERE fid = {fid}" for fid, value in enumerate(values, 1)),
        *([] if kind == "DATE" else ['UPDATE "Plä ces" SET v = CAST(v AS INTEGER)']),
    )

    assert read("a.gpkg", geopackage.read_bytes()).column("v") == [*values, None, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020/01/01 10:00:00", datetime(2020, 1, 1, 10, tzinfo=UTC)),
        ("2020-01-01 10:00", datetime(2020, 1, 1, 10, tzinfo=UTC)),
        ("2020-01-01", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T10:00:00.5", datetime(2020, 1, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2020-01-01T10:00:00.123000-05:30", datetime(2020, 1, 1, 15, 30, 0, 123_000, tzinfo=UTC)),
        ("2020-01-01 10:00:00+0200", datetime(2020, 1, 1, 8, tzinfo=UTC)),
    ],
)
def test_times_in_other_spellings(read: Read, geopackage: Path, text: str, expected: datetime) -> None:
    """GDAL warns of the first one of a file alone."""
    edit_geopackage(
        geopackage,
        'ALTER TABLE "Plä ces" ADD COLUMN v DATETIME',
        "UPDATE \"Plä ces\" SET v = '2024-02-29T12:30:15.250Z'",
        f"UPDATE \"Plä ces\" SET v = '{text}' WHERE fid > 1",
    )

    assert read("a.gpkg", geopackage.read_bytes()).column("v") == [
        datetime(2024, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC), expected, expected, expected,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-01T10:00:00.123456Z", datetime(2020, 1, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2020-01-01T10:00:00.12345600-05:30", datetime(2020, 1, 1, 15, 30, 0, 123_456, tzinfo=UTC)),
        ("2020/01/01 10:00:00.000001", datetime(2020, 1, 1, 10, 0, 0, 1, tzinfo=UTC)),
        ("2020/01/01 10:00", datetime(2020, 1, 1, 10, tzinfo=UTC)),
        ("2020-01-01", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01 10:00:00+0200", datetime(2020, 1, 1, 8, tzinfo=UTC)),
    ],
)
def test_times_keep_their_microseconds(read: Read, geopackage: Path, text: str, expected: datetime) -> None:
    edit_geopackage(
        geopackage,
        *(f'ALTER TABLE "Plä ces" ADD COLUMN {column}' for column in ("v DATETIME", "day DATE")),
        "UPDATE \"Plä ces\" SET v = '2024-02-29T12:30:15.123456Z', day = '2024-02-29'",
        f"UPDATE \"Plä ces\" SET v = '{text}' WHERE fid = 2",
        'UPDATE "Plä ces" SET v = null WHERE fid = 3',
    )
    found = read("a.gpkg", geopackage.read_bytes())
    other = datetime(2024, 2, 29, 12, 30, 15, 123_456, tzinfo=UTC)

    assert found.column("v") == [other, expected, None, other]
    assert found.column("day") == [date(2024, 2, 29)] * 4


def test_truth_values(read: Read, geopackage: Path) -> None:
    edit_geopackage(
        geopackage,
        'ALTER TABLE "Plä ces" ADD COLUMN v BOOLEAN',
        'UPDATE "Plä ces" SET v = fid % 2 WHERE fid < 4',
    )

    assert read("a.gpkg", geopackage.read_bytes()).column("v") == [True, False, True, None]


def test_values_of_a_computed_column_are_tried_too(refusal: Refusal, geopackage: Path) -> None:
    edit_geopackage(
        geopackage, """ALTER TABLE "Plä ces" ADD COLUMN v DATE GENERATED ALWAYS AS ('2021-02-30') VIRTUAL"""
    )

    assert refusal("a.gpkg", geopackage.read_bytes()).context["values_by_column"] == {"v": 4}


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.05])
def test_a_file_that_is_cut_off_never_passes(refusal: Refusal, tmp_path: Path, kept: float) -> None:
    source = write_geopackage(tmp_path / "big.gpkg", points(5_000), {"name": ["x" * 50] * 5_000})
    content = source.read_bytes()

    assert refusal("a.gpkg", content[: int(len(content) * kept)]).code == "GEOMETRY_UNREADABLE"


def test_null_and_empty_geometries_are_counted(admitted: Admit, tmp_path: Path) -> None:
    source = write_geopackage(tmp_path / "odd.gpkg", [None, shapely.Point(), shapely.Polygon(), *points(2)])
    (layer,) = admitted("a.gpkg", source.read_bytes())

    assert (layer.census.feature_count, layer.census.null_geometry_limit) == (5, 1)
    assert callable(layer.census.empty_geometry_limit)
    assert layer.census.empty_geometry_limit() == 2


@pytest.mark.parametrize("srs_id", [-1, 0])
def test_an_undefined_crs_is_handed_on_under_its_name(read: Read, geopackage: Path, srs_id: int) -> None:
    edit_geopackage(
        geopackage,
        f"UPDATE gpkg_contents SET srs_id = {srs_id}",
        f"UPDATE gpkg_geometry_columns SET srs_id = {srs_id}",
    )

    assert "Undefined" in (read("a.gpkg", geopackage.read_bytes()).crs or "")


def test_a_crs_can_be_assigned(read: Read, geopackage: Path) -> None:
    assert read("a.gpkg", geopackage.read_bytes(), source_crs="EPSG:25832").crs == "EPSG:25832"


def test_a_file_without_layers(refusal: Refusal, geopackage: Path) -> None:
    edit_geopackage(geopackage, "DELETE FROM gpkg_geometry_columns", "DELETE FROM gpkg_contents")

    assert refusal("a.gpkg", geopackage.read_bytes()).code == "LAYER_NOT_FOUND"


def test_an_empty_layer(read: Read, tmp_path: Path) -> None:
    source = write_geopackage(tmp_path / "empty.gpkg", [], geometry_type="Point")

    assert read("a.gpkg", source.read_bytes()).rows.num_rows == 0


def test_a_thousand_columns(read: Read, tmp_path: Path) -> None:
    columns = {f"c{number}": [number] for number in range(1_000)}
    source = write_geopackage(tmp_path / "wide.gpkg", points(1), columns)

    assert len(read("a.gpkg", source.read_bytes()).rows.column_names) == 1_002


@pytest.mark.parametrize("column", ["c0", "c999"])
def test_a_stray_value_in_one_of_a_thousand_columns(refusal: Refusal, tmp_path: Path, column: str) -> None:
    columns = {f"c{number}": pa.array([number, None]) for number in range(1_000)}
    source = write_geopackage(tmp_path / "wide.gpkg", points(2), columns)
    edit_geopackage(source, f"UPDATE data SET {column} = 'stray' WHERE fid = 2")

    assert refusal("a.gpkg", source.read_bytes()).context == {"values_by_column": {column: 1}}
