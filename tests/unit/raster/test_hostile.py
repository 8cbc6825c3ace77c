"""Files that make GDAL read something else: what it would do by default, and what it does here."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy

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
    with hardened_gdal(), open_geotiff(hostile) as dataset:
        assert dataset.overviews(1) == []
        assert set(np.unique(dataset.read(1, out_shape=(512, 512)))) == {1}


@pytest.mark.parametrize("driver", [None, "GTiff"])
def test_a_virtual_raster_named_tif_is_refused(bench: Bench, secret: Path, driver: str | None) -> None:
    path = rasters.virtual_raster(bench.files / "a.tif", source=secret)
    if driver is None:
        with rasterio.open(path) as dataset:
            assert SECRET in dataset.read(), "the negative control"
    else:
        with pytest.raises(rasterio.errors.RasterioIOError):
            rasterio.open(path, driver=driver)
    assert bench.refusal(path).code == "CONTENT_MISMATCH"


@pytest.fixture
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """A server that notes whoever comes; its URL and what was asked for."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    heard.append(connection.recv(200))
                    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heard
        stop.set()
        thread.join()


def test_foreign_overviews_are_not_fetched(bench: Bench, listener: tuple[str, list[bytes]]) -> None:
    url, heard = listener
    hostile = rasters.naming_foreign_overviews(
        bench.files / "a.tif", target=f"/vsicurl/{url}/a.tif", width=1024, height=1024
    )
    bench.create(hostile)
    assert heard == []
    with rasterio.open(hostile) as dataset:
        dataset.overviews(1)
    assert heard, "the negative control: GDAL alone asks"
