"""Formats beside GeoTIFF: JPEG 2000, and rasters in archives."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.shutil import copy

from core.task_models.raster_validation import ReadingOptions
from tests import rasters
from tests.unit.raster_intake.conftest import Intake

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
WKT = CRS.from_epsg(32633).to_wkt()
WORLD = "10\n0\n0\n-10\n500005\n5299995\n"


def converted(path: Path, driver: str, **options: Any) -> Path:
    source = rasters.rgb(path.parent / "source.tif", width=200, height=150)
    copy(source, path, driver=driver, **options)
    return path


def zipped(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["a.jp2", "a.j2k"])
def test_jpeg_2000(intake: Intake, name: str) -> None:
    path = converted(intake.files / name, "JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
    reading = ReadingOptions(source_crs="EPSG:32633")
    if name == "a.j2k":  # a bare codestream has no place for one
        assert intake.refusal(path).code == "NO_GEOREFERENCE"
        return
    with intake.opened(path, reading=reading) as opened, rasterio.open(path) as file:
        assert (opened.driver, opened.pixels.transform) == ("JP2OpenJPEG", rasters.UTM33_ORIGIN)
        assert np.array_equal(opened.pixels.read(), file.read())


@pytest.mark.parametrize(
    ("driver", "picture", "world"),
    [
        ("PNG", "a.png", "a.pgw"),
        ("PNG", "maps/a.PNG", "maps/a.pngw"),
        ("PNG", "a.png", "A.WLD"),
        ("JPEG", "a.jpg", "a.jgw"),
        ("JPEG", "a.jpeg", "a.jpegw"),
    ],
)
def test_a_picture_with_a_world_file(intake: Intake, driver: str, picture: str, world: str) -> None:
    path = converted(intake.files / "picture", driver)
    prj = str(Path(picture).with_suffix(".prj"))
    archive = zipped(
        intake.files / "a.zip", {picture: path.read_bytes(), world: WORLD, prj: WKT, "readme.txt": ""}
    )
    result = intake.validated(archive)
    assert (result.crs, result.source.driver, result.by_ranges) == ("EPSG:32633", driver, False)
    assert result.transform == (10, 0, 500_000, 0, -10, 5_300_000)
    with intake.opened(archive) as opened, rasterio.open(path) as file:
        assert np.array_equal(opened.pixels.read(), file.read())


def test_the_crs_of_a_picture_may_be_given(intake: Intake) -> None:
    path = converted(intake.files / "picture", "PNG")
    archive = zipped(intake.files / "a.zip", {"a.png": path.read_bytes(), "a.pgw": WORLD})
    assert intake.validated(archive, reading=ReadingOptions(source_crs="EPSG:32633")).crs == "EPSG:32633"


def test_a_turned_world_file(intake: Intake) -> None:
    """Its last two numbers are the centre of the first pixel, not its corner."""
    path = converted(intake.files / "picture", "PNG")
    archive = zipped(
        intake.files / "a.zip", {"a.png": path.read_bytes(), "a.pgw": "1\n2\n3\n-4\n100\n200\n", "a.prj": WKT}
    )
    with intake.opened(archive) as opened:
        assert opened.pixels.transform @ (0.5, 0.5) == (100, 200)
        assert opened.pixels.transform[:6] == (1, 3, 98, 2, -4, 201)


def test_a_zipped_geotiff_says_itself_where_it_lies(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif")
    archive = zipped(
        intake.files / "a.zip",
        {"x/a.tif": path.read_bytes(), "x/a.tfw": "1\n0\n0\n-1\n0\n0\n", "x/a.tif.aux.xml": "<x/>"},
    )
    assert intake.validated(archive).transform == (10, 0, 500_000, 0, -10, 5_300_000)


def test_one_of_several_rasters_is_named(intake: Intake) -> None:
    first, second = rasters.rgb(intake.files / "1.tif"), rasters.write_geotiff(intake.files / "2.tif")
    archive = zipped(intake.files / "a.zip", {"1.tif": first.read_bytes(), "2.tif": second.read_bytes()})
    error = intake.refusal(archive)
    assert (error.code, error.context["rasters"]) == ("AMBIGUOUS_RASTER", ["1.tif", "2.tif"])
    assert intake.validated(archive, reading=ReadingOptions(subdataset="1.tif")).band_count == 3


def test_nothing_but_the_raster_is_unpacked(intake: Intake) -> None:
    path = converted(intake.files / "picture", "PNG")
    archive = zipped(intake.files / "a.zip", {"a.png": path.read_bytes(), "a.pgw": WORLD, "a.prj": WKT})
    with intake.opened(archive) as opened:
        folder = Path(opened.source.gdal_name).parent
        assert [item.name for item in folder.iterdir()] == ["source.unpacked"]
