"""Sources that are read where they lie: one blob, one version, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioIOError

from core.errors import PermanentTaskError, TransientError
from core.task_models.raster_validation import ReadingOptions, ValidateRasterParameters
from services.context import TaskContext
from services.raster.environment import hardened_gdal
from services.raster.reading import open_raster
from services.raster.source import RemoteSource, remote_source
from services.raster.validate import validate_raster
from tests import rasters
from tests.blobs import surroundings
from tests.raster_zones import Zones, open_zones
from tools.stack.azurite import AzuriteServer

SIDE = 2048
READING = ReadingOptions()


@pytest.fixture(scope="module")
def zones(azurite: AzuriteServer) -> Iterator[Zones]:
    with open_zones(azurite) as zones:
        yield zones


@pytest.fixture
def context(zones: Zones, tmp_path: Path) -> TaskContext:
    return surroundings(tmp_path / "work", zones.blobs).context


def noise(path: Path, *, seed: int = 1) -> Path:
    """4 MB that cannot be compressed: too much for GDAL to read along with the header."""
    data = np.random.default_rng(seed).integers(0, 255, (1, SIDE, SIDE), dtype="uint8")
    return rasters.write_geotiff(
        path, width=SIDE, height=SIDE, data=data, tiled=True, blockxsize=256, blockysize=256, nodata=0
    )


def replaced(zones: Zones, uri: str, path: Path) -> None:
    zones.clients.delete(uri)
    zones.clients.upload_new(path, uri, content_type="image/tiff")


def test_the_view_shows_the_blob(zones: Zones, context: TaskContext, tmp_path: Path) -> None:
    path = noise(tmp_path / "a.tif")
    source = remote_source(context, uri=zones.upload(path, "view.tif"), etag=None, reading=READING)
    assert source.gdal_name.startswith("/vsiaz/")
    with hardened_gdal(), open_raster(source, READING) as opened, rasterio.open(path) as file:
        assert np.array_equal(opened.pixels.read(1), file.read(1))


def test_a_report_on_a_blob_that_was_not_downloaded(
    zones: Zones, context: TaskContext, tmp_path: Path
) -> None:
    uri = zones.upload(noise(tmp_path / "a.tif"), "report.tif")
    result = validate_raster(ValidateRasterParameters(source_uri=uri), context)
    assert (result.width, result.source.uri, result.by_ranges) == (SIDE, uri, True)
    assert list(context.workspace.iterdir()) == []


def test_a_file_cut_off_in_transfer(zones: Zones, context: TaskContext, tmp_path: Path) -> None:
    path = rasters.truncated(tmp_path / "a.tif", compress="DEFLATE")
    parameters = ValidateRasterParameters(source_uri=zones.upload(path, "cut.tif"))
    with pytest.raises(PermanentTaskError) as caught:
        validate_raster(parameters, context)
    assert caught.value.code == "RASTER_UNREADABLE"


@pytest.fixture
def hostile(zones: Zones, context: TaskContext, tmp_path: Path) -> RemoteSource:
    """Names another blob of ours as its overviews, which holds a secret."""
    secret = rasters.write_geotiff(
        tmp_path / "secret.tif", width=512, height=512, data=np.full((1, 512, 512), 201, dtype="uint8")
    )
    name = zones.blobs.gdal_path(zones.upload(secret, f"{tmp_path.name}/secret.tif"))
    path = rasters.naming_foreign_overviews(
        tmp_path / "a.tif", target=name, width=1024, height=1024, data=np.ones((1, 1024, 1024), dtype="uint8")
    )
    uri = zones.upload(path, f"{tmp_path.name}/a.tif")
    return remote_source(context, uri=uri, etag=None, reading=READING)


def test_no_other_blob_is_read(zones: Zones, hostile: RemoteSource) -> None:
    with hardened_gdal(), open_raster(hostile, READING) as opened:
        assert set(np.unique(opened.pixels.read(1, out_shape=(512, 512)))) == {1}
    with rasterio.Env(**zones.blobs.gdal_options()), rasterio.open(hostile.gdal_name) as dataset:
        assert set(np.unique(dataset.read(1, out_shape=(512, 512)))) == {201}, "the negative control"


def test_no_other_blob_can_be_read(hostile: RemoteSource) -> None:
    """The layer behind: with the very credentials, GDAL is let to one blob."""
    with hardened_gdal(), rasterio.Env(**hostile.options):
        with rasterio.open(hostile.gdal_name, driver="GTiff") as dataset:
            assert dataset.overviews(1) == []
        with pytest.raises(RasterioIOError, match="does not exist"):
            rasterio.open(hostile.gdal_name.replace("a.tif", "secret.tif"), driver="GTiff")


def test_a_blob_that_is_replaced_before_it_is_opened(
    zones: Zones, context: TaskContext, tmp_path: Path
) -> None:
    uri = zones.upload(noise(tmp_path / "a.tif"), "before.tif")
    source = remote_source(context, uri=uri, etag=None, reading=READING)
    replaced(zones, uri, noise(tmp_path / "b.tif", seed=2))
    with pytest.raises(PermanentTaskError) as caught, hardened_gdal(), open_raster(source, READING):
        pass
    assert caught.value.code == "SOURCE_CHANGED"


def test_a_blob_that_is_replaced_while_it_is_read(zones: Zones, context: TaskContext, tmp_path: Path) -> None:
    """Not one pixel of another version: the request for it carries the ETag of the first. And no zeros."""
    uri = zones.upload(noise(tmp_path / "a.tif"), "while.tif")
    source = remote_source(context, uri=uri, etag=None, reading=READING)

    def read_while_it_is_replaced() -> None:
        # With several threads, GDAL would go on without the blocks that it could not fetch.
        threads = rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS")
        with hardened_gdal(), threads, open_raster(source, READING) as opened:
            replaced(zones, uri, noise(tmp_path / "b.tif", seed=2))
            opened.pixels.read(1)

    with pytest.raises(PermanentTaskError) as caught:
        read_while_it_is_replaced()
    assert caught.value.code == "SOURCE_CHANGED"


def test_a_version_that_is_no_longer_there(zones: Zones, context: TaskContext, tmp_path: Path) -> None:
    uri = zones.upload(noise(tmp_path / "a.tif"), "old.tif")
    with pytest.raises(PermanentTaskError) as caught:
        remote_source(context, uri=uri, etag='"0x0"', reading=READING)
    assert caught.value.code == "SOURCE_CHANGED"


def test_a_storage_that_does_not_answer_is_no_damage(
    zones: Zones, context: TaskContext, tmp_path: Path
) -> None:
    source = remote_source(
        context, uri=zones.upload(noise(tmp_path / "a.tif"), "quiet.tif"), etag=None, reading=READING
    )
    silent = "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;BlobEndpoint=http://127.0.0.1:9/x;"
    options = dict(source.options) | {"AZURE_STORAGE_CONNECTION_STRING": silent, "GDAL_HTTP_MAX_RETRY": "0"}
    with (
        pytest.raises(TransientError) as caught,
        hardened_gdal(),
        open_raster(replace(source, options=options), READING),
    ):
        pass
    assert caught.value.code == "STORAGE_TIMEOUT"


def test_credentials_are_not_shown(zones: Zones, context: TaskContext, tmp_path: Path) -> None:
    source = remote_source(
        context, uri=zones.upload(noise(tmp_path / "a.tif"), "shown.tif"), etag=None, reading=READING
    )
    assert "AccountKey" in str(source.options), "they are there"
    assert "AccountKey" not in repr(source)


def test_formats_that_cannot_be_read_in_parts(zones: Zones, context: TaskContext, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04" + bytes(60))
    with pytest.raises(PermanentTaskError) as caught:
        remote_source(context, uri=zones.upload(path, "a.zip"), etag=None, reading=READING)
    assert caught.value.code == "UNSUPPORTED_FORMAT"
