"""What is particular to the formats: names, limits, several tables, tiles, and how an export is stopped."""

import csv
import gzip
import io
import json
import sqlite3
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from pmtiles.reader import MmapSource, Reader, all_tiles
from psycopg import sql

from core.errors import PermanentTaskError, TaskCancelled
from tests.integration.exports.conftest import Exporter
from tests.integration.exports.reading_back import rows_of
from tests.integration.exports.tables import create_table

Connection = psycopg.Connection[Any]
POINT = ["POINT(1 2)"]


def codes(exported: Any) -> set[str]:
    return {note.code for note in exported.notes}


# -- CSV ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("-12.5", "-12.5"), ("+1e5", "+1e5"),
        ("-", "'-"), ("a=1", "a=1"),
        ("-1\n=2", "'-1\n=2"),
    ],
)  # fmt: skip
def test_cells_that_would_run_are_made_harmless(
    export: Exporter, connection: Connection, text: str, written: str
) -> None:
    literal = sql.Literal(text).as_string(connection)
    table = create_table(
        connection, "cells", POINT, geometry_type="Point", columns={"a": ("text", [literal])}
    )

    exported, path = export("csv", table)

    with path.open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["a"] == written
    assert ("FORMULA_NEUTRALISED" in codes(exported)) == (text != written)


@pytest.mark.parametrize("kind", ["geojson", "pmtiles"])
def test_columns_called_like_parts_of_a_statement_are_columns(
    export: Exporter, connection: Connection, kind: str
) -> None:
    names = ("p", "feature", "place", "placed", "chosen", "source", "found", "page", "sized", "made", "asked")
    columns = {name: ("text", [f"'{name}!'"]) for name in names}
    table = create_table(connection, "shadowing", ["POINT(1 2)"], geometry_type="Point", columns=columns)
    _, path = export(kind, table)
    if kind == "geojson":
        [feature] = json.loads(path.read_text())["features"]
        assert feature["properties"] == {name: f"{name}!" for name in names}
    else:
        with path.open("rb") as file:
            content = gzip.decompress(Reader(MmapSource(file)).get(0, 0, 0))
        assert all(f"{name}!".encode() in content for name in names)


def test_columns_called_like_places_keep_their_names(export: Exporter, connection: Connection) -> None:
    table = create_table(
        connection, "named", POINT, geometry_type="Point", columns={"x": ("text", ["'mine'"])}
    )
    _, path = export("csv", table)
    assert path.read_text(encoding="utf-8-sig").splitlines() == ['"fid","x","x_1","y"', '1,"mine",1,2']


# -- Shapefile ------------------------------------------------------------------------------------


def test_names_are_cut_and_told_beside(export: Exporter, connection: Connection) -> None:
    columns = {
        name: ("integer", [str(number)])
        for number, name in enumerate(["population_2020", "population_2021", "population", "fid_"])
    }
    table = create_table(connection, "people", POINT, geometry_type="Point", columns=columns)

    exported, path = export("shp", table)

    with zipfile.ZipFile(path) as archive:
        told = list(csv.reader(io.StringIO(archive.read("people_fields.csv").decode("utf-8-sig"))))
    names = {column: field for field, column, *_ in told[1:]}
    assert names == {
        "population_2020": "population", "population_2021": "populati_1", "population": "populati_2",
        "fid_": "fid_",
    }  # fmt: skip
    assert rows_of("shp", path)[1][1] == {names[name]: number for number, name in enumerate(columns)}
    assert "NAME_CUT" in codes(exported)


def test_names_that_would_run_are_told_harmless(export: Exporter, connection: Connection) -> None:
    table = create_table(connection, "cells", POINT, geometry_type="Point", columns={"a": ("integer", ["1"])})
    [column] = table.columns
    named = table.model_copy(update={"columns": (column.model_copy(update={"source_name": "=cmd|'x'!A0"}),)})

    _, path = export("shp", named)

    with zipfile.ZipFile(path) as archive:
        told = archive.read("cells_fields.csv").decode("utf-8-sig")
    assert told.splitlines()[1] == "a,a,'=cmd|'x'!A0,integer"


def test_long_texts_are_cut_between_letters(export: Exporter, connection: Connection) -> None:
    table = create_table(
        connection, "long", POINT, geometry_type="Point", columns={"a": ("text", ["repeat('ü', 200)"])}
    )
    exported, path = export("shp", table)
    assert rows_of("shp", path)[1][1] == {"a": "ü" * 127}
    assert "TEXT_CUT" in codes(exported)


