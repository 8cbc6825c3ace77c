"""Chains of vectors: tables become collections, their files endpoints, and what was rejected is said."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from geo_platform.states import RequestStatus
from infrastructure.repositories.published_tables import publish_table
from tests.integration.platform.platform_under_test import BASE, PlatformUnderTest
from tests.integration.platform.stored import counts, delete_dataset, published

LAYERS = {"layers": ["a", "huge", "rejects"]}
PLACES = ("features", "items", "vector_tiles", "tilejson")


def served(hub: PlatformUnderTest) -> list[dict[str, Any]]:
    """What the serving apps find, as their role; each table was read."""
    with psycopg.connect(hub.urls.reader, row_factory=dict_row) as reader:
        query = "SELECT * FROM platform.published_collections ORDER BY dataset_key, position"
        found = reader.execute(query).fetchall()
        for row in found:
            for name in filter(None, (row["table_name"], row["generalised_name"], row["overview_name"])):
                assert reader.execute(f'SELECT count(*) AS n FROM geo."{name}"').fetchone() == {"n": 1}
    return found


def test_every_layer_is_a_collection(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(processing_config=LAYERS).answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    collections = served(hub)
    assert [(row["layer"], row["position"]) for row in collections] == [("a", 0), ("huge", 1), ("rejects", 2)]
    assert {row["request_id"] for row in collections} == {request_id}
    assert {row["dataset_collection_id"] for row in collections} == {status.collection_id}
    assert [row["title"].rpartition(" / ")[2] for row in collections] == LAYERS["layers"]
    ids = [row["collection_id"] for row in collections]
    assert len({status.collection_id, *ids}) == 4
    assert [row["table_name"] for row in collections] == [f"{name}_r1" for name in ids]
    assert [row["generalised_name"] for row in collections] == [None, f"{ids[1]}_r1_g", None]
    assert [row["overview_name"] for row in collections] == [None, f"{ids[1]}_r1_o", None]
    assert collections[1]["characteristics"]["overview_zoom"] == 5
    assert collections[2]["characteristics"]["reasons"] == {"INVALID_GEOMETRY": 1}
    assert not {"table", "generalised", "overview"} & set(collections[1]["characteristics"])
    assert published(hub, status.collection_id)["table_name"] == f"{ids[0]}_r1"


def test_the_status_names_every_collection(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(processing_config=LAYERS).answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    assert status.endpoints
    assert status.data_characteristics
    listed = status.data_characteristics["collections"]
    assert [each["layer"] for each in listed] == LAYERS["layers"]
    for each in listed:
        place = f"{BASE}/api/ogc/features/collections/{each['collection_id']}"
        assert (each["features"], each["items"]) == (place, f"{place}/items")
        assert each["tilejson"].startswith(f"{place}/tiles/")
    first = {name: status.endpoints[name] for name in PLACES}
    assert first == {name: listed[0][name] for name in PLACES}
    assert status.endpoints["report"] == f"{BASE}/api/platform/requests/{request_id}/report?f=html"


def test_a_file_of_one_layer_is_the_dataset_itself(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    (row,) = served(hub)
    assert row["collection_id"] == status.collection_id
    assert row["title"] == "flood-2024 / extent / v1.0"
    assert status.endpoints
    assert not {"rejects", "tile_cache"} & set(status.endpoints)
    assert status.completed_with_errors is False


def test_what_was_rejected_is_said(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(processing_config=LAYERS).answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    assert status.status is RequestStatus.COMPLETED
    assert status.completed_with_errors is True
    assert status.warnings[0] == "1 of 4 features was rejected; see the report."
    assert status.message == f"Published. {status.warnings[0]}"
    assert status.endpoints
    assert status.endpoints["rejects"] == f"{BASE}/api/platform/data/{request_id}/download?f=rejects"
    place = published(hub, status.collection_id)["data_locations"]["rejects"]
    assert place == f"azure://silver/vectors/{status.collection_id}/r1/rejects.gpkg"
    assert "azure://silver" not in status.model_dump_json()


def test_the_report_has_the_quality_of_every_table(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(processing_config={**LAYERS, "exports": ["fgb"]}).answer.request_id
    hub.run_chain(request_id)

    report = hub.router.report(request_id)
    assert report.processing
    tables = report.processing["tables"]
    assert [table["read_count"] for table in tables] == [1, 1, 2]
    assert all(t["read_count"] == t["feature_count"] + t["rejected_count"] for t in tables)
    assert tables[0]["columns"] == [{"name": "name", "sql_type": "text", "source_name": "Name"}]
    assert {"digest", "steps", "repairs", "operation", "accuracy"} <= set(tables[0])
    assert report.missing.count == 1
    assert report.missing.parts == ({"layer": "rejects", "code": "INVALID_GEOMETRY", "count": 1},)
    assert {(finding.code, finding.context.get("layer")) for finding in report.findings} == {
        ("CRS_ASSUMED", None),
        ("SHORT_NAME", "a"),
    }
    assert report.derived["export_vector"]["exports"][0]["sha256"] == "3" * 64
    assert {link.rel for link in report.links} >= {"self", "alternate", "rejects", "enclosure"}
    staged = [row["location"] for row in hub.rows("SELECT location FROM app.artefacts")]
    assert not [place for place in staged if f'"{place}"' in report.model_dump_json()]


def test_files_that_were_made_beforehand_are_offered(hub: PlatformUnderTest) -> None:
    options = {"exports": ["gpkg", "csv"], "generate_tile_cache": True}
    request_id = hub.submit(processing_config=options).answer.request_id
    hub.run_chain(request_id)

    status = hub.router.status(request_id)
    download = f"{BASE}/api/platform/data/{request_id}/download"
    assert status.endpoints
    offered = {name: url for name, url in status.endpoints.items() if url.startswith(f"{download}?")}
    assert offered == {
        **{f"download_{each}": f"{download}?f={each}" for each in ("gpkg", "csv", "pmtiles")},
        "tile_cache": f"{download}?f=pmtiles",
    }
    kept = published(hub, status.collection_id)["data_locations"]["exports"]
    assert set(kept) == {"gpkg", "csv", "pmtiles"}
    assert hub.value("SELECT count(*) FROM app.artefacts WHERE state = 'published' AND kind = 'blob'") == 3


def test_the_next_revision_has_tables_of_its_own(hub: PlatformUnderTest) -> None:
    """A reader in the middle of the old one delays nothing, and goes on."""
    first = hub.submit(processing_config=LAYERS).answer.request_id
    hub.run_chain(first)
    before = served(hub)
    delete_dataset(hub)
    second = hub.submit(processing_config={"layers": ["a", "new"]}).answer.request_id
    with psycopg.connect(hub.urls.reader) as reader:
        query = f'SELECT count(*) FROM geo."{before[1]["table_name"]}"'
        assert reader.execute(query).fetchone() == (1,)
        hub.run_chain(second)
        assert reader.execute(query).fetchone() == (1,)

    after = served(hub)
    assert [row["layer"] for row in after] == ["a", "new"]
    assert after[0]["collection_id"] == before[0]["collection_id"]
    assert after[0]["table_name"] == before[0]["table_name"].replace("_r1", "_r2")
    old = hub.rows("SELECT state, kind FROM app.artefacts WHERE published_as LIKE '%%_r1%%'")
    assert [row["state"] for row in old] == ["retired"] * 5


def test_a_dataset_that_becomes_a_raster_has_no_collections_any_more(hub: PlatformUnderTest) -> None:
    hub.run_chain(hub.submit(processing_config=LAYERS).answer.request_id)
    delete_dataset(hub)
    hub.run_chain(hub.submit(request_type="raster", source_path="bronze/dem.tif").answer.request_id)

    assert served(hub) == []
    assert hub.value("SELECT count(*) FROM platform.collections") == 0


def test_a_table_that_nobody_staged_publishes_none_of_them(hub: PlatformUnderTest) -> None:
    request_id = hub.submit(processing_config=LAYERS).answer.request_id
    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    hub.execute("UPDATE app.artefacts SET location = 'other' WHERE location LIKE '%%_1_g'")
    hub.completion.on_job_terminal(hub.run_step(request_id, 1))

    assert hub.router.status(request_id).status is RequestStatus.FAILED
    assert served(hub) == []
    assert hub.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'geo'") == 0


def test_what_its_chunks_have_left_goes_with_the_publication(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.completion.on_job_terminal(hub.run_step(request_id, 0))
    hub.execute(
        "INSERT INTO app.vector_chunks (table_name, chunk_index)"
        " SELECT location, 0 FROM app.artefacts WHERE kind = 'table' AND location NOT LIKE '%%-lost'"
        " UNION SELECT 'another', 0"
    )
    hub.completion.on_job_terminal(hub.run_step(request_id, 1))

    assert [row["table_name"] for row in hub.rows("SELECT table_name FROM app.vector_chunks")] == ["another"]


def test_a_running_request_says_how_many_features_are_loaded(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    job_id = hub.job_of(request_id, 0)
    hub.execute(
        "UPDATE app.jobs SET status = 'processing', stage = 2, started_at = now() WHERE job_id = %(id)s",
        id=job_id,
    )
    hub.execute(
        "INSERT INTO app.stages (job_id, number, name, task_type, task_count)"
        " VALUES (%(id)s, 1, 'prepare', 'process_vector_prepare', 1),"
        " (%(id)s, 2, 'upload', 'process_vector_upload', 31)",
        id=job_id,
    )
    planned = {"tables": [{"feature_count": 1_500_000}, {"feature_count": 500_000}]}
    _add_task(hub, job_id, stage=1, result=planned)
    for number in range(2):
        _add_task(hub, job_id, stage=2, number=number, result={"loaded": 624_990, "rejected": 10})

    message = hub.router.status(request_id).message
    assert message
    assert "1,250,000 of 2,000,000" in message


def _add_task(
    hub: PlatformUnderTest, job_id: str, *, stage: int, result: dict[str, Any], number: int = 0
) -> None:
    hub.execute(
        "INSERT INTO app.tasks (task_id, job_id, stage, task_index, task_type, target_queue, parameters,"
        " status, attempt, max_attempts, finished_at, result)"
        " VALUES (%(task)s, %(job)s, %(stage)s, %(number)s, 't', 'q', '{}', 'completed', 1, 3, now(),"
        " %(result)s)",
        task=f"{job_id[:16]}-{stage}-{number}",
        job=job_id,
        stage=stage,
        number=number,
        result=json.dumps(result),
    )


# -- beside older code ----------------------------------------------------------------------------

OLD_OPTIONS = {"layer": None, "target_crs": "EPSG:4326"}


def old_summary(table: str) -> dict[str, Any]:
    """As version 0.1 wrote the result of `ingest_vector`."""
    return {
        "table": table,
        "srid": 4326,
        "source_crs": "EPSG:4326",
        "geometry_type": "Point",
        "feature_count": 1,
        "null_geometry_count": 0,
        "bbox": [1.0, 2.0, 1.0, 2.0],
        "columns": [{"name": "name", "sql_type": "text", "source_name": "Name"}],
        "source": {"uri": "u", "size_bytes": 9, "etag": "e", "driver": "GPKG", "layer": "extent"},
        "warnings": [],
    }


def as_older_code_published(hub: PlatformUnderTest, request_id: str) -> str:
    """Turn what was published into what older code leaves: one table under the dataset's name."""
    collection_id = hub.router.status(request_id).collection_id
    with psycopg.connect(hub.urls.app) as connection:
        connection.execute(f'ALTER TABLE geo."{collection_id}_r1" RENAME TO "{collection_id}"')
        connection.execute("DELETE FROM platform.collections")
        connection.execute("UPDATE app.artefacts SET published_as = NULL")
        connection.execute(
            "UPDATE app.datasets"
            " SET data_locations = data_locations || jsonb_build_object('table', collection_id),"
            " data_characteristics = %s",
            [json.dumps({"feature_count": 1, "geometry_type": "Point"})],
        )
    return collection_id


