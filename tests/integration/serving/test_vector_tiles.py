"""Vector tiles of published tables: whole, small, and the same each time."""

import math
from typing import Any

import psycopg
import pytest

from tests.integration.serving.functions_client import Answer, FunctionsClient
from tests.integration.serving.layers import publish_layer
from tests.integration.serving.tile_content import read_tile
from triggers.serving.vector_tiles import MOST_BYTES, MOST_FEATURES

Connection = psycopg.Connection[Any]

# A star of 20,000 vertices in the middle of Europe, a small square beside it, and one within nothing.
STARS = """
SELECT 1 AS fid, 'star' AS name, ST_MakePolygon(ST_MakeLine(array(
    SELECT ST_Point(10 + (3 + 0.002 * (n %% 2)) * cos(n * pi() / 10000),
                    50 + (3 + 0.002 * (n %% 2)) * sin(n * pi() / 10000))
    FROM generate_series(0, 20000) n))) AS geom
UNION ALL SELECT 2, 'square', ST_MakeEnvelope(20, 50, 20.5, 50.5)
UNION ALL SELECT 3, 'nowhere', NULL
""".replace("%%", "%")


def tile(client: FunctionsClient, name: str, place: str, query: str = "") -> Answer:
    return client.get(f"/api/ogc/features/collections/{name}/tiles/WebMercatorQuad/{place}{query}")


@pytest.mark.parametrize("is_generalised", [False, True])
@pytest.mark.parametrize("srid", [4326, 32633])
def test_huge_areas_look_the_same_from_their_companion(
    client: FunctionsClient, app_connection: Connection, is_generalised: bool, srid: int
) -> None:
    publish_layer(
        app_connection,
        "stars",
        rows=STARS,
        columns={"name": "text"},
        geometry_type="Geometry",
        srid=srid,
        is_generalised=is_generalised,
    )
    radius_degrees, stretch = 3.001, 1 / math.cos(math.radians(50))
    for place, degrees in (("3/4/2", 45), ("4/8/5", 22.5), ("12/2161/1388", None)):
        answer = tile(client, "stars", place)
        assert answer.status == 200
        assert "tile-reduction" not in answer.headers
        found = read_tile(answer.body)
        assert found.attributes[1] == {"name": "star"}
        assert found.shapes[1].is_valid
        share = math.pi * (radius_degrees / degrees) ** 2 * stretch if degrees else 1
        assert found.shapes[1].area / 4096**2 == pytest.approx(share, rel=0.01), place
        assert set(found.shapes) == ({1, 2} if place != "12/2161/1388" else {1})
    filtered = read_tile(tile(client, "stars", "3/4/2", "?filter=name%3D%27star%27&properties=").body)
    assert filtered.attributes == {1: {}}


def test_what_is_smaller_than_a_pixel_is_a_pixel(client: FunctionsClient, app_connection: Connection) -> None:
    publish_layer(
        app_connection,
        "small",
        rows="SELECT 1 AS fid, ST_MakeEnvelope(10, 50, 10.0001, 50.0001) AS geom"
        " UNION ALL SELECT 2, ST_MakeEnvelope(10, 40, 12, 40.00001)"
        " UNION ALL SELECT 3, ST_GeomFromText('LINESTRING(20 20, 20.00001 20.00001)')"
        " UNION ALL SELECT 4, ST_Point(30, 30)",
    )
    found = read_tile(tile(client, "small", "1/1/0").body)
    assert set(found.shapes) == {1, 2, 3, 4}
    assert [found.shapes[fid].geom_type for fid in (1, 2, 3, 4)] == [
        "Polygon",
        "Polygon",
        "LineString",
        "Point",
    ]
    assert found.shapes[1].area == pytest.approx(64)
    assert set(read_tile(tile(client, "small", "14/8647/5556").body).shapes) == {1}


