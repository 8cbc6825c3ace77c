"""What clients ask collections of features for: order, times and places."""

from urllib.parse import quote

import pytest

from tests.integration.serving.functions_client import FunctionsClient
from tests.integration.serving.layers import Connection, publish_layer
from tests.integration.serving.publications import publish_squares

COLLECTIONS = "/api/ogc/features/collections"


def ids(client: FunctionsClient, query: str) -> list[int]:
    answer = client.get(f"{COLLECTIONS}/squares/items?{query}")
    assert answer.status == 200, answer.body
    return [feature["id"] for feature in answer.json["features"]]


@pytest.mark.parametrize("order", ["is_land", "-is_land"])
def test_pages_of_equal_values_have_each_feature_once(
    client: FunctionsClient, app_connection: Connection, order: str
) -> None:
    publish_squares(app_connection, "squares", count=97)
    found = [
        each for start in range(0, 100, 10) for each in ids(client, f"sortby={order}&limit=10&offset={start}")
    ]
    assert sorted(found) == list(range(1, 101))


@pytest.mark.parametrize(
    ("interval", "found"),
    [
        ("2024-01-01T00:00:00Z/2024-01-02T00:00:00Z", [1, 2]),
        ("2024-01-02T00:00:00Z/2024-01-02T00:00:00Z", [2]),
        ("../2024-01-02T00:00:00Z", [1, 2]),
        ("2024-01-02T00:00:00Z/..", [2, 3]),
    ],
)
def test_both_ends_of_an_interval_are_in_it(
    client: FunctionsClient, app_connection: Connection, interval: str, found: list[int]
) -> None:
    publish_layer(
        app_connection,
        "squares",
        rows="SELECT n AS fid, '2023-12-31Z'::timestamptz + n * interval '1 day' AS seen,"
        " ST_Point(n, n) AS geom FROM generate_series(1, 3) n",
        columns={"seen": "timestamptz"},
    )
    assert ids(client, f"datetime={interval}") == found


def test_an_interval_that_ends_before_it_starts_is_refused(
    client: FunctionsClient, app_connection: Connection
) -> None:
    publish_squares(app_connection, "squares")
    interval = "2024-01-02T00:00:00Z/2024-01-01T00:00:00Z"
    answer = client.get(f"{COLLECTIONS}/squares/items?datetime={interval}")
    assert (answer.status, answer.json["code"]) == (400, "INVALID_DATETIME")


@pytest.mark.parametrize("srid", [4326, 3857])
@pytest.mark.parametrize(
    ("box", "found"),
    [("9,49,12,52", [1]), ("-170,-60,170,60", [1, 2, 3]), ("12,40,-80,52", [3]), ("9,49,0,12,52,9", [1])],
)
def test_filters_take_boxes(
    client: FunctionsClient, app_connection: Connection, box: str, found: list[int], srid: int
) -> None:
    publish_squares(app_connection, "squares", srid=srid)
    assert ids(client, f"filter=S_INTERSECTS(geom,BBOX({box}))") == found


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("bbox=nan,nan,nan,nan", "INVALID_BBOX"),
        ("filter=S_INTERSECTS(geom,BBOX(1,2,1e999,4))", "INVALID_FILTER"),
        ("filter=S_INTERSECTS(geom,POINT(1e999 2))", "INVALID_FILTER"),
        ("filter=S_INTERSECTS(geom,POINT(0 95))", "INVALID_FILTER"),
    ],
)
def test_places_that_are_none_are_the_clients_error(
    client: FunctionsClient, app_connection: Connection, query: str, code: str
) -> None:
    publish_squares(app_connection, "squares", srid=25832)
    for address in ("items", "tiles/WebMercatorQuad/0/0/0"):
        answer = client.get(f"{COLLECTIONS}/squares/{address}?{quote(query, safe='=(),')}")
        assert (answer.status, answer.json["code"]) == (400, code)
