"""Files that make GDAL read something else: what it does by default, and what it does here."""

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import MaskFlags
from rasterio.shutil import copy

from core.errors import PermanentTaskError
from core.task_models.raster_validation import ReadingOptions
from services.raster.environment import hardened_gdal
from services.raster.formats import GEOTIFF
from services.raster.reading import open_raster
from services.raster.source import LocalSource
from tests import rasters
from tests.unit.raster_intake.conftest import Intake

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
SECRET = 201
SIDE = 1024
ONES = np.ones((1, SIDE, SIDE), dtype="uint8")
VIRTUAL = (
    '<VRTDataset rasterXSize="512" rasterYSize="512"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
    "<SourceFilename>{secret}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
    "</VRTDataset>"
)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A raster of half the size, as an overview would be, that no client may see."""
    data = np.full((1, 512, 512), SECRET, dtype="uint8")
    return rasters.write_geotiff(tmp_path / "secret.tif", width=512, height=512, data=data)


def ones(path: Path, **options: object) -> Path:
    return rasters.write_geotiff(path, width=SIDE, height=SIDE, data=ONES, **options)  # type: ignore[arg-type]


def naming_the_secret(path: Path, target: str) -> Path:
    return rasters.naming_foreign_overviews(path, target=target, width=SIDE, height=SIDE, data=ONES)


def by_default(path: Path) -> set[int]:
    """What a read at half the resolution gives without our layers: the negative control."""
    with rasterio.open(path) as dataset:
        return set(np.unique(dataset.read(1, out_shape=(512, 512))).tolist())


def here(intake: Intake, path: Path, *, is_downloaded: bool) -> set[int]:
    """The same through ours."""
    with intake.opened(path, is_downloaded=is_downloaded) as opened:
        assert opened.pixels.overviews(1) == []
        assert not any("OVERVIEWS" in space for space in opened.pixels.tag_namespaces())
        return set(np.unique(opened.pixels.read(1, out_shape=(512, 512))).tolist())


@pytest.mark.parametrize("is_downloaded", [True, False])
@pytest.mark.parametrize("name", ["a.tif", "a.jp2"])
def test_overviews_in_another_file(intake: Intake, secret: Path, name: str, is_downloaded: bool) -> None:
    path = naming_the_secret(intake.files / "a.tif", str(secret))
    if name == "a.jp2":
        target = intake.files / name
        copy(path, target, driver="JP2OpenJPEG", WRITE_METADATA="YES", QUALITY="100", REVERSIBLE="YES")
        path = target
    assert by_default(path) == {SECRET}
    assert here(intake, path, is_downloaded=is_downloaded) == {1}


def test_overviews_that_lie_beside_it_in_storage(intake: Intake, secret: Path) -> None:
    path = ones(intake.files / "a.tif")
    uri = intake.put(path)
    intake.put(VIRTUAL.format(secret=secret).encode(), "a.tif.ovr")
    assert by_default(Path(intake.storage.gdal_path(uri))) == {SECRET}
    assert here(intake, path, is_downloaded=False) == {1}


def test_metadata_that_lie_beside_it_in_storage(intake: Intake, secret: Path) -> None:
    path = ones(intake.files / "a.tif")
    uri = intake.put(path)
    intake.put(
        b"<PAMDataset><GeoTransform>1,2,0,3,0,-2</GeoTransform><PAMRasterBand band='1'><NoDataValue>1"
        b"</NoDataValue></PAMRasterBand><Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>"
        + str(secret).encode()
        + b"</MDI></Metadata></PAMDataset>",
        "a.tif.aux.xml",
    )
    with rasterio.open(intake.storage.gdal_path(uri)) as dataset:
        assert (dataset.nodata, dataset.transform.c) == (1, 1), "the negative control"
    with intake.opened(path) as opened:
        assert (opened.pixels.nodata, opened.pixels.transform) == (None, rasters.UTM33_ORIGIN)


def test_a_world_file_that_lies_beside_it_in_storage(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", transform=None, crs=None)
    uri = intake.put(path)
    intake.put(b"10\n0\n0\n-10\n500005\n5299995\n", "a.tfw")
    with rasterio.open(intake.storage.gdal_path(uri)) as dataset:
        assert dataset.transform == rasters.UTM33_ORIGIN, "the negative control"
    assert intake.refusal(path).code == "NO_GEOREFERENCE"


def test_a_mask_that_lies_beside_it_in_storage(intake: Intake) -> None:
    path = ones(intake.files / "a.tif")
    uri = intake.put(path)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="NO"):
        ones(intake.files / "b.tif", finish=lambda dataset: dataset.write_mask(ONES[0] * 0))
    intake.put(intake.files / "b.tif.msk", "a.tif.msk")
    with rasterio.open(intake.storage.gdal_path(uri)) as dataset:
        assert MaskFlags.per_dataset in dataset.mask_flag_enums[0], "the negative control"
    with intake.opened(path) as opened:
        assert opened.pixels.mask_flag_enums == ([MaskFlags.all_valid],)


def test_coefficients_that_lie_beside_it_in_storage(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", transform=None, crs=None)
    uri = intake.put(path)
    with_rpcs = rasters.write_geotiff(
        intake.files / "b.tif",
        transform=None,
        crs=None,
        rpcs=rasters.simple_rpcs(),
        PROFILE="BASELINE",
        RPCTXT="YES",
    )
    intake.put((with_rpcs.parent / "b_RPC.TXT").read_bytes(), "a_RPC.TXT")
    with rasterio.open(intake.storage.gdal_path(uri)) as dataset:
        assert dataset.rpcs is not None, "the negative control"
    assert intake.refusal(path).code == "NO_GEOREFERENCE"


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def was_called(canary: socket.socket) -> bool:
    """Has anybody connected since the last look?"""
    try:
        canary.accept()[0].close()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("is_downloaded", [True, False])
def test_overviews_at_an_address(intake: Intake, canary: socket.socket, is_downloaded: bool) -> None:
    path = naming_the_secret(
        intake.files / "a.tif", f"/vsicurl/http://127.0.0.1:{canary.getsockname()[1]}/a.tif"
    )
    assert here(intake, path, is_downloaded=is_downloaded) == {1}
    assert not was_called(canary)
    with rasterio.Env(GDAL_HTTP_TIMEOUT="1", GDAL_HTTP_MAX_RETRY="0"), rasterio.open(path) as dataset:
        dataset.overviews(1)
    assert was_called(canary), "the negative control: GDAL alone asks"


@pytest.mark.parametrize("driver", [None, "GTiff"])
def test_the_hardened_environment_alone_stays_off_the_network(
    intake: Intake, canary: socket.socket, driver: str | None
) -> None:
    """The layer behind: even where overviews were looked for, nobody would be called."""
    address = f"/vsicurl/http://127.0.0.1:{canary.getsockname()[1]}/b.tif"
    path = naming_the_secret(intake.files / "a.tif", address)
    with hardened_gdal(), rasterio.open(path, driver=driver) as dataset:
        assert dataset.overviews(1) == []
    assert not was_called(canary)


def test_only_the_driver_of_the_format_opens_a_source(intake: Intake, secret: Path) -> None:
    """The layer behind the look at the first bytes."""
    path = intake.files / "a.tif"
    path.write_text(VIRTUAL.format(secret=secret))
    assert by_default(path) == {SECRET}
    source = LocalSource(path, intake.storage.info(intake.put(path)), GEOTIFF)
    with (
        pytest.raises(PermanentTaskError) as caught,
        hardened_gdal(),
        open_raster(source, ReadingOptions()),
    ):
        pass
    assert caught.value.code == "RASTER_UNREADABLE"


def test_nothing_of_a_strangers_metadata_is_shown(intake: Intake) -> None:
    def label(dataset: rasterio.io.DatasetWriter) -> None:
        dataset.update_tags(PASSWORD="x", TIFFTAG_COPYRIGHT="Jane\x01 Doe", AREA_OR_POINT="Point")
        dataset.update_tags(ns="SECRETS", key="x")
        dataset.update_tags(1, STATISTICS_MAXIMUM="1")
        dataset.set_band_description(1, "reflectance")

    with intake.opened(rasters.write_geotiff(intake.files / "a.tif", finish=label)) as opened:
        assert opened.pixels.tags() == {"AREA_OR_POINT": "Point", "TIFFTAG_COPYRIGHT": "Jane Doe"}
        assert opened.pixels.tags(1) == {}
        assert "SECRETS" not in opened.pixels.tag_namespaces()
        assert opened.band_names == opened.pixels.descriptions == ("reflectance",)
