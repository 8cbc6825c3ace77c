"""What clients poll and admins look at."""

import requests
from shapely.geometry import Point

from tests.acceptance.hub import Hub, problem
from tests.vectors import geojson


def test_the_same_submission_again_finds_what_was_published(hub: Hub) -> None:
    body = hub.body("vector", hub.upload("a.geojson", geojson([Point(1, 2)])))
    first = hub.submit(body)
    done = hub.wait(first.json()["status_url"])
    again = hub.submit(body)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (200, "true")
    assert again.json()["request_id"] == first.json()["request_id"]
    assert again.json()["endpoints"] == done["endpoints"]


def test_another_content_under_the_same_identity_is_a_conflict(hub: Hub) -> None:
    body = hub.body("vector", hub.upload("a.geojson", geojson([Point(1, 2)])))
    hub.wait(hub.submit(body).json()["status_url"])
    other = hub.submit({**body, "source_path": hub.upload("b.geojson", geojson([Point(3, 4)]))})
    refused = problem(other, status=409, code="IDENTITY_CONFLICT")
    assert [entry["loc"] for entry in refused["field_errors"]] == ["source_path"]


def test_both_spellings_of_the_status_answer_alike_and_know_what_is_unchanged(hub: Hub) -> None:
    done = hub.publish("vector", hub.upload("a.geojson", geojson([Point(1, 2)])))
    request_id = done["request_id"]
    long = hub.get(f"{hub.base_url}/api/platform/status/{request_id}")
    short = hub.get(f"{hub.base_url}/platform/status/plt_{request_id}")
    assert long.json() == short.json()
    unchanged = hub.get(long.url, headers={"If-None-Match": long.headers["ETag"]})
    assert unchanged.status_code == 304


def test_an_unknown_request_is_not_found_in_the_one_shape(hub: Hub) -> None:
    answer = hub.get(f"{hub.base_url}/platform/status/{'0' * 32}")
    problem(answer, status=404, code="REQUEST_NOT_FOUND")


def test_a_job_of_the_internal_door(hub: Hub) -> None:
    url = f"{hub.base_url}/api/jobs/submit/hello_world"
    created = requests.post(url, json={"n": 2, "name": hub.body("vector", "x")["dataset_id"]}, timeout=10)
    assert (created.status_code, created.json()["status"]) == (201, "created")
    again = requests.post(
        url, data=created.request.body, headers={"Content-Type": "application/json"}, timeout=10
    )
    assert (again.status_code, again.json()["status"]) == (200, "already_exists")
    job = hub.get(created.json()["status_url"]).json()
    assert (job["job_type"], job["total_stages"]) == ("hello_world", 2)
    wrong = requests.post(url, json={"n": -1, "names": 1}, timeout=10)
    refused = problem(wrong, status=422, code="VALIDATION_ERROR")
    assert {entry["loc"] for entry in refused["field_errors"]} == {"n", "names"}
    unknown = requests.post(f"{hub.base_url}/api/jobs/submit/nonsense", json={}, timeout=10)
    problem(unknown, status=404, code="UNKNOWN_JOB_TYPE")


def test_health_names_every_part(hub: Hub) -> None:
    report = hub.get(f"{hub.base_url}/api/health").json()
    components = {entry["component"]: entry for entry in report["components"]}
    expected = {"app_mode", "database", "postgis", "pgstac", "blob_storage", "service_bus", "outbox"}
    assert expected <= set(components)
    letters = components.pop("dead_letters")  # other tests of this run send malformed messages
    assert letters["status"] in ("healthy", "degraded")
    assert {entry["status"] for entry in components.values()} == {"healthy"}
    assert components["app_mode"]["details"]["queues_listening"] == {
        "jobs": True,
        "raster_tasks": True,
        "vector_tasks": True,
        "legacy_tasks": True,
    }
    for probe in ("livez", "readyz"):
        assert hub.get(f"{hub.base_url}/api/{probe}").status_code == 200
    text = str(report)
    assert "SharedAccessKey" not in text
    assert "password" not in text.lower()


def test_whatever_is_not_there_answers_in_the_one_shape(hub: Hub) -> None:
    for path in (
        "nothing",
        "api/nothing/here",
        "api/cog/nothing",
        "api/cog/info?dataset=nothing",
        "api/ogc/nothing",
        "api/ogc/features/collections/nothing/items",
        "api/stac/nothing",
        "api/stac/collections/nothing",
        f"api/platform/data/{'0' * 32}/download",
        "api/jobs/nothing",
        "static/nothing.css",
    ):
        problem(hub.get(f"{hub.base_url}/{path}"), status=404)


def test_a_method_that_a_path_does_not_have_is_refused_in_the_one_shape(hub: Hub) -> None:
    for method, path in (
        ("DELETE", "platform/submit"),
        ("GET", "api/platform/submit"),
        ("PUT", "api/health"),
    ):
        answer = requests.request(method, f"{hub.base_url}/{path}", timeout=10)
        problem(answer, status=answer.status_code)
        assert answer.status_code in (404, 405)
