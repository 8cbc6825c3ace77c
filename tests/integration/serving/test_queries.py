"""What clients ask collections of features for: order."""

import pytest

from tests.integration.serving.functions_client import FunctionsClient
from tests.integration.serving.layers import Connection
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