def test_numbers_without_room_become_null_and_are_counted(export: Exporter, connection: Connection) -> None:
    values = ["3.4e38", "-1e22", "'NaN'", "'Infinity'", "-9.99e21", "1e-9"]
    table = create_table(
        connection, "nums", POINT * 6, geometry_type="Point", columns={"a": ("double precision", values)}
    )
    exported, path = export("shp", table)
    found = [row["a"] for _, row in rows_of("shp", path).values()]
    assert found == [None, None, None, None, -9.99e21, 1e-9]
    [note] = [note for note in exported.notes if note.code == "TOO_LARGE"]
    assert note.message.startswith("3 numbers")


def test_more_columns_than_a_shapefile_has_room_for(export: Exporter, connection: Connection) -> None:
    columns = {f"c{number}": ("integer", ["1"]) for number in range(255)}
    table = create_table(connection, "wide", POINT, geometry_type="Point", columns=columns)
    with pytest.raises(PermanentTaskError) as caught:
        export("shp", table)
    assert caught.value.code == "FORMAT_LIMIT"


def test_mixed_geometries_are_divided_and_nothing_is_lost(export: Exporter, connection: Connection) -> None:
    shapes = [
        "POINT(1 2)", "LINESTRING(0 0, 1 1)", None,
        "GEOMETRYCOLLECTION(POINT(5 6), GEOMETRYCOLLECTION(POLYGON((0 0, 1 0, 1 1, 0 0)), POINT(7 8)))",
    ]  # fmt: skip
    table = create_table(connection, "mixed", shapes, geometry_type="Geometry")

    exported, path = export("shp", table)

    def ids(name: str) -> list[int]:
        ids: list[int] = pyogrio.read_arrow(f"/vsizip/{path}/{name}")[1]["fid"].to_pylist()
        return ids

    with zipfile.ZipFile(path) as archive:
        data = sorted(name for name in archive.namelist() if name.endswith(".dbf"))
    assert {name: ids(name.replace(".dbf", ".shp") if "without" not in name else name) for name in data} == {
        "mixed_lines.dbf": [11],
        "mixed_points.dbf": [1, 31],
        "mixed_polygons.dbf": [31],
        "mixed_without_geometry.dbf": [21],
    }
    assert {"DIVIDED", "COLLECTION_DIVIDED"} <= codes(exported)


# -- several tables -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "fgb", "parquet", "geojson", "shp"])
def test_several_tables_are_zipped_under_names_that_are_safe(
    export: Exporter, connection: Connection, kind: str
) -> None:
    names = ("../roads", "Roads", "roads", "Straßen & Wege")
    tables = [
        create_table(connection, f"t{number}", POINT, geometry_type="Point").model_copy(update={"name": name})
        for number, name in enumerate(names)
    ]

    exported, path = export(kind, *tables, name="city")

    assert (Path(exported.blob_uri).name, exported.media_type) == (f"city_{kind}.zip", "application/zip")
    assert exported.feature_count == 4
    with zipfile.ZipFile(path) as archive:
        stems = {Path(name).stem for name in archive.namelist() if not name.endswith("_fields.csv")}
        assert all(entry.filename == Path(entry.filename).name for entry in archive.infolist())
    assert stems == {"roads", "Roads_2", "roads_3", "Straßen_Wege"}


def test_layers_do_not_take_the_names_of_a_geopackages_own_tables(
    export: Exporter, connection: Connection
) -> None:
    names = ("gpkgdata", "GPKG_x", "rtree_a", "Sqlite_y", "Roads", "roads")
    tables = [
        create_table(connection, f"t{number}", POINT, geometry_type="Point").model_copy(update={"name": name})
        for number, name in enumerate(names)
    ]

    exported, path = export("gpkg", *tables)

    renamed = ["layer gpkgdata", "layer GPKG_x", "layer rtree_a", "layer Sqlite_y", "Roads", "roads_2"]
    assert pyogrio.list_layers(path)[:, 0].tolist() == renamed
    assert "LAYER_RENAMED" in codes(exported)


