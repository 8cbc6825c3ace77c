"""OGC API Features and vector tiles of published tables."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.integration.serving.functions_client import BASE_URL, FunctionsClient
from tests.integration.serving.publications import (
    create_squares,
    publish,
    publish_squares,
    raise_version,
    unpublish,
)
from triggers.serving.config import ServingConfig

FEATURES = "/api/ogc/features"
Connection = psycopg.Connection[Any]


def links(body: dict[str, Any]) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in body["links"]}


def test_items_are_geojson_under_the_datasets_public_name(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_squares(app_connection, "squares")
    answer = client.get(f"{FEATURES}/collections/squares/items?limit=2")
    assert (answer.status, answer.type) == (200, "application/geo+json")
    assert (answer.json["numberMatched"], answer.json["numberReturned"]) == (3, 2)
    first = answer.json["features"][0]
    assert (first["id"], first["properties"]["name"]) == (1, "Nord")
    assert first["geometry"]["coordinates"][0][0] == [10, 50]
    assert links(answer.json)["next"].startswith(f"{BASE_URL}{FEATURES}/collections/squares/items?")


def test_projected_tables_are_served_in_degrees(client: FunctionsClient, app_connection: Connection) -> None:
    publish_squares(app_connection, "projected", srid=3857)
    answer = client.get(f"{FEATURES}/collections/projected/items?bbox=9,49,12,52")
    assert answer.json["numberMatched"] == 1
    assert answer.json["features"][0]["geometry"]["coordinates"][0][0] == pytest.approx([10, 50])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("bbox=9,49,12,52", ["Nord"]),
        ("population=7", ["Süd"]),
        ("filter=population%20%3E%204%20OR%20name%20LIKE%20%27O%25%27", ["Süd", "O'Hare; --"]),
        ("filter=casei(name)%3Dcasei(%27NORD%27)", ["Nord"]),
        ("filter=s_intersects(geom,POINT(10.5%2050.5))", ["Nord"]),
        ("sortby=-name", ["Süd", "O'Hare; --", "Nord"]),
        ("name=O%27Hare%3B%20--", ["O'Hare; --"]),
        ("datetime=2025-01-01T00:00:00Z/..", []),
    ],
)
def test_queries_select_features(
    client: FunctionsClient, app_connection: Connection, query: str, names: list[str]
) -> None:
    publish_squares(app_connection, "squares")
    answer = client.get(f"{FEATURES}/collections/squares/items?{query}")
    assert [feature["properties"]["name"] for feature in answer.json["features"]] == names


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("collections/nothing/items", 404, "COLLECTION_NOT_FOUND"),
        ("collections/squares/items/99", 404, "FEATURE_NOT_FOUND"),
        ("collections/squares/items?bbox=1,2,3", 400, "INVALID_BBOX"),
        ("collections/squares/items?bbox=a,b,c,d", 400, "VALIDATION_ERROR"),
        ("collections/squares/items?limit=100000", 400, "VALIDATION_ERROR"),
        ("collections/squares/items?limit=many", 400, "VALIDATION_ERROR"),
        ("collections/squares/items?sortby=nothing", 400, "INVALID_PROPERTY"),
        ("collections/squares/items?datetime=yesterday", 400, "VALIDATION_ERROR"),
        ("collections/squares/items?properties=name,nothing", 400, "INVALID_PROPERTY"),
        ("collections/squares/items?crs=http://www.opengis.net/def/crs/EPSG/0/3857", 400, "INVALID_CRS"),
        ("collections/squares/items?bbox=1,2,3,4&bbox-crs=EPSG:3857", 400, "INVALID_CRS"),
        ("collections/squares/items/1?crs=EPSG:4326", 400, "INVALID_CRS"),
        ("collections/squares/tiles/WebMercatorQuad/25/0/0", 400, "VALIDATION_ERROR"),
        ("collections/squares/items?filter=population%20%3E", 400, "INVALID_FILTER"),
        ("collections/squares/items?filter=nothing%3D1", 400, "INVALID_FILTER"),
        ("collections/squares/items?filter=name%3D1", 400, "INVALID_FILTER"),
        ("collections/squares/items?filter=pg_sleep(20)%3D1", 400, "INVALID_FILTER"),
        (
            "collections/squares/items?filter=population%3D1%20OR%20current_setting('x')%3D'1'",
            400,
            "INVALID_FILTER",
        ),
        ("collections/squares/items?filter=length(name)%3E0", 400, "INVALID_FILTER"),
        ("collections/squares/tiles/WebMercatorQuad/0/0/0?filter=length(name)%3E0", 400, "INVALID_FILTER"),
        ("collections/squares/tiles/NoSuchGrid/0/0/0", 400, "VALIDATION_ERROR"),
        ("nothing/here", 404, "NOT_FOUND"),
    ],
)
def test_wrong_requests_get_the_one_error_shape(
    client: FunctionsClient, app_connection: Connection, path: str, status: int, code: str
) -> None:
    publish_squares(app_connection, "squares")
    answer = client.get(f"{FEATURES}/{path}")
    assert (answer.status, answer.type) == (status, "application/problem+json")
    body = answer.json
    assert body["code"] == code
    assert body["status"] == status
    assert body["description"] == body["detail"] == body["error"]
    assert "asyncpg" not in answer.body.decode()
    assert "SELECT" not in answer.body.decode()


def test_tiles_are_vector_tiles_with_lifetimes(client: FunctionsClient, app_connection: Connection) -> None:
    publish_squares(app_connection, "squares", count=50)
    path = f"{FEATURES}/collections/squares/tiles/WebMercatorQuad/0/0/0"
    answer = client.get(path)
    assert (answer.status, answer.type) == (200, "application/vnd.mapbox-vector-tile")
    assert b"Nord" in answer.body
    assert answer.headers["cache-control"] == "public, max-age=300"
    alias = client.get(path + ".mvt")
    assert alias.body == answer.body
    assert alias.headers["link"] == f'<{BASE_URL}{path}>; rel="canonical"'
    empty = client.get(f"{FEATURES}/collections/squares/tiles/WebMercatorQuad/5/0/0")
    assert (empty.status, empty.body) == (204, b"")


def test_tilejson_names_tiles_and_extent(client: FunctionsClient, app_connection: Connection) -> None:
    publish_squares(app_connection, "squares")
    answer = client.get(f"{FEATURES}/collections/squares/tiles/WebMercatorQuad/tilejson.json")
    assert answer.json["tiles"] == [
        f"{BASE_URL}{FEATURES}/collections/squares/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}"
    ]
    assert answer.json["bounds"] == [-88, -51, 20.1, 51]
    assert "population" in answer.json["vector_layers"][0]["fields"]


def test_landing_conformance_and_collections_link_to_the_public_address(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_squares(app_connection, "squares")
    for path in (
        "",
        "/",
        "/conformance",
        "/collections",
        "/collections/squares",
        "/collections/squares/queryables",
    ):
        answer = client.get(FEATURES + path)
        assert answer.status == 200, path
        hrefs = [link["href"] for link in answer.json.get("links", [])]
        assert all(href.startswith(f"{BASE_URL}{FEATURES}") for href in hrefs), hrefs
    assert any("ogcapi-features-1" in uri for uri in client.get(f"{FEATURES}/conformance").json["conformsTo"])
    [collection] = client.get(f"{FEATURES}/collections").json["collections"]
    assert collection["id"] == "squares"
    assert client.get(f"{FEATURES}/collections/squares").json["title"] == "squares / r / v1"
    assert collection["extent"]["spatial"]["bbox"] == [[-88, -51, 20.1, 51]]


def test_an_unchanged_revision_is_not_sent_twice(client: FunctionsClient, app_connection: Connection) -> None:
    publish_squares(app_connection, "squares")
    path = f"{FEATURES}/collections/squares/items"
    etag = client.get(path).headers["etag"]
    again = client.get(path, {"if-none-match": f'"other", {etag}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    app_connection.execute("DROP TABLE geo.squares")
    create_squares(app_connection, "squares", count=5)
    publish(app_connection, "squares", locations={"table": "geo.squares"}, characteristics={}, revision=2)
    new = client.get(path, {"if-none-match": etag})
    assert (new.status, new.json["numberMatched"]) == (200, 8)


def test_head_has_the_headers_of_get_and_no_body(client: FunctionsClient, app_connection: Connection) -> None:
    publish_squares(app_connection, "squares")
    path = f"{FEATURES}/collections/squares/items"
    head = client.call("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(client.get(path).body))


def test_a_browser_of_another_origin_may_read(client: FunctionsClient, app_connection: Connection) -> None:
    publish_squares(app_connection, "squares")
    path = f"{FEATURES}/collections/squares/items"
    assert client.get(path, {"origin": "https://a.example"}).headers["access-control-allow-origin"] == "*"
    preflight = {"origin": "https://a.example", "access-control-request-method": "GET"}
    assert client.call("OPTIONS", path, headers=preflight).status == 200


def test_publications_are_seen_at_once_in_every_process(
    serving_config: ServingConfig, app_connection: Connection
) -> None:
    """Two workers that have listed, and know, an older state."""
    with FunctionsClient(serving_config) as one, FunctionsClient(serving_config) as other:
        publish_squares(app_connection, "older")
        assert [names(worker) for worker in (one, other)] == [["older"], ["older"]]
        publish_squares(app_connection, "newer")
        for worker in (one, other):
            assert worker.get(f"{FEATURES}/collections/newer/items").json["numberMatched"] == 3
            assert names(worker) == ["newer", "older"]
        unpublish(app_connection, "older")
        for worker in (one, other):
            assert worker.get(f"{FEATURES}/collections/older/items").status == 404
            assert names(worker) == ["newer"]


def names(worker: FunctionsClient) -> list[str]:
    return [collection["id"] for collection in worker.get(f"{FEATURES}/collections").json["collections"]]


def test_a_new_revision_with_other_columns_is_described_anew(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_squares(app_connection, "squares")
    assert client.get(f"{FEATURES}/collections/squares/items").json["numberMatched"] == 3
    app_connection.execute("DROP TABLE geo.squares")
    create_squares(app_connection, "squares")
    app_connection.execute("ALTER TABLE geo.squares RENAME COLUMN population TO inhabitants")
    publish(app_connection, "squares", locations={"table": "geo.squares"}, characteristics={}, revision=2)
    properties = client.get(f"{FEATURES}/collections/squares/items").json["features"][0]["properties"]
    assert "inhabitants" in properties


def test_tables_that_are_not_registered_are_not_served(
    client: FunctionsClient, app_connection: Connection
) -> None:
    create_squares(app_connection, "secret")
    raise_version(app_connection)
    for name in ("secret", "geo.secret", 'secret"'):
        assert client.get(f"{FEATURES}/collections/{name}/items").status == 404
    assert names(client) == []


def test_requests_that_come_together_start_one_app(
    client: FunctionsClient, app_connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    publish_squares(app_connection, "squares")
    with caplog.at_level("INFO", logger="triggers.serving.asgi"):
        answers = client.gather(*[f"{FEATURES}/collections/squares/items/{fid}" for fid in (1, 2, 3, 1)])
    assert [answer.json["id"] for answer in answers] == [1, 2, 3, 1]
    ours = [record for record in caplog.records if record.name == "triggers.serving.asgi"]
    assert [getattr(record, "action", "") for record in ours] == ["serving_started"]


def test_without_a_database_the_answer_is_503(serving_config: ServingConfig) -> None:
    with FunctionsClient(replace(serving_config, reader_url="postgresql://x@127.0.0.1:9/none")) as client:
        answer = client.get(f"{FEATURES}/collections")
        assert (answer.status, answer.json["code"]) == (503, "DB_UNAVAILABLE")
        assert answer.json["retryable"] is True
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "query", ["f=json", "crs=http://www.opengis.net/def/crs/OGC/1.3/CRS84", "properties=name"]
)
@pytest.mark.parametrize("path", ["items", "items/1"])
def test_the_json_of_features_is_geojson_in_crs84(
    client: FunctionsClient, app_connection: Connection, path: str, query: str
) -> None:
    publish_squares(app_connection, "squares")
    answer = client.get(f"{FEATURES}/collections/squares/{path}?{query}")
    assert (answer.status, answer.type) == (200, "application/geo+json")
    assert answer.json["type"] == ("Feature" if path.endswith("1") else "FeatureCollection")
