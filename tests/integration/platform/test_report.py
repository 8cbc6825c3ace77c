"""The report of a request, and what is said while it runs."""

import json

import pytest

from core.errors import NotFound
from geo_platform.states import Shape
from tests.integration.platform.platform_under_test import PlatformUnderTest
from tests.integration.platform.test_http import client_of, content

RASTER = {"request_type": "raster", "source_path": "bronze/dem.tif"}
ROUTES = ("api/platform/requests/{id}/report", "platform/requests/{id}/report")


def test_the_report_grows_with_the_jobs(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(**RASTER, processing_config={"generate_tile_cache": True}).answer.request_id
    empty = hub.router.report(request_id)
    assert (empty.validation, empty.processing, empty.source, empty.findings) == (None, None, None, ())

    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    validated = hub.router.report(request_id)
    assert validated.validation
    assert validated.validation["classification"] == "continuous"
    assert validated.warnings == ("no overviews",)
    assert [step.status for step in validated.steps] == ["completed", "queued", None, None]

    for step in (1, 2, 3):
        hub.completion.on_job_terminal(hub.run_step(request_id, step))
    whole = hub.router.report(request_id)
    assert whole.published_as is Shape.COG
    assert whole.processing
    assert whole.processing["proof"]["equal"] is True
    assert whole.derived["generate_tile_cache"]["tile_count"] == 21
    assert [(finding.step, finding.code) for finding in whole.findings] == [
        ("validate_raster", "NO_OVERVIEWS"),
        ("process_raster", "KEPT_LOSSLESS"),
    ]
    assert whole.source
    assert whole.source["uri"] == "azure://bronze/dem.tif"
    assert all(step.seconds is not None for step in whole.steps)
    assert "azure://silver" not in whole.model_dump_json()


def test_the_report_of_a_failed_request_has_its_error(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(**RASTER).answer.request_id
    job_id = hub.job_of(request_id, 0)
    context = {"findings": [{"code": "CRS_MISSING", "message": "No CRS."}]}
    hub.end_job(
        job_id, status="failed", error={"code": "CRS_MISSING", "message": "No CRS.", "context": context}
    )
    hub.completion.on_job_terminal(job_id)

    report = hub.router.report(request_id)
    assert report.error
    assert (report.error.code, report.error.context) == ("CRS_MISSING", context)
    assert [step.status for step in report.steps] == ["failed", None, None]


def test_a_vector_has_a_report_too(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.run_chain(request_id)
    report = hub.router.report(request_id)
    assert report.published_as is Shape.TABLE
    assert report.processing
    assert report.processing["feature_count"] == 1
    assert report.warnings == ("one name was shortened",)


@pytest.mark.parametrize("route", ROUTES)
def test_the_report_is_linked_and_answers(hub: PlatformUnderTest, route: str) -> None:
    client = client_of(hub)
    request_id = hub.submit(**RASTER).answer.request_id
    status = content(client.status(request_id), 200)
    links = {link["rel"]: link["href"] for link in status["links"]}
    assert links["report"].endswith(f"/api/platform/requests/{request_id}/report")

    response = client.status(request_id, route)
    assert content(response, 200)["request_id"] == request_id
    again = client.status(request_id, route, **{"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


def test_there_is_no_report_of_nothing(hub: PlatformUnderTest) -> None:
    with pytest.raises(NotFound):
        hub.router.report("0" * 32)
    response = client_of(hub).status("0" * 32, ROUTES[0])
    assert (response.status_code, json.loads(response.get_body())["code"]) == (404, "REQUEST_NOT_FOUND")


def test_a_running_request_says_which_tile_it_is_at(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(request_type="large_raster", source_path="bronze/dem.tif").answer.request_id
    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    job_id = hub.job_of(request_id, 1)
    hub.execute(
        "UPDATE app.jobs SET status = 'processing', stage = 3, started_at = now() WHERE job_id = %(id)s",
        id=job_id,
    )
    hub.execute(
        "INSERT INTO app.stages (job_id, number, name, task_type, task_count)"
        " VALUES (%(id)s, 3, 'create_cogs', 't', 204)",
        id=job_id,
    )
    hub.execute(
        "INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters,"
        " max_attempts, attempt, status, finished_at, lease_until)"
        " SELECT 'task-' || n, %(id)s, 3, n, 't', 'q', '{}', 3, 1,"
        " CASE WHEN n < 128 THEN 'completed' WHEN n < 130 THEN 'failed' ELSE 'processing' END,"
        " CASE WHEN n < 130 THEN now() END, CASE WHEN n >= 130 THEN now() END"
        " FROM generate_series(0, 203) n",
        id=job_id,
    )

    status = hub.router.status(request_id)
    assert status.message == "Creating tile COGs: tile 131 of 204, 2 failed"
    assert status.progress.current_step == "process_large_raster/create_cogs"
    assert 50 < status.progress_percent < 80


def test_who_polls_does_not_wait_for_the_publication(hub: PlatformUnderTest) -> None:
    """It holds the request's row for as long as it takes to write the items of a mosaic."""
    request_id = hub.submit(**RASTER).answer.request_id
    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    with hub.parts.transactions() as tx:
        tx.connection.execute("SELECT 1 FROM platform.requests FOR UPDATE")
        assert hub.router.status(request_id).progress_percent > 0
    assert hub.value("SELECT progress_percent FROM platform.requests") == 0


def test_files_that_were_asked_for_are_in_the_report(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(processing_config={"exports": ["gpkg"]}).answer.request_id
    hub.run_chain(request_id)
    note = {"code": "NAME_SHORTENED", "message": "'population' is 'populatio'.", "column": "population"}
    hub.execute(
        "INSERT INTO platform.exports (export_id, request_id, collection_id, format, state, job_id, blob_uri,"
        " size_bytes, sha256, media_type, feature_count, notes)"
        " VALUES ('e', %(request)s, 'a_layer', 'shp', 'ready', %(job)s, 'azure://silver/x.zip', 1, '0', 'z',"
        " 1, %(notes)s)",
        request=request_id,
        job=hub.job_of(request_id, 0),
        notes=json.dumps([note]),
    )
    report = hub.router.report(request_id)
    made = {each["format"]: each for each in report.derived["export_vector"]["exports"]}
    assert set(made) == {"gpkg", "shp"}
    assert (made["shp"]["collection_id"], made["shp"]["notes"]) == ("a_layer", [note])
    assert "azure://silver" not in report.model_dump_json()
    page = client_of(hub).call("GET", ROUTES[0], route_params={"id": request_id}, query={"f": "html"})
    assert b"Shapefile of a_layer" in page.get_body()
    assert b"is &#39;populatio&#39;" in page.get_body()
