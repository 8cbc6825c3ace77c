"""The same jobs with their native parts in children, as in an app: limits, pickles and forks included."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import PermanentTaskError
from services.isolation.runner import TaskRunner
from tests.blobs import DirectoryBlobStore
from tests.integration.isolation import raster_surroundings
from tests.jobs_in_process import HANDLERS, JobRun
from tests.rasters import write_geotiff


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskRunner]:
    monkeypatch.setenv(raster_surroundings.VARIABLE, str(tmp_path / "blobs"))
    runner = TaskRunner(surroundings=raster_surroundings.open_surroundings, handlers=HANDLERS)
    yield runner
    runner.close()


def test_a_collection_and_its_tile_cache(runner: TaskRunner, tmp_path: Path) -> None:
    storage = DirectoryBlobStore(tmp_path / "blobs")
    for name in ("a", "b"):
        source = write_geotiff(tmp_path / f"{name}.tif", dtype="float32")
        storage.put(f"azure://bronze/c/{name}.tif", source.read_bytes())
    storage.put("azure://bronze/c/broken.tif", b"II*\0")
    job = JobRun(tmp_path / "work", storage, run_task=runner)
    target = {"target_prefix": "azure://silver/d_1/r1"}
    sources = {"sources": {"prefix": "bronze/c"}}
    with pytest.raises(PermanentTaskError) as caught:
        job.run("validate_raster_collection", sources | target)
    assert caught.value.code == "COLLECTION_FILES_REFUSED"
    assert [each["code"] for each in caught.value.context["refused"]] == ["RASTER_UNREADABLE"]

    validated = job.run("validate_raster_collection", sources | target | {"max_failed_fraction": 0.5})
    assert [each["name"] for each in validated["refused"]] == ["broken"]
    processed = job.run("process_raster_collection", target | {"files_uri": validated["files_uri"]})
    assert processed["part_count"] == 2
    mosaic = job.run("create_mosaic_json", target | {"parts_uri": processed["parts_uri"]})
    drawn = {name: mosaic[name] for name in ("mosaic_uri", "overview_uri", "rendering")}
    cache = job.run("generate_tile_cache", target | drawn)
    assert cache["tile_count"] > 0
    assert storage.info(cache["tile_cache_uri"]).size_bytes == cache["size_bytes"]