def test_a_geopackage_holds_all_tables_and_is_the_same_each_time(
    export: Exporter, connection: Connection
) -> None:
    tables = [
        create_table(connection, "roads", ["LINESTRING(0 0, 1 1)", None], geometry_type="LineString"),
        create_table(connection, "places", POINT, geometry_type="Point", srid=3857),
    ]

    exported, path = export("gpkg", *tables)
    again, _ = export("gpkg", *tables)

    assert sorted(pyogrio.list_layers(path)[:, 0]) == ["places", "roads"]
    assert pyogrio.read_info(path, layer="places")["crs"] == "EPSG:3857"
    with sqlite3.connect(path) as opened:
        indexes = opened.execute(
            "SELECT table_name FROM gpkg_extensions WHERE extension_name = 'gpkg_rtree_index'"
        )
        assert sorted(row[0] for row in indexes) == ["places", "roads"]
        assert [row[0] for row in opened.execute("SELECT fid FROM roads ORDER BY fid")] == [1, 11]
    assert exported.feature_count == 3
    assert again.sha256 == exported.sha256


# -- GeoParquet and GeoJSON -----------------------------------------------------------------------


def test_geoparquet_says_what_it_holds(export: Exporter, connection: Connection) -> None:
    table = create_table(
        connection,
        "areas",
        ["POLYGON((0 0, 4 0, 4 5, 0 0))", None],
        geometry_type="Polygon",
        srid=25832,
        columns={"bbox": ("text", ["'mine'"])},
    )
    _, path = export("parquet", table)
    metadata = json.loads(pq.read_metadata(path).metadata[b"geo"])
    column = metadata["columns"]["geom"]
    assert (metadata["version"], metadata["primary_column"]) == ("1.1.0", "geom")
    assert (column["geometry_types"], column["bbox"]) == (["Polygon"], [0, 0, 4, 5])
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 25832}
    assert column["covering"]["bbox"]["xmin"] == ["_bbox", "xmin"]
    assert pq.read_table(path)["_bbox"].to_pylist() == [{"xmin": 0, "ymin": 0, "xmax": 4, "ymax": 5}, None]


def test_geojson_is_in_wgs84_and_turns_rings_but_no_lines(export: Exporter, connection: Connection) -> None:
    table = create_table(
        connection,
        "mixed",
        ["LINESTRING(0 0, 1 1)", "POLYGON((0 0, 0 1, 1 1, 0 0))", "GEOMETRYCOLLECTION(LINESTRING(0 0, 1 1))"],
        geometry_type="Geometry",
        srid=3857,
    )
    exported, path = export("geojson", table)
    line, polygon, collection = (each["geometry"] for each in json.loads(path.read_text())["features"])
    assert line["coordinates"][0] == [0, 0]
    assert collection["geometries"][0]["coordinates"][0] == [0, 0]
    assert line["coordinates"][1] == pytest.approx([8.983e-6, 8.983e-6], rel=1e-3)
    assert shapely.Polygon(polygon["coordinates"][0]).exterior.is_ccw
    assert "REPROJECTED" in codes(exported)


# -- PMTiles --------------------------------------------------------------------------------------


def tiles_of(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[tuple[int, int, int], bytes]]:
    """Header, metadata, and the tiles."""
    with path.open("rb") as file:
        source = MmapSource(file)
        reader = Reader(source)
        return reader.header(), reader.metadata(), dict(all_tiles(source))


def features_of(content: bytes, layer: str, directory: Path) -> list[dict[str, Any]]:
    """Those of a layer of a tile, as GDAL's program reads it."""
    (directory / "0.mvt").write_bytes(gzip.decompress(content))
    read = ["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", str(directory / "0.mvt"), layer]
    answer = subprocess.run(read, capture_output=True, check=True)
    features: list[dict[str, Any]] = json.loads(answer.stdout)["features"]
    return features


def test_tiles_show_the_tables_as_layers(export: Exporter, connection: Connection, tmp_path: Path) -> None:
    areas = create_table(
        connection, "areas", ["POLYGON((10 50, 11 50, 11 51, 10 50))"], geometry_type="Polygon",
        columns={"name": ("text", ["'Süd'"]), "tags": ("jsonb", ["'[1]'"])},
    )  # fmt: skip
    places = create_table(
        connection, "places", ["POINT(10.5 50.2)", None, "POINT EMPTY"], geometry_type="Point"
    )

    exported, path = export("pmtiles", areas, places)

    header, metadata, tiles = tiles_of(path)
    assert [layer["id"] for layer in metadata["vector_layers"]] == ["areas", "places"]
    assert metadata["vector_layers"][0]["fields"] == {"name": "String", "tags": "String"}
    west, south, east, north = (
        header[name] / 1e7 for name in ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
    )
    assert (west, south, east, north) == pytest.approx((10, 50, 11, 51), abs=1e-6)
    assert header["max_zoom"] == max(zoom for zoom, _, _ in tiles)
    assert exported.feature_count == 2
    [area] = features_of(tiles[0, 0, 0], "areas", tmp_path)
    assert area["properties"] == {"mvt_id": 1, "name": "Süd", "tags": [1]}  # JSON by its looks
    assert [each["properties"] for each in features_of(tiles[0, 0, 0], "places", tmp_path)] == [{"mvt_id": 1}]


