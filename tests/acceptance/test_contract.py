"""The fields and the codes of the HTTP contract, over HTTP, in one table each."""

from typing import Any

import pytest
import requests
from shapely.geometry import Point

from tests.acceptance.hub import Hub, problem
from tests.vectors import geojson

JOB = {
    "job_id",
    "job_type",
    "status",
    "processID",
    "type",
    "jobID",
    "created",
    "started",
    "finished",
    "updated",
}
SUMMARY = {
    "request_id",
    "platform_request_id",
    "dataset_key",
    "identifiers",
    "status",
    "ogc_status",
    "revision",
}
STATUS = SUMMARY | {
    "client_request_id", "progress_percent", "progress", "message", "estimated_completion", "endpoints",
    "api_endpoints", "stac_metadata", "data_characteristics", "warnings", "error", "versions", "links",
}  # fmt: skip
EXPORT = {
    "export_id", "format", "status", "progress_percent", "status_url", "download_url", "notes", "error"
}  # fmt: skip
TASK = {
    "target_queue", "executed_by_app", "execution_started_at", "attempt", "error_type", "run_seconds",
    "queue_wait_seconds",
}  # fmt: skip
# A path, the member that holds the thing (or the first of the things), and the fields that it has at least.
FIELDS: tuple[tuple[str, str, set[str]], ...] = (
    ("/api/platform/status/{request_id}", "", STATUS),
    ("/platform/status/plt_{request_id}", "", STATUS),
    ("/api/status/{dataset_key}", "", STATUS),
    ("/api/platform/status/{job_id}", "", STATUS),
    ("/api/platform/status", "items", SUMMARY),
    ("/platform/requests?data_type=vector", "items", SUMMARY),
    ("/platform/requests/{request_id}/report", "", {"findings", "missing", "processing", "derived", "steps"}),
    ("/api/datasets/{dataset_key}/exports", "items", EXPORT),
    ("/api/datasets/{request_id}/exports/{export_id}", "", EXPORT | {"sha256", "size_bytes"}),
    ("/api/jobs", "jobs", JOB),
    ("/api/jobs/{job_id}", "", JOB | {"stages", "task_counts", "progress", "error", "result"}),
    ("/api/jobs/status/{job_id}", "", JOB),
    ("/api/jobs/{job_id}/tasks", "tasks", TASK),
    ("/api/jobs/{job_id}/dag", "", {"nodes", "edges"}),
    ("/api/jobs/{job_id}/events?f=json", "events", {"id", "event", "at", "job_id"}),
    ("/api/job-types", "job_types", {"job_type", "parameters", "stages"}),
    ("/api/handlers", "handlers", {"task_type", "target_queue"}),
    ("/api/health", "components", {"component", "status", "details"}),
    ("/api/ogc/features/collections/{collection_id}", "", {"id", "title", "extent", "crs", "links"}),
    ("/api/ogc/features/collections/{collection_id}/items", "", {"numberMatched", "features"}),
    ("/api/stac/collections/ddh_vectors/items/{collection_id}", "", {"stac_version", "assets", "bbox"}),
    ("/api/stac/search", "features", {"stac_version", "assets", "collection"}),
)  # fmt: skip
REFUSALS: tuple[tuple[str, str, Any, int, str], ...] = (
    ("POST", "/platform/submit", b"{", 400, "MALFORMED_JSON"),
    ("POST", "/platform/submit", {"request_type": "cube"}, 422, "VALIDATION_ERROR"),
    ("PUT", "/platform/submit", {}, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/platform/nothing", None, 404, "NOT_FOUND"),
    ("GET", "/platform/status/unknown", None, 404, "REQUEST_NOT_FOUND"),
    ("GET", "/platform/requests/{request_id}/report?f=pdf", None, 422, "VALIDATION_ERROR"),
    ("POST", "/platform/requests/{request_id}/retry", None, 409, "NOTHING_TO_RETRY"),
    ("POST", "/platform/resubmit", {"request_id": "unknown"}, 404, "REQUEST_NOT_FOUND"),
    ("POST", "/api/datasets/{dataset_key}/exports", {"format": "dwg"}, 422, "VALIDATION_ERROR"),
    ("POST", "/api/jobs/{job_id}/resubmit", None, 409, "NOT_RETRYABLE"),
    ("POST", "/api/jobs/{job_id}/cancel", None, 409, "ALREADY_TERMINAL"),
    ("POST", "/api/jobs/submit/unknown", {}, 404, "UNKNOWN_JOB_TYPE"),
    ("GET", "/api/ogc/features/collections/{collection_id}/items?crs=x", None, 400, "INVALID_CRS"),
    ("GET", "/api/ogc/features/collections/unknown", None, 404, "COLLECTION_NOT_FOUND"),
)  # fmt: skip


@pytest.fixture(scope="module")
def names(hub: Hub) -> dict[str, str]:
    """The ids of a published dataset, of its first job and of an export."""
    done = hub.publish("vector", hub.upload("a.geojson", geojson([Point(1, 2)])))
    jobs = hub.get(f"{hub.base_url}/api/jobs?job_type=ingest_vector").json()["jobs"]
    url = f"{hub.base_url}/api/datasets/{done['dataset_key']}/exports"
    asked = requests.post(url, json={"format": "shp"}, timeout=10).json()
    hub.wait(asked["status_url"])
    return {
        **{name: done[name] for name in ("request_id", "dataset_key", "collection_id")},
        "job_id": next(job["job_id"] for job in jobs if job["platform_request_id"] == done["request_id"]),
        "export_id": asked["export_id"],
    }


@pytest.mark.parametrize(("path", "member", "fields"), FIELDS)
def test_an_answer_has_the_fields_of_the_contract(
    hub: Hub, names: dict[str, str], path: str, member: str, fields: set[str]
) -> None:
    answer = hub.get(hub.base_url + path.format(**names))
    assert answer.status_code == 200, answer.text
    found = answer.json()[member] if member else answer.json()
    found = found[0] if isinstance(found, list) else found
    assert fields <= set(found)


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), REFUSALS)
def test_a_refusal_has_the_code_of_the_contract(
    hub: Hub, names: dict[str, str], method: str, path: str, body: Any, status: int, code: str
) -> None:
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    answer = requests.request(method, hub.base_url + path.format(**names), timeout=10, **sent)
    problem(answer, status=status, code=code)
    assert ("Allow" in answer.headers) == (status == 405)
