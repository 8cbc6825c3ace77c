"""The worst of the hostile rasters, through the shipped handlers in children: the host goes on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import services.registry
from core.errors import TaskError
from core.task_models.raster_cog import CreateCogParameters, ProcessRasterResult
from core.task_models.raster_validation import ValidateRasterParameters, ValidateRasterResult
from services.isolation.runner import TaskRunner
from tests.blobs import DirectoryBlobStore, surroundings
from tests.hostile_rasters import CORPUS, Hostile
from tests.integration.isolation import raster_surroundings
from tests.rasters import rgb, write_geotiff

HANDLERS = services.registry.discover()
NASTY = {
    "200,000 x 200,000 of nothing", "one tile many times", "one tile of a gigabyte", "65,535 bands",
    "a list of 4 billion blocks", "4 billion pixels a side", "block behind the end, by overflow",
    "damaged LERC", "JPEG 2000, damaged", "JPEG 2000 bomb", "PNG bomb", "zip bomb",
    "control points around the globe", "RPCs of zeros",
}  # fmt: skip


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(tmp_path / "blobs")


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskRunner]:
    monkeypatch.setenv(raster_surroundings.VARIABLE, str(tmp_path / "blobs"))
    runner = TaskRunner(surroundings=raster_surroundings.open_surroundings, handlers=HANDLERS)
    yield runner
    runner.close()


@pytest.fixture
def hostile(tmp_path: Path, storage: DirectoryBlobStore) -> list[tuple[Hostile, str]]:
    """With the URI of each."""
    chosen = [one for one in CORPUS if one.what in NASTY]
    assert len(chosen) == len(NASTY)
    return [
        (one, storage.put(f"azure://bronze/{number}/{one.name}", one.make(tmp_path)).uri)
        for number, one in enumerate(chosen)
    ]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_neighbours_of_hostile_files_go_on(
    runner: TaskRunner, storage: DirectoryBlobStore, hostile: list[tuple[Hostile, str]], tmp_path: Path
) -> None:
    context = surroundings(tmp_path / "work", storage).context
    good = storage.put("azure://bronze/good.tif", rgb(tmp_path / "good.tif").read_bytes()).uri

    def refused(one: Hostile, uri: str) -> tuple[str, str, str]:
        (workspace := tmp_path / f"work_{uri.split('/')[-2]}").mkdir()
        with pytest.raises(TaskError) as caught:
            runner(
                HANDLERS["validate_raster"],
                ValidateRasterParameters(source_uri=uri),
                replace(context, open_workspace=lambda: workspace),
            )
        return one.what, one.code, caught.value.code

    def converted(number: int) -> ProcessRasterResult:
        (workspace := tmp_path / f"good_{number}").mkdir()
        parameters = CreateCogParameters(source_uri=good, target_prefix=f"azure://silver/{number}")
        result = runner(
            HANDLERS["create_cog"], parameters, replace(context, open_workspace=lambda: workspace)
        )
        assert isinstance(result, ProcessRasterResult)
        return result

    with ThreadPoolExecutor(3) as pool:
        neighbours = [pool.submit(converted, number) for number in range(2)]
        found = list(pool.map(lambda pair: refused(*pair), hostile))
        assert len({neighbour.result().sha256 for neighbour in neighbours}) == 1
    assert [(what, code) for what, _, code in found] == [(what, code) for what, code, _ in found]


def test_a_raster_that_needs_more_memory_than_there_is(
    runner: TaskRunner, storage: DirectoryBlobStore, tmp_path: Path
) -> None:
    """One tile of 192 MB, legal, in a child that has no room for it; the next task finds all as before."""
    data = np.zeros((3, 8_000, 8_000), dtype="uint8")
    large = write_geotiff(
        tmp_path / "large.tif", width=8_000, height=8_000, bands=3, data=data, compress="ZSTD",
        interleave="pixel", tiled=True, blockxsize=8_000, blockysize=8_000,
    )  # fmt: skip
    context = surroundings(tmp_path / "work", storage).context
    parameters = ValidateRasterParameters(
        source_uri=storage.put("azure://bronze/large.tif", large.read_bytes()).uri
    )
    validate = HANDLERS["validate_raster"]
    with pytest.raises(TaskError) as caught:
        runner(replace(validate, memory_limit_bytes=96 * 2**20), parameters, context)
    assert caught.value.code == "OUT_OF_MEMORY"
    assert isinstance(runner(validate, parameters, context), ValidateRasterResult)
