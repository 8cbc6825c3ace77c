"""GeoPackages: layers, ids, and programs in the place of tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyogrio
import shapely

from tests.corpus.vector.case import Door, Table, accepted, case, refused
from tests.corpus.vector.making import TWO_PLACES, cut, spread
from tests.vectors import SQUARE, edit_geopackage, points, write_geopackage

_ENDLESS = (
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS fid, NULL AS geom FROM r"
)
_ROADS = [shapely.LineString([(0, 0), (1, 1)]), shapely.LineString([(2, 2), (3, 3)])]


@case("plain.gpkg", accepted(Table("data", 4, "Point", columns={"name": "text"}, ids="format")))
def plain(path: Path) -> None:
    write_geopackage(path, points(4), {"name": list("abcd")})


@case(
    "all_layers.gpkg",
    accepted(
        Table("places", 2, "Point"),
        Table("roads", 2, "MultiLineString"),
        Table("lots", 1, "MultiPolygon"),
        findings=("LAYERS_SKIPPED",),
    ),
)
def all_layers(path: Path) -> None:
    _three_layers(path)
    table = pa.table({"code": ["a", "b"]})
    pyogrio.write_arrow(table, path, layer="codes", driver="GPKG", append=True)


@case("one_layer.gpkg", accepted(Table("roads", 2, "MultiLineString")), layer="roads")
def one_layer(path: Path) -> None:
    _three_layers(path)


@case(
    "two_layers.gpkg",
    accepted(Table("places", 2, "Point"), Table("lots", 1, "MultiPolygon")),
    layers=["lots", "places"],
)
def two_layers(path: Path) -> None:
    _three_layers(path)


@case("unknown_layer.gpkg", refused("LAYER_NOT_FOUND"), layer="rivers")
def unknown_layer(path: Path) -> None:
    _three_layers(path)


@case("attributes_only.gpkg", refused("LAYER_NOT_FOUND"))
def attributes_only(path: Path) -> None:
    pyogrio.write_arrow(pa.table({"code": ["a", "b"]}), path, layer="codes", driver="GPKG")


@case(
    "an_empty_layer.gpkg",
    accepted(Table("places", 2, "Point"), findings=("LAYER_EMPTY",)),
)
def an_empty_layer(path: Path) -> None:
    write_geopackage(path, TWO_PLACES, layer="places")
    write_geopackage(path, [], layer="nothing", geometry_type="Point")


@case("no_features.gpkg", refused("NO_FEATURES", door=Door.PLANNING))
def no_features(path: Path) -> None:
    write_geopackage(path, [], {"name": pa.array([], pa.string())}, geometry_type="Point")


@case("many_layers.gpkg", refused("LAYER_LIMIT"))
def many_layers(path: Path) -> None:
    write_geopackage(path, TWO_PLACES, layer="l0")
    with closing(sqlite3.connect(path)) as database:
        for number in range(1, 101):
            database.execute(f"CREATE TABLE l{number} (fid INTEGER PRIMARY KEY, geom BLOB)")
            database.execute(
                "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
                " VALUES (?, 'features', ?, 4326)",
                (f"l{number}", f"l{number}"),
            )
            database.execute(
                "INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'GEOMETRY', 4326, 0, 0)",
                (f"l{number}",),
            )
        database.commit()


@case("hostile_layer_name.gpkg", accepted(Table('x"; DROP TABLE geo.x; --', 2, "Point")))
def hostile_layer_name(path: Path) -> None:
    write_geopackage(path, TWO_PLACES, layer='x"; DROP TABLE geo.x; --')


@case("layer_name_of_another_script.gpkg", accepted(Table("地図 Ελλάδα 🗺", 2, "Point")))
def layer_name_of_another_script(path: Path) -> None:
    write_geopackage(path, TWO_PLACES, layer="地図 Ελλάδα 🗺")


@case("ids_with_gaps.gpkg", accepted(Table("data", 2, "Point", ids="format")))
def ids_with_gaps(path: Path) -> None:
    write_geopackage(path, points(3))
    edit_geopackage(
        path, "DELETE FROM data WHERE fid = 2", "UPDATE data SET fid = 9007199254740993 WHERE fid = 3"
    )


@case("ids_of_a_column.gpkg", accepted(Table("data", 3, "Point", ids="column")), id_column="code")
def ids_of_a_column(path: Path) -> None:
    write_geopackage(path, points(3), {"code": [70, 50, 60]})


@case("ids_of_a_column_twice.gpkg", refused("ID_COLUMN_INVALID", door=Door.PLANNING), id_column="code")
def ids_of_a_column_twice(path: Path) -> None:
    write_geopackage(path, points(3), {"code": [70, 50, 70]})


@case("endless_view.gpkg", refused("UNSUPPORTED_FORMAT"))
def endless_view(path: Path) -> None:
    write_geopackage(path, points(4))
    edit_geopackage(
        path,
        "ALTER TABLE data RENAME TO hidden",
        f"CREATE VIEW data AS {_ENDLESS}",
        "UPDATE gpkg_contents SET table_name = 'data'",
        "UPDATE gpkg_geometry_columns SET table_name = 'data'",
    )


@case("text_among_numbers.gpkg", refused("CONTENT_MISMATCH"))
def text_among_numbers(path: Path) -> None:
    write_geopackage(path, points(3), {"height": [1, 2, 3]})
    edit_geopackage(path, "UPDATE data SET height = 'about ten' WHERE fid = 2")


@case("not_a_geopackage.gpkg", refused("CONTENT_MISMATCH"))
def not_a_geopackage(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a)")
        database.commit()


@case("cut_off.gpkg", refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    write_geopackage(path, list(spread(3000)), {"name": [f"a longer name, number {i}" for i in range(3000)]})
    cut(path, share=0.5)


@case("overwritten_pages.gpkg", refused("GEOMETRY_UNREADABLE"))
def overwritten_pages(path: Path) -> None:
    write_geopackage(path, list(spread(3000)), {"name": [f"a longer name, number {i}" for i in range(3000)]})
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(content)


@case(
    "damaged_geometry.gpkg",
    refused("GEOMETRY_UNREADABLE", "FEATURES_REJECTED", door=Door.LOADING),
)
def damaged_geometry(path: Path) -> None:
    write_geopackage(path, [SQUARE, SQUARE])
    edit_geopackage(path, "UPDATE data SET geom = substr(geom, 1, 60) WHERE fid = 2")


def _three_layers(path: Path) -> None:
    write_geopackage(path, TWO_PLACES, layer="places")
    write_geopackage(path, _ROADS, layer="roads", geometry_type="LineString")
    write_geopackage(path, [SQUARE], layer="lots", geometry_type="Polygon")
