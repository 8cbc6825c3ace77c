"""The Platform's routes as the Functions worker calls them: codes, headers, and the one shape of errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import pytest

from core.errors import TransientError
from core.ports import BlobInfo
from geo_platform.progress import job_share
from geo_platform.router import PlatformRouter
from infrastructure.database import Database
from infrastructure.repositories.request_jobs import OpenStage
from tests.blobs import DirectoryBlobStore
from tests.integration.platform.platform_under_test import BASE, PlatformUnderTest, body_with
from tests.integration.platform.stored import counts
from tests.unit.platform.http_requests import request
from tests.unit.platform.problem_shape import problem
from triggers.platform import platform_blueprint

STATUS_KEYS = {
    "request_id",
    "platform_request_id",
    "client_request_id",
    "dataset_key",
    "identifiers",
    "status",
    "ogc_status",
    "progress_percent",
    "progress",
    "message",
    "estimated_completion",
    "endpoints",
    "api_endpoints",
    "stac_metadata",
    "data_characteristics",
    "warnings",
    "completed_with_errors",
    "error",
    "revision",
    "versions",
    "created_at",
    "started_at",
    "completed_at",
    "links",
}


@dataclass
class Client:
    """Calls functions by (method, route), as the host does after it has matched the URL."""

    functions: Mapping[tuple[str, str], Any]

    def submit(self, route: str = "api/platform/submit", **changes: Any) -> func.HttpResponse:
        query = changes.pop("query", None)
        return self.call("POST", route, body=body_with(**changes), query=query)

    def status(
        self, identifier: str, route: str = "api/platform/status/{id}", **headers: str
    ) -> func.HttpResponse:
        return self.call("GET", route, route_params={"id": identifier}, headers=headers)

    def call(
        self,
        method: str,
        route: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        route_params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> func.HttpResponse:
        sent = request(method, f"/{route}", body=body, query=query, route=route_params, headers=headers)
        response: func.HttpResponse = self.functions[method, route](req=sent)
        return response


@dataclass
class Application:
    platform: PlatformRouter


@pytest.fixture
def client(hub: PlatformUnderTest) -> Client:
    return client_of(hub)


def client_of(hub: PlatformUnderTest) -> Client:
    app = func.FunctionApp()
    app.register_functions(platform_blueprint(Application(hub.router)))
    return Client(
        {
            (method.value, function.get_trigger().route): function.get_user_function()
            for function in app.get_functions()
            for method in function.get_trigger().methods
        }
    )


def content(response: func.HttpResponse, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.mimetype == "application/json"
    body: dict[str, Any] = json.loads(response.get_body())
    return body


@pytest.mark.parametrize("route", ["api/platform/submit", "platform/submit"])
def test_a_submission_is_accepted(client: Client, route: str) -> None:
    response = client.submit(route, client_request_id="ticket 7")
    body = content(response, 202)

    assert body["status"] == "accepted"
    assert body["platform_request_id"] == body["request_id"]
    assert body["status_url"] == f"{BASE}/api/platform/status/{body['request_id']}"
    assert response.headers["Location"] == body["status_url"]
    assert int(response.headers["Retry-After"]) > 0
    assert (body["cancel_url"], body["events_url"], body["estimated_completion"]) == (None, None, None)


def test_a_replay_says_so(client: Client) -> None:
    client.submit()
    response = client.submit()
    assert content(response, 200)["status"] == "pending"
    assert response.headers["Idempotent-Replay"] == "true"


def test_a_dry_run_is_answered_with_the_plan(client: Client, hub: PlatformUnderTest) -> None:
    body = content(client.submit(query={"dry_run": "true"}), 200)
    assert body["dry_run"] is True
    assert counts(hub)["requests"] == 0


@pytest.mark.parametrize("route", ["api/platform/status/{id}", "platform/status/{id}", "api/status/{id}"])
def test_a_status_is_found_by_each_of_its_names(client: Client, hub: PlatformUnderTest, route: str) -> None:
    submitted = content(client.submit(), 202)
    request_id = submitted["request_id"]
    names = [
        request_id,
        f"plt_{request_id}",
        submitted["dataset_key"],
        hub.job_of(request_id, 0),
        request_id.upper(),
    ]

    found = [content(client.status(name, route), 200) for name in names]

    assert {body["request_id"] for body in found} == {request_id}
    assert set(found[0]) >= STATUS_KEYS


def test_every_key_is_there_before_and_after(client: Client, hub: PlatformUnderTest) -> None:
    request_id = content(client.submit(), 202)["request_id"]
    response = client.status(request_id)
    before = content(response, 200)
    assert "Retry-After" in response.headers
    assert (before["status"], before["ogc_status"], before["progress_percent"]) == ("pending", "accepted", 0)

    hub.run_chain(request_id)
    response = client.status(request_id)
    after = content(response, 200)
    assert "Retry-After" not in response.headers
    assert (after["status"], after["ogc_status"], after["progress_percent"]) == (
        "completed",
        "successful",
        100,
    )
    assert set(before) == set(after)
    assert after["endpoints"] == after["api_endpoints"]
    assert after["progress"]["percent_complete"] == after["progress_percent"]


def test_a_status_that_has_not_changed_is_not_sent_again(client: Client, hub: PlatformUnderTest) -> None:
    request_id = content(client.submit(), 202)["request_id"]
    etag = client.status(request_id).headers["ETag"]

    response = client.status(request_id, **{"if-none-match": f'"other", W/{etag}'})
    assert (response.status_code, response.get_body()) == (304, b"")
    assert response.headers["ETag"] == etag

    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    assert client.status(request_id, **{"if-none-match": etag}).status_code == 200


@pytest.mark.parametrize(
    "identifier", ["0" * 32, "f" * 64, "plt_", "nothing", "", "../x", "x\x00", "'; DROP TABLE x --"]
)
def test_an_unknown_request_is_not_found(client: Client, identifier: str) -> None:
    problem(client.status(identifier), status=404, code="REQUEST_NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"surprise": 1}, 422, "UNKNOWN_FIELD"),
        ({"request_type": "rasters"}, 422, "UNKNOWN_DATA_TYPE"),
        ({"dataset_id": 7}, 422, "VALIDATION_ERROR"),
        ({"callback_url": "https://hook.example"}, 422, "CALLBACK_NOT_SUPPORTED"),
        ({"source_path": "silver/x.gpkg"}, 422, "SOURCE_INVALID"),
        ({"source_path": "bronze/x.exe"}, 415, "UNSUPPORTED_FORMAT"),
        ({"source_path": "bronze/big.gpkg"}, 413, "SOURCE_TOO_LARGE"),
        ({"query": {"dry_run": "maybe"}}, 422, "VALIDATION_ERROR"),
    ],
)
def test_a_refusal_has_its_code_and_a_remedy(
    client: Client, hub: PlatformUnderTest, changes: dict[str, Any], status: int, code: str
) -> None:
    hub.blobs.put("bronze/big.gpkg", b"x" * 1001)
    body = problem(client.submit(**changes), status=status, code=code)
    assert body["remediation"]
    assert counts(hub)["requests"] == 0


def test_a_source_that_is_not_there_is_not_found(client: Client) -> None:
    problem(client.submit(source_path="bronze/absent.gpkg"), status=404, code="SOURCE_NOT_FOUND")


def test_a_conflict_says_what_differs(client: Client) -> None:
    first = content(client.submit(), 202)
    body = problem(client.submit(processing_config={"layer": "a"}), status=409, code="IDENTITY_CONFLICT")
    assert [entry["loc"] for entry in body["field_errors"]] == ["processing_config.layer"]
    assert body["request_id"] == first["request_id"]
    assert body["links"] == [{"rel": "existing", "href": first["status_url"]}]


def test_a_failed_request_says_why_and_how_to_go_on(client: Client, hub: PlatformUnderTest) -> None:
    request_id = content(client.submit(), 202)["request_id"]
    job_id = hub.job_of(request_id, 0)
    failure = {
        "code": "CRS_MISSING", "message": "No CRS.", "remedy": "Add one.", "error_class": "permanent",
        "context": {}, "job_id": job_id, "stage": 1, "task_id": "t-1",
    }  # fmt: skip
    hub.end_job(job_id, status="failed", error=failure)
    hub.completion.on_job_terminal(job_id)

    body = content(client.status(request_id), 200)
    assert body["error"] == {
        "code": "CRS_MISSING", "message": "No CRS.", "remedy": "Add one.", "retryable": False, "context": {},
        "step": "ingest_vector", "job": {"stage": 1, "task": "t-1"},
    }  # fmt: skip
    assert "retry" in [link["rel"] for link in body["links"]]
    assert content(client.submit(query={"retry_failed": "true"}), 202)["revision"] == 2


def test_a_database_that_is_down_is_no_fault_of_the_client(hub: PlatformUnderTest) -> None:
    with Database(
        "postgresql://nobody:secret@127.0.0.1:1/none", connect_seconds=0.5, on_promised=hub.sent.extend
    ) as absent:
        hub.parts = replace(hub.parts, transactions=absent.unit_of_work)
        client = client_of(hub)
        for response in (client.submit(), client.status("0" * 32)):
            body = problem(response, status=503, code="DB_UNAVAILABLE")
            assert body["retryable"] is True
            assert int(response.headers["Retry-After"]) > 0
            assert "secret" not in json.dumps(body)


def test_a_storage_that_is_down_is_no_fault_of_the_client(hub: PlatformUnderTest) -> None:
    class Silent(DirectoryBlobStore):
        def info(self, uri: str) -> BlobInfo:
            raise TransientError("no answer", code="STORAGE_TIMEOUT")

    hub.parts = replace(hub.parts, storage=Silent(hub.directory))
    problem(client_of(hub).submit(), status=503, code="STORAGE_TIMEOUT")
    assert counts(hub)["requests"] == 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 2),
        ({"data_type": "vector"}, 1),
        ({"data_type": "mosaic"}, 0),
        ({"client": "ddh_v1", "q": "TICKET 7"}, 1),
        ({"client": "another"}, 0),
        ({"q": "100%"}, 0),
        ({"since": "2020-01-01T00:00:00+00:00"}, 2),
        ({"since": "2020-01-01T00:00:00 01:00"}, 2),  # a plus sign that was not encoded
        ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"status": "completed"}, 0),
    ],
)
@pytest.mark.parametrize("route", ["api/platform/status", "platform/requests"])
def test_requests_are_found_by_what_they_are(
    client: Client, route: str, query: dict[str, str], found: int
) -> None:
    client.submit(client_request_id="ticket 7")
    client.submit(version_id="v2", request_type="raster", source_path="bronze/dem.tif")
    assert len(content(client.call("GET", route, query=query), 200)["items"]) == found
    page = content(client.call("GET", route, query={**query, "limit": "1"}), 200)
    if found > 1:
        asked = dict(parse_qsl(urlsplit(page["next"]).query))
        assert len(content(client.call("GET", route, query=asked), 200)["items"]) == 1
        assert set(query) < set(asked)


@pytest.mark.parametrize(
    "query", [{"data_type": "rasters"}, {"since": "yesterday"}, {"until": "2024-05-01T12:00:00"}]
)
def test_a_filter_that_is_not_understood_is_refused(client: Client, query: dict[str, str]) -> None:
    shown = problem(
        client.call("GET", "api/platform/status", query=query), status=422, code="VALIDATION_ERROR"
    )
    assert [entry["loc"] for entry in shown["field_errors"]] == list(query)


_DONE = OpenStage(
    number=1,
    name="load",
    task_type="t",
    status="open",
    task_count=4,
    finished_count=4,
    failed_count=0,
    running_count=0,
    retrying_count=0,
    finished_share=4.0,
)


def test_progress_never_goes_back(client: Client, hub: PlatformUnderTest) -> None:
    request_id = content(client.submit(), 202)["request_id"]
    job_id = hub.job_of(request_id, 0)
    hub.execute(
        "UPDATE app.jobs SET status = 'processing', stage = 1, started_at = now() WHERE job_id = %(id)s",
        id=job_id,
    )
    hub.execute(
        "INSERT INTO app.stages (job_id, number, name, task_type, task_count)"
        " VALUES (%(id)s, 1, 'load', 't', 4)",
        id=job_id,
    )
    hub.execute(
        "INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters,"
        " max_attempts, status, lease_until)"
        " SELECT 'task-' || n, %(id)s, 1, n, 't', 'q', '{}', 3, 'processing', now() + interval '1 hour'"
        " FROM generate_series(0, 3) n",
        id=job_id,
    )
    seen = []
    for change in (
        "progress = 0.5 WHERE task_index < 2",
        "progress = 1 WHERE task_index < 3",
        "progress = 0",
        "progress = 1",
    ):
        hub.execute(f"UPDATE app.tasks SET {change}")
        body = content(client.status(request_id), 200)
        seen.append(body["progress_percent"])
        assert body["status"] == "processing"
        assert body["progress"]["current_step"] == "ingest_vector/load"

    whole = job_share(_DONE, hub.parts.jobs["ingest_vector"].stages)
    of_chain = 0.9  # loading takes about nine times as long as the step after it
    assert seen == [int(100 * of_chain * whole * part / 4) for part in (1, 3, 3, 4)]


def test_an_estimate_comes_from_the_history(client: Client, hub: PlatformUnderTest) -> None:
    for number in range(3):
        done = content(client.submit(version_id=f"v{number}"), 202)
        assert done["estimated_completion"] is None
        hub.run_chain(done["request_id"])
    hub.execute("UPDATE platform.requests SET completed_at = created_at + interval '1 hour'")

    body = content(client.submit(version_id="v9"), 202)
    assert body["estimate"] == {"seconds_p50": 3600.0, "seconds_p90": 3600.0}
    assert body["estimated_completion"] > body_created(hub, body["request_id"])


def body_created(hub: PlatformUnderTest, request_id: str) -> str:
    created = hub.value("SELECT created_at FROM platform.requests WHERE request_id = %(id)s", id=request_id)
    text: str = created.isoformat()
    return text


def test_the_list_is_paged_to_its_end_without_a_gap(client: Client, hub: PlatformUnderTest) -> None:
    ids = [content(client.submit(version_id=f"v{number}"), 202)["request_id"] for number in range(5)]
    hub.run_chain(ids[0])
    seen, query = [], {"limit": "2"}
    while True:
        page = content(client.call("GET", "api/platform/status", query=query), 200)
        seen += [item["request_id"] for item in page["items"]]
        if page["next"] is None:
            break
        query = dict(parse_qsl(urlsplit(page["next"]).query))
    assert seen == ids[::-1]
    done = content(client.call("GET", "platform/status", query={"status": "completed"}), 200)
    assert [item["request_id"] for item in done["items"]] == ids[:1]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"limit": "201"}, {"status": "done"}, {"cursor": "!"}]
)
def test_a_bad_query_is_refused(client: Client, query: dict[str, str]) -> None:
    problem(client.call("GET", "api/platform/status", query=query), status=422, code="VALIDATION_ERROR")


@pytest.mark.parametrize("route", ["api/platform/requests/{id}/retry", "platform/requests/{id}/retry"])
def test_a_failed_request_is_tried_again(hub: PlatformUnderTest, client: Client, route: str) -> None:
    request_id = hub.submit().answer.request_id
    where = {"id": request_id}
    problem(client.call("POST", route, route_params=where), status=409, code="NOT_RETRYABLE")
    hub.end_job(hub.job_of(request_id, 0), status="failed")
    hub.completion.on_job_terminal(hub.job_of(request_id, 0))
    wrong = client.call("POST", route, route_params=where, body={"scope": "some"})
    errors = problem(wrong, status=422, code="VALIDATION_ERROR")["field_errors"]
    assert "scope" in {error["loc"] for error in errors}
    response = client.call("POST", route, route_params=where, body={"scope": "all"})
    body = content(response, 202)
    assert response.headers["Location"] == body["status_url"]
    assert (body["request_id"], body["status"], body["scope"]) == (request_id, "accepted", "all")
