"""Exports as clients ask for them: one answer by every id, the file's notes, and clear refusals."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func
import psycopg
import pytest

from geo_platform.router import PlatformRouter
from tests.integration.exports.office import Office
from tests.integration.serving.publications import create_squares, insert_request, publish, publish_squares
from tests.unit.platform.http_requests import request
from tests.unit.platform.problem_shape import problem
from triggers.exports import exports_blueprint

Connection = psycopg.Connection[Any]
EXPORTS = "api/datasets/{key}/exports"


@dataclass
class Application:
    platform: PlatformRouter


@dataclass
class Client:
    """Calls the functions as the host does after it has matched the URL."""

    functions: Mapping[tuple[str, str], Any]

    def ask(self, key: str, **body: Any) -> func.HttpResponse:
        return self._call("POST", EXPORTS, {"key": key}, body)

    def list(self, key: str) -> func.HttpResponse:
        return self._call("GET", EXPORTS, {"key": key})

    def get(self, url: str) -> func.HttpResponse:
        *_, key, _, export_id = url.split("/")
        return self._call("GET", f"{EXPORTS}/{{export_id}}", {"key": key, "export_id": export_id})

    def _call(self, method: str, route: str, params: dict[str, str], body: Any = None) -> func.HttpResponse:
        sent = request(method, f"/{route}", body=body, route=params)
        response: func.HttpResponse = self.functions[method, route](req=sent)
        return response


@pytest.fixture
def client(office: Office) -> Client:
    app = func.FunctionApp()
    app.register_functions(exports_blueprint(Application(PlatformRouter(office.parts))))
    return Client(
        {
            (method.value, function.get_trigger().route): function.get_user_function()
            for function in app.get_functions()
            for method in function.get_trigger().methods
        }
    )


def content(response: func.HttpResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.get_body()
    body: dict[str, Any] = json.loads(response.get_body())
    return body


def listed(client: Client, key: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = content(client.list(key), 200)["items"]
    return items


def key_of(connection: Connection) -> str:
    row = connection.execute("SELECT dataset_key FROM app.datasets").fetchone()
    assert row
    return str(row[0])


def test_a_file_is_asked_for_polled_and_found_by_every_id(
    client: Client, office: Office, connection: Connection
) -> None:
    request_id = publish_squares(connection, "squares")
    key = key_of(connection)
    assert listed(client, key) == []

    response = client.ask(key, format="shp")
    begun = content(response, 202)
    assert (begun["status"], begun["progress_percent"], begun["download_url"]) == ("processing", 0, None)
    assert response.headers["Location"] == begun["status_url"]
    assert begun["status_url"].endswith(f"/api/datasets/{key}/exports/{begun['export_id']}")
    assert int(client.get(begun["status_url"]).headers["Retry-After"]) > 0

    office.engine.run()
    done = content(client.get(begun["status_url"]), 200)
    assert (done["status"], done["feature_count"], done["collection_id"]) == ("completed", 3, None)
    assert done["download_url"].endswith(f"/api/platform/data/{request_id}/download?f=shp")
    assert set(begun) == set(done)
    for name in (key, request_id, f"plt_{request_id}", key.upper()):
        answer = client.ask(name, format="shp")
        assert content(answer, 200) == done
        assert "Retry-After" not in answer.headers
        assert listed(client, name) == [done]


def test_what_the_format_could_not_hold_is_told(
    client: Client, office: Office, connection: Connection
) -> None:
    publish_squares(connection, "squares")
    connection.execute("ALTER TABLE geo.squares RENAME COLUMN population TO number_of_people")
    client.ask(key_of(connection), format="shp")
    office.engine.run()

    [shown] = listed(client, key_of(connection))
    notes = [note for note in shown["notes"] if note["column"] == "number_of_people"]
    assert notes
    assert all(note["code"] and note["message"] for note in notes)


def test_a_file_of_one_collection_is_another_file(
    client: Client, office: Office, connection: Connection
) -> None:
    request_id, key = publish_squares(connection, "squares"), key_of(connection)
    create_squares(connection, "more", count=2)
    for position, name in enumerate(("squares", "more")):
        connection.execute(
            "INSERT INTO platform.collections (collection_id, dataset_key, request_id, position, layer,"
            " title, table_name, characteristics) VALUES (%s, %s, %s, %s, %s, 't', %s, '{}')",
            (f"squares_{name}", key, request_id, position, name, name),
        )
    together = content(client.ask(key, format="csv"), 202)
    alone = content(client.ask(key, format="csv", collection="squares_more"), 202)
    assert (together["collection_id"], alone["collection_id"]) == (None, "squares_more")
    office.engine.run()
    done = content(client.get(alone["status_url"]), 200)
    assert done["download_url"].endswith("?f=csv&collection=squares_more")
    assert {each["feature_count"] for each in listed(client, key)} == {5, 8}
    problem(client.ask(key, format="csv", collection="no"), status=404, code="COLLECTION_NOT_FOUND")


def test_a_file_that_cannot_be_made_says_why(client: Client, office: Office, connection: Connection) -> None:
    publish_squares(connection, "squares")
    connection.execute("UPDATE geo.squares SET geom = NULL")
    key = key_of(connection)
    client.ask(key, format="pmtiles")
    office.engine.run()
    failed = content(client.ask(key, format="pmtiles"), 200)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "NOTHING_TO_DRAW")
    assert failed["error"]["remedy"]
    assert content(client.get(failed["status_url"]), 200) == failed
    again = content(client.ask(key, format="pmtiles", retry=True), 202)
    assert (again["export_id"], again["error"]) == (failed["export_id"], None)


@pytest.mark.parametrize(
    ("body", "code", "loc"),
    [
        ({}, "VALIDATION_ERROR", "format"),
        ({"format": "dwg"}, "VALIDATION_ERROR", "format"),
        ({"format": "csv", "colection": "x"}, "UNKNOWN_FIELD", "colection"),
        ({"format": "csv", "bbox": [0, 0, 1, 1]}, "UNKNOWN_FIELD", "bbox"),
    ],
)
def test_a_wish_that_is_not_understood_is_refused(
    client: Client, connection: Connection, body: dict[str, Any], code: str, loc: str
) -> None:
    publish_squares(connection, "squares")
    shown = problem(client.ask(key_of(connection), **body), status=422, code=code)
    assert [entry["loc"] for entry in shown["field_errors"]] == [loc]


def test_what_has_no_exports_says_so(client: Client, connection: Connection) -> None:
    problem(client.ask("0" * 64, format="csv"), status=404, code="REQUEST_NOT_FOUND")
    request_id, key = publish_squares(connection, "squares"), key_of(connection)
    problem(
        client.get(f"https://hub.example/api/datasets/{key}/exports/{'0' * 32}"),
        status=404,
        code="EXPORT_NOT_FOUND",
    )
    insert_request(connection, key, request_id="1" * 32, revision=2, status="processing")
    problem(client.ask("1" * 32, format="csv"), status=409, code="NOT_READY")
    publish(connection, "squares", locations={"table": "geo.squares"}, characteristics={}, revision=3)
    assert problem(client.ask(request_id, format="csv"), status=410, code="GONE")["request_id"] == request_id
    problem(client.list(request_id), status=410, code="GONE")
    connection.execute("UPDATE platform.requests SET request_type = 'raster'")
    shown = problem(client.ask(key, format="csv"), status=422, code="VALIDATION_ERROR")
    assert "/download" in shown["remediation"]
