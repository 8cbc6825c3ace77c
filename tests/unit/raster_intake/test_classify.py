"""What the pixels mean, by header and sample."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.task_models.raster import RasterClass
from tests import rasters
from tests.unit.raster_intake.conftest import Intake

SIDE = 128
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype("float64")
HILLS = 300 + 200 * np.sin(ROWS / 40) * np.cos(COLUMNS / 30)
PATCHES = (ROWS // 16 * 3 + COLUMNS // 16 * 7) % 11 * 100 + 11


def one_band(values: np.ndarray, dtype: str, **options: Any) -> Any:
    data = values.astype(dtype)[None]
    return lambda path: rasters.write_geotiff(
        path, width=SIDE, height=SIDE, dtype=dtype, data=data, **options
    )


def named(*names: str, unit: str = "") -> Any:
    def finish(dataset: Any) -> None:
        dataset.descriptions = names
        dataset.units = (unit,) * len(names)

    return finish


def noise(dtype: str, low: float, high: float) -> np.ndarray:
    return np.random.default_rng(5).uniform(low, high, (SIDE, SIDE)).astype(dtype)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (rasters.rgb, RasterClass.RGB),
        (rasters.rgba, RasterClass.RGBA),
        (rasters.masked, RasterClass.RGB),
        (rasters.palette, RasterClass.CATEGORICAL),
        (lambda path: rasters.write_geotiff(path, bands=3, photometric="MINISBLACK"), RasterClass.RGB),
        (
            lambda path: rasters.write_geotiff(path, bands=4, photometric="RGB", alpha="NO"),
            RasterClass.MULTISPECTRAL,
        ),
        (lambda path: rasters.write_geotiff(path, bands=3, dtype="float32"), RasterClass.MULTISPECTRAL),
        (lambda path: rasters.write_geotiff(path, bands=3, dtype="uint16"), RasterClass.MULTISPECTRAL),
        (
            lambda path: rasters.write_geotiff(path, bands=3, dtype="uint16", photometric="RGB"),
            RasterClass.MULTISPECTRAL,
        ),
        (
            lambda path: rasters.write_geotiff(
                path, bands=3, photometric="MINISBLACK", finish=named("B04", "B08", "B11")
            ),
            RasterClass.MULTISPECTRAL,
        ),
        (
            lambda path: rasters.write_geotiff(
                path, bands=3, photometric="MINISBLACK", finish=named("Red", "Green", "Blue")
            ),
            RasterClass.RGB,
        ),
        (one_band(PATCHES, "int16"), RasterClass.CATEGORICAL),
        (one_band(PATCHES % 7, "uint8"), RasterClass.CATEGORICAL),
        (one_band(noise("uint8", 0, 2), "uint8"), RasterClass.CATEGORICAL),
        (one_band(HILLS, "int16"), RasterClass.DEM),
        (one_band(HILLS / 20, "int16"), RasterClass.DEM),
        (one_band(HILLS, "float32", finish=named("elevation")), RasterClass.DEM),
        (one_band(HILLS, "float32", finish=named("", unit="metre")), RasterClass.DEM),
        (one_band(HILLS, "float32", crs="EPSG:32633+5773"), RasterClass.DEM),
        (one_band(HILLS, "float32"), RasterClass.CONTINUOUS),
        (one_band(HILLS * 1000, "float32", finish=named("elevation")), RasterClass.CONTINUOUS),
        (one_band(noise("uint16", 0, 4000), "uint16"), RasterClass.CONTINUOUS),
        (one_band(noise("float32", -1, 1), "float32"), RasterClass.CONTINUOUS),
    ],
)
def test_the_class_of_a_raster(intake: Intake, make: Any, expected: RasterClass) -> None:
    assert intake.validated(make(intake.files / "a.tif")).classification == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alps_dem_10m.tif", RasterClass.DEM),
        ("DTM-2021.tif", RasterClass.DEM),
        ("academy.tif", RasterClass.CONTINUOUS),
        ("demand.tif", RasterClass.CONTINUOUS),
    ],
)
def test_the_name_of_the_file_may_say_that_it_holds_heights(
    intake: Intake, name: str, expected: RasterClass
) -> None:
    path: Path = one_band(HILLS, "float32")(intake.files / "a.tif")
    assert intake.validated(path, name).classification == expected


def test_nodata_is_no_class_and_no_height(intake: Intake) -> None:
    holes = np.where(COLUMNS < 40, -9999, HILLS)
    assert intake.validated(
        one_band(holes, "int16", nodata=-9999)(intake.files / "a.tif")
    ).classification == (RasterClass.DEM)