def test_no_tile_is_larger_than_it_may_be(export: Exporter, connection: Connection) -> None:
    """Texts that do not compress, all in one tile."""
    table = create_table(connection, "many", [], geometry_type="Point", columns={"word": ("text", [])})
    connection.execute(
        "INSERT INTO geo.many SELECT n, (SELECT string_agg(md5(random()::text || n || m), '')"
        " FROM generate_series(1, 6) m), ST_SetSRID(ST_Point(10 + n * 1e-6, 50), 4326)"
        " FROM generate_series(1, 6000) n"
    )
    exported, path = export("pmtiles", table.model_copy(update={"feature_count": 6000}))
    _, _, tiles = tiles_of(path)
    sizes = [len(content) for content in tiles.values()]
    assert 250_000 < max(sizes) <= 500_000
    assert "TILES_THINNED" in codes(exported)


def test_a_long_text_does_not_cost_its_tile(export: Exporter, connection: Connection, tmp_path: Path) -> None:
    table = create_table(
        connection, "long", ["LINESTRING(0 0, 1 1)", "POINT(0 0)"], geometry_type="Geometry",
        columns={"word": ("text", [
            "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 40000) n)", "'short'"
        ])},
    )  # fmt: skip
    exported, path = export("pmtiles", table)
    _, _, tiles = tiles_of(path)
    words = [each["properties"]["word"] for each in features_of(tiles[0, 0, 0], "long", tmp_path)]
    assert sorted(map(len, words)) == [5, 200]
    assert {"TILE_TEXTS_CUT"} == codes(exported) & {"TILE_TEXTS_CUT", "TILES_THINNED", "TILES_LEFT_OUT"}


def test_a_line_of_a_metre_is_in_the_tiles_of_every_zoom(export: Exporter, connection: Connection) -> None:
    line = "LINESTRING (10 50, 10.00001 50)"
    table = create_table(connection, "line", [line], geometry_type="LineString")
    _, path = export("pmtiles", table)
    header, _, tiles = tiles_of(path)
    assert {zoom for zoom, _, _ in tiles} == set(range(header["max_zoom"] + 1))
    assert header["max_zoom"] == 14


def test_a_table_without_places_has_no_tiles(export: Exporter, connection: Connection) -> None:
    table = create_table(connection, "nowhere", [None, None], geometry_type="Point")
    with pytest.raises(PermanentTaskError) as caught:
        export("pmtiles", table)
    assert caught.value.code == "NOTHING_TO_DRAW"


# -- stopping, and tables that are gone -----------------------------------------------------------


@pytest.mark.parametrize("kind", ["gpkg", "fgb", "parquet", "geojson", "csv", "shp", "pmtiles"])
def test_an_export_is_stopped_between_batches(export: Exporter, connection: Connection, kind: str) -> None:
    table = create_table(connection, "many", [], geometry_type="Point")
    connection.execute(
        "INSERT INTO geo.many SELECT n, ST_SetSRID(ST_Point(n % 360 - 180, n % 80), 4326)"
        " FROM generate_series(1, 40000) n"
    )
    with pytest.raises(TaskCancelled):
        export(kind, table.model_copy(update={"feature_count": 40000}), cancel_at=0.1)
    assert not list(export.storage.list_blobs("silver"))


def test_a_table_that_is_gone_says_so(export: Exporter, connection: Connection) -> None:
    table = create_table(connection, "old", POINT, geometry_type="Point")
    connection.execute("DROP TABLE geo.old")
    with pytest.raises(PermanentTaskError) as caught:
        export("gpkg", table)
    assert caught.value.code == "GONE"


def test_places_that_the_format_cannot_say(export: Exporter, connection: Connection) -> None:
    table = create_table(connection, "far", ["POINT(1e30 1e30)"], geometry_type="Point", srid=25832)
    with pytest.raises(PermanentTaskError) as caught:
        export("geojson", table)
    assert caught.value.code == "UNPLACEABLE"
    assert rows_of("csv", export("csv", table)[1])[1][0] == shapely.Point(1e30, 1e30)
