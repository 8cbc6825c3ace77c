"""Files that are made when somebody asks for them: the desk, the engine and the task, on a real database."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.errors import NotFound
from core.task_models.vector_export import ExportedFile, ExportFormat, ExportVectorResult
from infrastructure.repositories.datasets import PublicationRepository
from tests.integration.exports.office import Office
from tests.integration.serving.publications import create_squares, publish, publish_squares

Connection = psycopg.Connection[Any]


def states(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT state FROM app.artefacts ORDER BY artefact_id")]


def test_a_file_is_made_once_and_kept(office: Office, connection: Connection) -> None:
    request_id = publish_squares(connection, "squares", count=10)

    first = office.desk.ask(request_id, ExportFormat.GEOPACKAGE)
    second = office.desk.ask(request_id, ExportFormat.GEOPACKAGE)
    office.engine.run()
    done = office.desk.ask(request_id, ExportFormat.GEOPACKAGE)
    again = office.desk.ask(request_id, ExportFormat.GEOPACKAGE, collection_id="squares")

    assert (first.file, first.error, first.export_id) == (None, None, second.export_id)
    assert connection.execute("SELECT count(*) FROM app.jobs").fetchone() == (1,)
    assert done.file
    assert (done.file.feature_count, done.share) == (13, 1.0)
    assert office.blobs.info(done.file.blob_uri).size_bytes == done.file.size_bytes
    assert Path(done.file.blob_uri).name == "squares.gpkg"
    assert done.file.blob_uri.startswith("azure://silver/vectors/squares/r1/exports/")
    assert again == done  # the only collection is all of them
    assert states(connection) == ["published"]


def test_who_asks_at_the_same_time_gets_the_same_job(office: Office, connection: Connection) -> None:
    request_id = publish_squares(connection, "squares")

    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(office.desk.ask, request_id, ExportFormat.CSV) for _ in range(8)]

    assert len({each.result().export_id for each in asked}) == 1
    assert connection.execute("SELECT count(*) FROM app.jobs").fetchone() == (1,)
    assert connection.execute("SELECT attempt FROM platform.exports").fetchall() == [(1,)]


def test_a_file_of_the_chain_is_there_without_a_job(office: Office, connection: Connection) -> None:
    request_id = publish_squares(connection, "squares")
    file = ExportedFile(
        format=ExportFormat.GEOPACKAGE,
        blob_uri="azure://silver/vectors/squares/r1/exports/a1/squares.gpkg",
        size_bytes=1,
        sha256="0" * 64,
        media_type="application/geopackage+sqlite3",
        feature_count=3,
    )
    result = ExportVectorResult(exports=(file,)).model_dump_json()
    connection.execute(
        "INSERT INTO app.jobs (job_id, job_type, parameters, status, total_stages, result, finished_at)"
        " VALUES ('j', 'export_vector', '{}', 'completed', 1, %s, now())",
        (result,),
    )
    connection.execute("INSERT INTO platform.request_jobs VALUES (%s, 1, 'j')", (request_id,))

    assert office.desk.ask(request_id, ExportFormat.GEOPACKAGE).file == file
    assert office.desk.ask(request_id, ExportFormat.CSV).file is None  # that one is begun


def test_a_file_is_retired_with_its_revision(office: Office, connection: Connection) -> None:
    request_id = publish_squares(connection, "squares")
    office.desk.ask(request_id, ExportFormat.CSV)
    office.engine.run()
    assert office.desk.ask(request_id, ExportFormat.CSV).file
    [(dataset_key,)] = connection.execute("SELECT dataset_key FROM app.datasets").fetchall()

    with office.engine.database.connection() as transaction:
        PublicationRepository(transaction).retire(dataset_key, request_id="the next one")

    assert states(connection) == ["retired"]


def test_a_file_that_came_too_late_is_not_published(office: Office, connection: Connection) -> None:
    request_id = publish_squares(connection, "squares")
    office.desk.ask(request_id, ExportFormat.CSV)
    office.engine.run()
    create_squares(connection, "squares_r2")
    publish(connection, "squares", locations={"table": "squares_r2"}, characteristics={}, revision=2)

    with pytest.raises(NotFound) as caught:
        office.desk.ask(request_id, ExportFormat.CSV)

    assert caught.value.code == "GONE"
    assert states(connection) == ["staged"]  # nobody has asked for it in time: it is the sweeper's


def test_what_the_sweeper_took_is_made_again(office: Office, connection: Connection) -> None:
    request_id = publish_squares(connection, "squares")
    office.desk.ask(request_id, ExportFormat.CSV)
    office.engine.run()
    connection.execute("UPDATE app.artefacts SET state = 'discarded'")

    assert office.desk.ask(request_id, ExportFormat.CSV).file is None
    office.engine.run()

    assert office.desk.ask(request_id, ExportFormat.CSV).file
    assert states(connection) == ["discarded", "published"]


def test_a_file_that_cannot_be_made_says_why_and_is_tried_again_on_demand(
    office: Office, connection: Connection
) -> None:
    request_id = publish_squares(connection, "squares")
    connection.execute("UPDATE geo.squares SET geom = NULL")

    office.desk.ask(request_id, ExportFormat.PMTILES)
    office.engine.run()
    failed = office.desk.ask(request_id, ExportFormat.PMTILES)
    assert failed.error
    assert (failed.error["code"], failed.file) == ("NOTHING_TO_DRAW", None)

    connection.execute("UPDATE geo.squares SET geom = ST_SetSRID(ST_Expand(ST_Point(1, 2), 1), 4326)")
    assert office.desk.ask(request_id, ExportFormat.PMTILES).error
    assert office.desk.ask(request_id, ExportFormat.PMTILES, again=True).error is None
    office.engine.run()
    assert office.desk.ask(request_id, ExportFormat.PMTILES).file


def test_several_tables_come_together_or_alone(office: Office, connection: Connection) -> None:
    request_id = publish_squares(connection, "squares")
    create_squares(connection, "more", count=2)
    key = connection.execute("SELECT dataset_key FROM app.datasets").fetchone()
    for position, name in enumerate(("squares", "more")):
        connection.execute(
            "INSERT INTO platform.collections (collection_id, dataset_key, request_id, position, layer,"
            " title, table_name, characteristics) VALUES (%s, %s, %s, %s, %s, 't', %s, %s)",
            (f"squares_{name}", key[0] if key else "", request_id, position, name, name, "{}"),
        )

    found = {}
    for collection in ("", "squares_more"):
        office.desk.ask(request_id, ExportFormat.CSV, collection_id=collection)
        office.engine.run()
        found[collection] = office.desk.ask(request_id, ExportFormat.CSV, collection_id=collection).file

    together, alone = found[""], found["squares_more"]
    assert together
    assert alone
    assert (Path(together.blob_uri).name, together.feature_count) == ("squares_csv.zip", 8)
    assert (Path(alone.blob_uri).name, alone.feature_count) == ("squares_more.csv", 5)
    with pytest.raises(NotFound) as caught:
        office.desk.ask(request_id, ExportFormat.CSV, collection_id="other")
    assert caught.value.code == "COLLECTION_NOT_FOUND"
