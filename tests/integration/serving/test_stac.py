"""The STAC API."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.serving.functions_client import BASE_URL, FunctionsClient

STAC = "/api/stac"
Connection = psycopg.Connection[Any]


@pytest.fixture
def catalogued(app_connection: Connection) -> None:
    """A collection with two items."""
    collection = {
        "type": "Collection",
        "id": "ddh_vectors",
        "stac_version": "1.0.0",
        "description": "Vectors",
        "license": "other",
        "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
    }
    app_connection.execute("SET search_path TO pgstac, public")
    app_connection.execute("SELECT pgstac.upsert_collection(%s)", (Jsonb(collection),))
    for number in (1, 2):
        app_connection.execute("SELECT pgstac.upsert_item(%s)", (Jsonb(item(number)),))
    app_connection.execute("RESET search_path")


def item(number: int) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"thing_{number}",
        "collection": "ddh_vectors",
        "geometry": {"type": "Point", "coordinates": [number, number]},
        "bbox": [number, number, number, number],
        "properties": {"datetime": f"2024-0{number}-01T00:00:00Z", "title": f"Thing {number}"},
        "assets": {"data": {"href": f"{BASE_URL}/api/x"}},
        "links": [],
    }


def hrefs(body: Any) -> list[str]:
    return [link["href"] for link in body.get("links", [])]


@pytest.mark.usefixtures("catalogued")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/conformance",
        "/collections",
        "/collections/ddh_vectors",
        "/collections/ddh_vectors/items",
        "/collections/ddh_vectors/items/thing_1",
        "/queryables",
        "/search?limit=1",
    ],
)
def test_links_lead_to_the_public_address(client: FunctionsClient, path: str) -> None:
    answer = client.get(STAC + path)
    assert answer.status == 200
    assert all(href.startswith(f"{BASE_URL}{STAC}") for href in hrefs(answer.json)), hrefs(answer.json)
    assert "evil.example" not in answer.body.decode()


@pytest.mark.usefixtures("catalogued")
def test_searches_by_get_and_post_agree(client: FunctionsClient) -> None:
    found = client.get(f"{STAC}/search?bbox=0.5,0.5,1.5,1.5&collections=ddh_vectors").json["features"]
    assert [feature["id"] for feature in found] == ["thing_1"]
    body = json.dumps({"datetime": "2024-02-01T00:00:00Z/..", "limit": 5}).encode()
    posted = client.call("POST", f"{STAC}/search", headers={"content-type": "application/json"}, body=body)
    assert [feature["id"] for feature in posted.json["features"]] == ["thing_2"]


@pytest.mark.usefixtures("catalogued")
def test_pages_of_a_search_follow_each_other(client: FunctionsClient) -> None:
    first = client.get(f"{STAC}/search?limit=1").json
    [following] = [link["href"] for link in first["links"] if link["rel"] == "next"]
    second = client.get(following.removeprefix(BASE_URL)).json
    assert {first["features"][0]["id"], second["features"][0]["id"]} == {"thing_1", "thing_2"}


@pytest.mark.usefixtures("catalogued")
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/collections/nothing", 404, "NOT_FOUND"),
        ("/collections/ddh_vectors/items/nothing", 404, "NOT_FOUND"),
        ("/search?bbox=1,2", 400, "VALIDATION_ERROR"),
        ("/search?datetime=yesterday", 400, "VALIDATION_ERROR"),
        ("/search?limit=minus", 400, "VALIDATION_ERROR"),
        ("/nothing", 404, "NOT_FOUND"),
    ],
)
def test_wrong_requests_get_the_one_error_shape(
    client: FunctionsClient, path: str, status: int, code: str
) -> None:
    answer = client.get(STAC + path)
    assert (answer.status, answer.type, answer.json["code"]) == (status, "application/problem+json", code)


@pytest.mark.usefixtures("catalogued")
def test_nothing_can_be_written(client: FunctionsClient) -> None:
    body = json.dumps(item(3)).encode()
    posted = client.call(
        "POST",
        f"{STAC}/collections/ddh_vectors/items",
        headers={"content-type": "application/json"},
        body=body,
    )
    assert posted.status == 405
    assert client.get(f"{STAC}/collections/ddh_vectors/items/thing_3").status == 404