def test_a_tile_with_too_many_points_has_some_from_everywhere_and_says_so(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_layer(
        app_connection,
        "points",
        rows="SELECT n AS fid, 'number ' || n AS name,"
        " ST_Point(10 + (n % 200) * 0.01, 50 + (n / 200) * 0.01) AS geom FROM generate_series(0, 39999) n",
        columns={"name": "text"},
        geometry_type="Point",
    )
    answer = tile(client, "points", "4/8/5")
    assert len(answer.body) <= MOST_BYTES
    found = read_tile(answer.body)
    assert answer.headers["tile-reduction"] == f"grid=4096, features={len(found.shapes)}"
    assert 0 < len(found.shapes) <= MOST_FEATURES
    corners = {(fid % 200 // 100, fid // 200 // 100) for fid in found.shapes}
    assert corners == {(0, 0), (0, 1), (1, 0), (1, 1)}
    again = tile(client, "points", "4/8/5")
    assert (again.body, again.headers["tile-reduction"]) == (answer.body, answer.headers["tile-reduction"])
    near = tile(client, "points", "10/541/346")
    assert "tile-reduction" not in near.headers
    assert 700 < len(read_tile(near.body).shapes) < MOST_FEATURES


# 40,000 points that crowd in Europe, and one alone in the Pacific.
CROWD = (
    "SELECT n AS fid, 'number ' || n AS name, ST_Point(10 + (n % 200) * 0.01, 50 + (n / 200) * 0.01) AS geom"
    " FROM generate_series(0, 39999) n UNION ALL SELECT 40000, 'alone', ST_Point(-150, 10)"
)


def publish_crowd(connection: Connection, rows: str = CROWD) -> None:
    columns = {"name": "text"}
    publish_layer(connection, "crowd", rows=rows, columns=columns, geometry_type="Point", crowded=15_000)


def test_low_zooms_of_very_many_points_come_from_an_overview(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_crowd(app_connection)
    rows = app_connection.execute("SELECT zoom, array_agg(fid) FROM geo.crowd_r1_o GROUP BY zoom").fetchall()
    seen = {zoom: set(fids) for zoom, fids in rows}
    assert max(seen) == 4
    assert all(seen[zoom] <= seen[zoom + 1] for zoom in range(4))
    for place in ("0/0/0", "4/8/5"):
        answer = tile(client, "crowd", place)
        found = read_tile(answer.body)
        assert answer.headers["tile-reduction"] == f"grid=4096, features={len(found.shapes)}"
        assert set(found.shapes) <= seen[int(place[0])]
        assert tile(client, "crowd", place).body == answer.body
    corners = {(fid % 200 // 100, fid // 200 // 100) for fid in found.shapes}
    assert corners == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert read_tile(tile(client, "crowd", "0/0/0").body).attributes[40000] == {"name": "alone"}


def test_what_a_client_asks_for_is_found_though_no_overview_has_it(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_crowd(app_connection)
    rows = app_connection.execute("SELECT fid FROM geo.crowd_r1_o WHERE zoom = 4").fetchall()
    unseen = next(fid for fid in range(20_000, 40_000) if (fid,) not in rows)
    for query in (f"?ids={unseen}", f"?filter=fid%3E{unseen - 1}%20AND%20fid%3C{unseen + 1}"):
        assert set(read_tile(tile(client, "crowd", "4/8/5", query).body).shapes) == {unseen}
    some = read_tile(tile(client, "crowd", "4/8/5", f"?filter=fid%3E{20_000}").body)
    assert 0 < len(some.shapes) <= MOST_FEATURES
    assert min(some.shapes) > 20_000


def test_a_full_tile_of_an_overview_keeps_the_densest_places(
    client: FunctionsClient, app_connection: Connection
) -> None:
    place = "1 + (n % 110) * 0.1758, 42 + (n / 110) * 0.11"
    publish_layer(
        app_connection,
        "towns",
        rows=f"SELECT n AS fid, ST_Point({place}) AS geom FROM generate_series(0, 12099) n UNION ALL"
        f" SELECT 20000 + m, ST_Point({place}) FROM generate_series(0, 29999) m,"
        " LATERAL (SELECT m % 100 * 121 AS n) town",
        geometry_type="Point",
        crowded=15_000,
    )
    found = read_tile(tile(client, "towns", "4/8/5").body)
    assert 8_000 < len(found.shapes) <= MOST_FEATURES
    towns = {(fid - 20_000) % 100 for fid in found.shapes if fid >= 20_000}
    assert len(towns) > 60


def test_an_overview_has_ids_of_64_bits(client: FunctionsClient, app_connection: Connection) -> None:
    ids = "CASE WHEN n % 2 = 0 THEN 9223372036854775807 - n ELSE -9223372036854775807 + n END"
    rows = CROWD.replace("SELECT n AS fid", f"SELECT {ids} AS fid")
    publish_crowd(app_connection, rows)
    query = "SELECT count(*) FROM geo.crowd_r1_o o LEFT JOIN geo.crowd_r1 t USING (fid) WHERE t.fid IS NULL"
    assert app_connection.execute(query).fetchone() == (0,)
    reduction = tile(client, "crowd", "4/8/5").headers["tile-reduction"]
    assert int(reduction.partition("features=")[2]) > 100


def test_many_features_in_one_point_do_not_make_an_overview_of_everything(app_connection: Connection) -> None:
    publish_layer(
        app_connection,
        "heap",
        rows="SELECT n AS fid, ST_Point(10 + (n % 150) * 0.01, 50 + (n / 150) * 0.01) AS geom"
        " FROM generate_series(0, 19999) n"
        " UNION ALL SELECT n, ST_Point(0, 0) FROM generate_series(20000, 39999) n",
        geometry_type="Point",
        crowded=15_000,
    )
    row = app_connection.execute("SELECT max(zoom), count(*) FROM geo.heap_r1_o").fetchone()
    assert row
    assert row[0] <= 8
    assert row[1] < 40_000


def test_a_tile_that_is_only_too_large_keeps_what_an_overview_lacks(
    client: FunctionsClient, app_connection: Connection
) -> None:
    lines = (
        "SELECT 50000 + n, repeat(md5(n::text), 12),"
        " ST_MakeLine(ST_Point(-150 + n * 0.0005, 10), ST_Point(-150 + n * 0.0005, 10.0001))"
        " FROM generate_series(0, 1999) n"
    )
    publish_layer(
        app_connection, "roads", rows=f"{CROWD} UNION ALL {lines}", columns={"name": "text"}, crowded=15_000
    )
    answer = tile(client, "roads", "4/1/7")
    assert answer.headers["tile-reduction"] == "grid=1024, features=2001"
    assert len(read_tile(answer.body).shapes) == 2001


@pytest.mark.parametrize(("is_generalised", "srid"), [(False, 4326), (True, 4326), (False, 32633)])
def test_an_overview_of_areas_has_the_large_ones(
    client: FunctionsClient, app_connection: Connection, is_generalised: bool, srid: int
) -> None:
    publish_layer(
        app_connection,
        "yards",
        rows="SELECT n AS fid, ST_Expand(ST_Point(10 + (n % 200) * 0.01, 50 + (n / 200) * 0.01), 0.004)"
        " AS geom FROM generate_series(0, 39999) n"
        " UNION ALL SELECT 40000 + n, ST_Buffer(ST_Point(11, 51), 0.1 * n, 600) FROM generate_series(1, 3) n",
        geometry_type="Polygon",
        srid=srid,
        is_generalised=is_generalised,
        crowded=15_000,
    )
    for place, least, most in (("4/8/5", 100, 300), ("7/67/42", 3_000, MOST_FEATURES)):
        answer = tile(client, "yards", place)
        found = read_tile(answer.body)
        assert {40001, 40002, 40003} < set(found.shapes)
        assert least < len(found.shapes) < most
        assert "features=" in answer.headers["tile-reduction"]
    near = tile(client, "yards", "10/541/346")
    assert "tile-reduction" not in near.headers


def test_a_tile_that_is_too_large_loses_detail_and_then_the_smallest(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_layer(
        app_connection,
        "areas",
        rows="SELECT n AS fid, repeat(md5(n::text), 4) AS name, ST_Buffer(ST_Point(10 + (n % 100) * 0.1,"
        " 45 + (n / 100) * 0.1), 0.02 + 0.0000025 * n, 16) AS geom FROM generate_series(0, 7999) n",
        columns={"name": "text"},
        geometry_type="Polygon",
    )
    answer = tile(client, "areas", "4/8/5")
    assert len(answer.body) <= MOST_BYTES
    found = read_tile(answer.body)
    assert answer.headers["tile-reduction"] == f"grid=512, features={len(found.shapes)}"
    assert min(found.shapes) > 3000
    assert max(found.shapes) == 7999
    assert len(found.shapes) > 1500
    bare = read_tile(tile(client, "areas", "4/8/5", "?properties=").body)
    assert len(bare.shapes) == 8000


def test_one_feature_alone_keeps_to_the_size(client: FunctionsClient, app_connection: Connection) -> None:
    publish_layer(
        app_connection,
        "novels",
        rows="SELECT 1 AS fid, repeat('word ', 300000) AS story, ST_Point(1, 1) AS geom",
        columns={"story": "text"},
    )
    answer = tile(client, "novels", "0/0/0")
    assert len(answer.body) < 1000
    assert "tile-reduction" in answer.headers


def test_values_have_the_types_that_tiles_know(client: FunctionsClient, app_connection: Connection) -> None:
    columns = {
        "whole": "bigint",
        "exact": "numeric(20,2)",
        "real_number": "double precision",
        "yes": "boolean",
        "day": "date",
        "moment": "timestamptz",
        "clock": "time",
        "list": "jsonb",
        "picture": "bytea",
    }
    publish_layer(
        app_connection,
        "types",
        rows="SELECT 7 AS fid, 9007199254740993 AS whole, 12.5 AS exact, 0.1 AS real_number, true AS yes,"
        " DATE '2024-02-29' AS day, TIMESTAMPTZ '2024-02-29T12:00:00+02:00' AS moment, TIME '12:30' AS clock,"
        " '[1, {\"a\": null}]'::jsonb AS list, '\\x00ff'::bytea AS picture, ST_Point(1, 1, 4326) AS geom",
        columns=columns,
        ids="column",
    )
    answer = tile(client, "types", "0/0/0")
    [found] = read_tile(answer.body).attributes.values()
    assert found == {
        "fid": 7,
        "whole": 9007199254740993,
        "exact": 12.5,
        "real_number": 0.1,
        "yes": True,
        "day": "2024-02-29",
        "moment": "2024-02-29T10:00:00+00:00",
        "clock": "12:30:00",
        "list": '[1, {"a": null}]',
    }
    some = read_tile(tile(client, "types", "0/0/0", "?properties=yes,whole").body)
    assert some.attributes == {7: {"yes": True, "whole": 9007199254740993}}


def test_tables_that_reach_the_poles_have_tiles_everywhere(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_layer(
        app_connection,
        "world",
        rows="SELECT 1 AS fid, ST_MakeEnvelope(-180, -90, 180, 90) AS geom"
        " UNION ALL SELECT 2, ST_Point(0, 90)",
    )
    for place in ("0/0/0", "3/4/0", "3/4/7"):
        assert set(read_tile(tile(client, "world", place).body).shapes) == {1}


def test_a_projected_table_has_tiles_of_zooms_that_its_projection_has_no_place_for(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_layer(
        app_connection,
        "zone",
        rows="SELECT n AS fid, ST_Point(12 + n, 50 + n) AS geom FROM generate_series(1, 5) n",
        geometry_type="Point",
        srid=32633,
    )
    assert set(read_tile(tile(client, "zone", "0/0/0").body).shapes) == {1, 2, 3, 4, 5}
    assert tile(client, "zone", "3/0/0").status == 204
    assert tile(client, "zone", "3/4/2").status == 200


def test_other_grids_are_served(client: FunctionsClient, app_connection: Connection) -> None:
    publish_layer(app_connection, "stars", rows=STARS, columns={"name": "text"}, is_generalised=True)
    for grid, place in (("WorldCRS84Quad", "0/1/0"), ("EuropeanETRS89_LAEAQuad", "0/0/0")):
        answer = client.get(f"/api/ogc/features/collections/stars/tiles/{grid}/{place}")
        assert set(read_tile(answer.body).shapes) == {1, 2}, grid


@pytest.mark.parametrize(
    ("query", "fids"),
    [
        ("?limit=1", {1}),
        ("?limit=1&sortby=-name", {1}),
        ("?limit=1&sortby=name", {2}),
        ("?bbox=19,49,22,51", {2}),
        ("?ids=2", {2}),
        ("?filter=name%20LIKE%20%27s%25%27&simplify=0.1", {1, 2}),
    ],
)
def test_clients_choose_features(
    client: FunctionsClient, app_connection: Connection, query: str, fids: set[int]
) -> None:
    publish_layer(app_connection, "stars", rows=STARS, columns={"name": "text"}, is_generalised=True)
    assert set(read_tile(tile(client, "stars", "3/4/2", query).body).shapes) == fids


def test_columns_called_like_parts_of_the_statement_are_columns(
    client: FunctionsClient, app_connection: Connection
) -> None:
    names = ("p", "feature", "place", "placed", "chosen", "source", "found")
    values = ", ".join(f"'x' AS {name}" for name in names)
    publish_layer(
        app_connection,
        "shadowing",
        rows=f"SELECT 1 AS fid, {values}, ST_Point(1, 2) AS geom",
        columns=dict.fromkeys(names, "text"),
    )
    path = "/api/ogc/features/collections/shadowing/tiles/WebMercatorQuad/0/0/0"
    for query in ("", "?sortby=feature"):
        answer = client.get(path + query)
        assert answer.status == 200
        assert read_tile(answer.body).attributes[1] == dict.fromkeys(names, "x")
