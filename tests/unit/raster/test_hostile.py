"""Files that make GDAL read something else: what it would do by default, and what it does here."""

import socket
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

from core.errors import PermanentTaskError
from services.raster.environment import hardened_gdal, open_geotiff
from tests import rasters
from tests.unit.raster.conftest import Bench

SECRET = 201


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A raster of half the size, as an overview would be, that no client may see."""
    data = np.full((1, 512, 512), SECRET, dtype="uint8")
    return rasters.write_geotiff(tmp_path / "secret.tif", width=512, height=512, data=data)


@pytest.fixture
def hostile(tmp_path: Path, secret: Path) -> Path:
    """Names the secret as its overviews."""
    return rasters.naming_foreign_overviews(
        tmp_path / "a.tif",
        target=str(secret),
        width=1024,
        height=1024,
        data=np.ones((1, 1024, 1024), dtype="uint8"),
    )


def overview_values(path: Path) -> set[int]:
    with rasterio.open(path, OVERVIEW_LEVEL=0) as overview:
        return set(np.unique(overview.read()).tolist())


def test_gdal_alone_copies_the_secret_into_the_cog(hostile: Path, tmp_path: Path) -> None:
    """The negative control: without our layers the file does what it was made for."""
    copy(hostile, tmp_path / "leak.tif", driver="COG")
    assert SECRET in overview_values(tmp_path / "leak.tif")


def test_foreign_overviews_are_not_copied(bench: Bench, hostile: Path) -> None:
    _, cog = bench.create(hostile)
    assert overview_values(cog) == {1}
    assert b"OVERVIEW_FILE" not in cog.read_bytes()


def test_overviews_are_hidden_at_opening(hostile: Path) -> None:
    with rasterio.open(hostile, driver="GTiff") as dataset:
        assert dataset.overviews(1) == [2], "the negative control"
    with hardened_gdal(), open_geotiff(hostile) as raster:
        assert raster.pixels.overviews(1) == []
        assert set(np.unique(raster.pixels.read(1, out_shape=(512, 512)))) == {1}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_virtual_raster_named_tif_is_refused(bench: Bench, secret: Path) -> None:
    path = rasters.virtual_raster(bench.files / "a.tif", source=secret)
    with rasterio.open(path) as dataset:
        assert SECRET in dataset.read(), "the negative control"
    assert bench.refusal(path).code == "CONTENT_MISMATCH"


def test_only_the_geotiff_driver_opens_a_source(tmp_path: Path, secret: Path) -> None:
    """The layer behind the look at the first bytes."""
    path = rasters.virtual_raster(tmp_path / "a.tif", source=secret)
    with pytest.raises(PermanentTaskError) as caught, open_geotiff(path):
        pass
    assert caught.value.code == "RASTER_UNREADABLE"


def was_called(server: socket.socket) -> bool:
    """Has anybody connected since the last look?"""
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


def test_foreign_overviews_are_not_fetched(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"/vsicurl/http://127.0.0.1:{server.getsockname()[1]}/a.tif"
        hostile = rasters.naming_foreign_overviews(bench.files / "a.tif", target=url)
        bench.create(hostile)
        assert not was_called(server)
        with rasterio.Env(GDAL_HTTP_TIMEOUT="1", GDAL_HTTP_MAX_RETRY="0"), rasterio.open(hostile) as dataset:
            dataset.overviews(1)
        assert was_called(server), "the negative control: GDAL alone asks"
