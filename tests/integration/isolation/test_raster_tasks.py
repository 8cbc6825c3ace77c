"""The shipped raster handlers in children: same results, same refusals, several at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import services.registry
from core.errors import PermanentTaskError
from core.task_models.raster_cog import CreateCogParameters, ProcessRasterResult
from core.task_models.raster_validation import ValidateRasterParameters
from services.isolation.runner import TaskRunner
from tests.blobs import DirectoryBlobStore, surroundings
from tests.integration.isolation import raster_surroundings
from tests.rasters import rgb, write_geotiff

HANDLERS = services.registry.discover()


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(tmp_path / "blobs")


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskRunner]:
    monkeypatch.setenv(raster_surroundings.VARIABLE, str(tmp_path / "blobs"))
    runner = TaskRunner(surroundings=raster_surroundings.open_surroundings, handlers=HANDLERS)
    yield runner
    runner.close()


def test_cogs_made_in_children_are_those_made_here(
    runner: TaskRunner, storage: DirectoryBlobStore, tmp_path: Path
) -> None:
    source = storage.put("azure://bronze/a.tif", rgb(tmp_path / "a.tif", width=700, height=600).read_bytes())
    here = surroundings(tmp_path / "here", storage).context

    def create(number: int) -> ProcessRasterResult:
        """Number 0 in this process, after the others were forked from one that had GDAL loaded as well."""
        parameters = CreateCogParameters(source_uri=source.uri, target_prefix=f"azure://silver/{number}")
        handler = HANDLERS["create_cog"]
        (workspace := tmp_path / f"work{number}").mkdir()
        result = runner(
            replace(handler, isolated=number > 0), parameters, replace(here, open_workspace=lambda: workspace)
        )
        assert isinstance(result, ProcessRasterResult)
        return result

    with ThreadPoolExecutor(4) as pool:
        in_children = list(pool.map(create, range(1, 5)))
    in_process = create(0)
    assert {result.sha256 for result in in_children} == {in_process.sha256}
    assert {result.proof for result in in_children} == {in_process.proof}
    assert all(storage.info(result.blob_uri) for result in in_children)


def test_a_refusal_comes_back_as_it_is(
    runner: TaskRunner, storage: DirectoryBlobStore, tmp_path: Path
) -> None:
    blank = write_geotiff(tmp_path / "b.tif", nodata=1.0, data=None, crs=None)
    source = storage.put("azure://bronze/b.tif", blank.read_bytes())
    context = surroundings(tmp_path / "work", storage).context
    with pytest.raises(PermanentTaskError) as caught:
        runner(HANDLERS["validate_raster"], ValidateRasterParameters(source_uri=source.uri), context)
    assert caught.value.code == "CRS_MISSING"
    assert caught.value.remedy
