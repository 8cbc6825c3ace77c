"""The first task of `ingest_vector`, without a database."""

from pathlib import Path

import pytest

from core.errors import NotFound, PermanentTaskError, TaskCancelled
from core.task_models.vector import IngestVectorParameters
from services.vector import source_file
from services.vector.documents import read_plan
from services.vector.prepare import prepare
from tests.blobs import DirectoryBlobStore
from tests.staging import surroundings_with_tables
from tests.vectors import geojson, points, write_geopackage

URI = "azure://bronze/in/places.geojson"


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(tmp_path / "blobs")


def parameters(**changes: str) -> IngestVectorParameters:
    given = {"source_uri": URI, "target_prefix": "azure://silver/x", **changes}
    return IngestVectorParameters.model_validate(given)


def test_the_plan_lies_in_a_temporary_blob(storage: DirectoryBlobStore, tmp_path: Path) -> None:
    blob = storage.put(URI, geojson(points(3), {"a": 1}))
    around = surroundings_with_tables(tmp_path / "work", storage)
    made = prepare(parameters(), around.context)
    plan = read_plan(storage, made.plan_uri)

    assert (plan.source.etag, plan.source.size_bytes) == (blob.etag, blob.size_bytes)
    (table,), (planned,) = plan.tables, made.tables
    assert (table.feature_count, table.table, len(table.chunks)) == (3, planned.table, 1)
    assert sorted(around.artefacts.temporary) == sorted([made.plan_uri, table.chunks[0].uri])


def test_whatever_is_made_was_announced_before(storage: DirectoryBlobStore, tmp_path: Path) -> None:
    storage.put(URI, geojson([*points(1), *points(1)], {"a": 1}))
    around = surroundings_with_tables(tmp_path / "work", storage)
    plan = read_plan(storage, prepare(parameters(), around.context).plan_uri)

    (table,) = plan.tables
    names = {table.table, table.chunks[0].uri, table.duplicates_uri}
    assert names < {name for name, was_there in around.artefacts.announced if not was_there}
    assert not [name for name, was_there in around.artefacts.announced if was_there]


def test_progress_goes_up_to_the_end(storage: DirectoryBlobStore, tmp_path: Path) -> None:
    source = write_geopackage(tmp_path / "many.gpkg", points(40_000))
    storage.put("azure://bronze/many.gpkg", source.read_bytes())
    around = surroundings_with_tables(tmp_path / "work", storage)
    prepare(parameters(source_uri="azure://bronze/many.gpkg"), around.context)

    assert around.progress == sorted(around.progress)
    assert len(around.progress) > 3
    assert around.progress[-1] == 1.0


def test_a_cancelled_task_stops_while_it_reads(storage: DirectoryBlobStore, tmp_path: Path) -> None:
    storage.put(URI, geojson(points(3)))
    around = surroundings_with_tables(tmp_path / "work", storage, cancel_at=0.1)

    with pytest.raises(TaskCancelled):
        prepare(parameters(), around.context)


def test_a_source_that_is_not_there(storage: DirectoryBlobStore, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        prepare(parameters(), surroundings_with_tables(tmp_path / "work", storage).context)

    assert caught.value.code == "SOURCE_NOT_FOUND"


def test_a_source_that_is_not_the_one_submitted(storage: DirectoryBlobStore, tmp_path: Path) -> None:
    old = storage.put(URI, geojson(points(3)))
    storage.put(URI, geojson(points(4)))

    with pytest.raises(PermanentTaskError) as caught:
        prepare(
            parameters(source_etag=old.etag), surroundings_with_tables(tmp_path / "work", storage).context
        )
    assert caught.value.code == "SOURCE_CHANGED"


def test_a_source_that_is_too_large_is_not_downloaded(
    storage: DirectoryBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.put(URI, geojson(points(3)))
    monkeypatch.setattr(source_file, "MAX_SOURCE_BYTES", 10)

    with pytest.raises(PermanentTaskError) as caught:
        prepare(parameters(), surroundings_with_tables(tmp_path / "work", storage).context)
    assert caught.value.code == "SOURCE_TOO_LARGE"
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize(
    "target_crs", ["4326", "EPSG:4326 ", "http://x", "EPSG:43266666", "epsg:4326", "+proj=longlat"]
)
def test_the_target_crs_is_an_epsg_code(target_crs: str) -> None:
    with pytest.raises(ValueError, match="target_crs"):
        parameters(target_crs=target_crs)


@pytest.mark.parametrize("target_crs", ["EPSG:999999", "EPSG:5773", "EPSG:4979"])
def test_the_target_crs_is_a_two_dimensional_map_crs(
    storage: DirectoryBlobStore, tmp_path: Path, target_crs: str
) -> None:
    storage.put(URI, geojson(points(3)))

    with pytest.raises(PermanentTaskError) as caught:
        prepare(
            parameters(target_crs=target_crs), surroundings_with_tables(tmp_path / "work", storage).context
        )
    assert caught.value.code == "CRS_UNKNOWN"