def test_what_older_code_published_is_served_as_a_collection(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.run_chain(request_id)
    collection_id = as_older_code_published(hub, request_id)

    (row,) = served(hub)
    assert (row["collection_id"], row["table_name"]) == (collection_id, collection_id)
    assert (row["title"], row["position"]) == ("flood-2024 / extent / v1.0", 0)
    assert row["characteristics"]["geometry_type"] == "Point"


def test_older_code_may_publish_after_newer_code(hub: PlatformUnderTest) -> None:
    """A rollback: the rows of the newer revision are still there, and nobody is led to them."""
    hub.run_chain(hub.submit(processing_config=LAYERS).answer.request_id)
    delete_dataset(hub)
    second = hub.submit().answer.request_id
    hub.completion.on_job_terminal(hub.run_step(second, 0))
    kept = hub.rows("SELECT * FROM platform.collections")
    hub.run_step(second, 1)
    hub.completion.on_job_terminal(hub.job_of(second, 1))
    collection_id = hub.router.status(second).collection_id
    with psycopg.connect(hub.urls.app) as connection:
        connection.execute(f'ALTER TABLE geo."{collection_id}_r2" RENAME TO "{collection_id}"')
        connection.execute("DELETE FROM platform.collections")
        connection.execute(
            "UPDATE app.datasets"
            " SET data_locations = data_locations || jsonb_build_object('table', collection_id)"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO platform.collections (collection_id, dataset_key, request_id, position, layer,"
                " title, table_name, characteristics) VALUES (%(collection_id)s, %(dataset_key)s,"
                " %(request_id)s, %(position)s, %(layer)s, %(title)s, %(table_name)s, '{}')",
                [{name: value for name, value in row.items() if name != "characteristics"} for row in kept],
            )

    (row,) = served(hub)
    assert (row["collection_id"], row["request_id"]) == (collection_id, second)


def test_a_request_that_older_code_began_is_published(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.execute(
        "UPDATE platform.requests SET processing_config = %(options)s", options=json.dumps(OLD_OPTIONS)
    )
    job_id = hub.run_step(request_id, 0)
    table = hub.value("SELECT result #>> '{tables,0,table}' FROM app.jobs WHERE job_id = %(id)s", id=job_id)
    hub.end_job(job_id, result=old_summary(table))
    hub.completion.on_job_terminal(job_id)
    hub.completion.on_job_terminal(hub.run_step(request_id, 1))

    status = hub.router.status(request_id)
    assert status.status is RequestStatus.COMPLETED
    assert status.data_characteristics
    assert status.data_characteristics["collections"][0]["layer"] == "extent"
    (row,) = served(hub)
    assert row["characteristics"]["read_count"] == 1
    assert hub.router.report(request_id).missing.count == 0


def test_the_same_options_as_before_are_the_same_request(hub: PlatformUnderTest) -> None:
    request_id = hub.submit().answer.request_id
    hub.execute(
        "UPDATE platform.requests SET processing_config = %(options)s, fingerprint = 'of older code'",
        options=json.dumps(OLD_OPTIONS),
    )
    again = hub.submit()
    assert (again.replayed, again.answer.request_id) == (True, request_id)
    assert counts(hub)["requests"] == 1


def test_a_name_that_is_taken_in_geo_is_no_table_of_ours(hub: PlatformUnderTest) -> None:
    with psycopg.connect(hub.urls.app) as connection:
        connection.execute("CREATE TABLE geo.taken (fid bigint)")
        connection.execute("CREATE TABLE staging.t (fid bigint)")
        with pytest.raises(psycopg.errors.DuplicateTable):
            publish_table(connection, "t", "taken")
