"""What clients ask collections of features for: order and times."""

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
