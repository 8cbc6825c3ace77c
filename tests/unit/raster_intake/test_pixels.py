"""Types, nodata, masks, palettes: what becomes of what a pixel can be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from core.task_models.raster_validation import ReadingOptions
from tests import rasters
from tests.unit.raster_intake.conftest import Intake


def of_type(path: Path, dtype: str, *values: int, **options: Any) -> Path:
    data = np.resize(np.array(values, dtype=dtype), (1, 48, 64))
    return rasters.write_geotiff(path, dtype=dtype, data=data, **options)


@pytest.mark.parametrize(
    ("dtype", "values", "nodata", "used"),
    [
        ("int64", (-5, 7), None, "int32"),
        ("int64", (-(2**31), 2**31 - 1), -1, "int32"),
        ("int64", (0, 2**32 - 1), None, "uint32"),
        ("int64", (-1, 2**40), None, "float64"),
        ("int64", (1, 2), 2**40, "float64"),
        ("uint64", (1, 2), None, "int32"),
        ("uint64", (0, 2**53), None, "float64"),
    ],
)
def test_64_bit_integers_are_narrowed_where_nothing_is_lost(
    intake: Intake, dtype: str, values: tuple[int, ...], nodata: int | None, used: str
) -> None:
    path = of_type(intake.files / "a.tif", dtype, *values, nodata=nodata)
    with intake.opened(path) as opened, rasterio.open(path) as file:
        assert opened.pixels.dtypes == (used,)
        assert "DTYPE_NARROWED" in {finding.code for finding in opened.findings}
        assert np.array_equal(opened.pixels.read().astype(dtype), file.read())
        assert opened.pixels.nodata == nodata


@pytest.mark.parametrize(
    ("dtype", "values"), [("int64", (-1, 2**53 + 1)), ("int64", (-(2**53) - 2, 0)), ("uint64", (2**64 - 1,))]
)
def test_64_bit_integers_that_fit_nowhere_are_refused(
    intake: Intake, dtype: str, values: tuple[int, ...]
) -> None:
    assert intake.refusal(of_type(intake.files / "a.tif", dtype, *values)).code == "DTYPE_UNSUPPORTED"


@pytest.mark.parametrize("dtype", ["complex64", "complex_int16"])
def test_complex_pixels_are_refused(intake: Intake, dtype: str) -> None:
    path = rasters.write_geotiff(
        intake.files / "a.tif", dtype=dtype, data=np.ones((1, 48, 64), dtype="complex64")
    )
    error = intake.refusal(path)
    assert error.code == "DTYPE_UNSUPPORTED"
    assert "amplitude" in error.remedy


@pytest.mark.parametrize(("dtype", "bits"), [("uint8", 1), ("uint8", 4), ("uint16", 12), ("float32", 16)])
def test_odd_numbers_of_bits_are_widened(intake: Intake, dtype: str, bits: int) -> None:
    path = of_type(intake.files / "a.tif", dtype, 0, 1, nbits=bits)
    with intake.opened(path) as opened, rasterio.open(path) as file:
        assert "BITS_WIDENED" in {finding.code for finding in opened.findings}
        assert opened.pixels.dtypes == (dtype,)
        assert np.array_equal(opened.pixels.read(), file.read())


def test_nodata_is_what_the_caller_says(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", nodata=9)
    with intake.opened(path, reading=ReadingOptions(nodata=5)) as opened:
        assert opened.pixels.nodata == 5
        assert "NODATA_OVERRIDDEN" in {finding.code for finding in opened.findings}
        assert ((opened.pixels.read_masks(1) == 0) == (opened.pixels.read(1) == 5)).all()


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", -9999), ("uint8", 0.5), ("int16", 40_000)])
def test_the_caller_cannot_name_an_impossible_nodata_value(intake: Intake, dtype: str, nodata: float) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", dtype=dtype)
    assert intake.refusal(path, reading=ReadingOptions(nodata=nodata)).code == "NODATA_OUT_OF_RANGE"


@pytest.mark.parametrize("stated", [b"999", b"nan", b"1.5", b"-1 "])
def test_the_files_impossible_nodata_value_is_ignored(intake: Intake, stated: bytes) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", nodata=200)
    path.write_bytes(path.read_bytes().replace(b"200\0", stated + b"\0"))
    result = intake.validated(path)
    assert result.nodata is None
    assert {"NODATA_IGNORED", "NODATA_MISSING"} <= {finding.code for finding in result.findings}


@pytest.mark.parametrize("make", [rasters.rgba, rasters.masked])
def test_a_nodata_value_beside_an_alpha_band_or_a_mask(intake: Intake, make: Any) -> None:
    """Black is not transparent where the file says for each pixel what is."""
    path = make(intake.files / "a.tif")
    with intake.opened(path) as opened:
        alone = opened.pixels.dataset_mask()
    with rasterio.open(path, "r+") as file:
        file.nodata = int(file.read(1)[47, 63])
    with intake.opened(path) as opened:
        assert "NODATA_DROPPED" in {finding.code for finding in opened.findings}
        assert opened.pixels.nodata is None
        assert np.array_equal(opened.pixels.dataset_mask(), alone)


def test_the_least_float_as_nodata(intake: Intake) -> None:
    least = float(np.finfo("float32").min)
    path = rasters.write_geotiff(intake.files / "a.tif", dtype="float32", nodata=least)
    with intake.opened(path) as opened:
        assert opened.pixels.nodata == least


@pytest.mark.parametrize("nodata", [7, np.nan])
def test_nothing_but_nodata(intake: Intake, nodata: float) -> None:
    data = np.full((1, 48, 64), nodata, dtype="float32")
    path = rasters.write_geotiff(intake.files / "a.tif", dtype="float32", data=data, nodata=7)
    assert intake.refusal(path).code == "RASTER_EMPTY"


def scaled(dataset: Any) -> None:
    dataset.scales, dataset.offsets, dataset.units = (0.1,), (-5.0,), ("m",)


@pytest.mark.parametrize(
    "make",
    [
        rasters.rgb,
        rasters.rgba,
        rasters.palette,
        rasters.masked,
        lambda path: rasters.write_geotiff(path, dtype="int16", finish=scaled, nodata=-1),
        lambda path: rasters.write_geotiff(path, bands=5, interleave="band"),
        lambda path: rasters.rgb(path, compress="JPEG", tiled=True, blockxsize=16, blockysize=16),
        lambda path: rasters.write_geotiff(path, BIGTIFF="YES", ENDIANNESS="BIG", dtype="uint16"),
    ],
)
def test_what_the_view_shows_is_what_the_file_holds(intake: Intake, make: Any) -> None:
    path = make(intake.files / "a.tif")
    with intake.opened(path) as opened, rasterio.open(path) as file:
        shown = opened.pixels
        assert np.array_equal(shown.read(), file.read())
        assert np.array_equal(shown.read_masks(), file.read_masks())
        for name in ("crs", "transform", "nodata", "dtypes", "colorinterp", "scales", "offsets", "units"):
            assert getattr(shown, name) == getattr(file, name), name
        assert shown.mask_flag_enums == file.mask_flag_enums
        assert (
            shown.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE")
            == file.tags(ns="IMAGE_STRUCTURE")["INTERLEAVE"]
        )
        if "palette" in {color.name for color in file.colorinterp}:
            assert shown.colormap(1) == file.colormap(1)
