"""`validate_raster`: what is told of good rasters, and which code each bad one gets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin

from core.errors import NotFound, PermanentTaskError, TaskCancelled
from core.task_models.raster import ValidateRasterParameters, ValidateRasterResult
from services.raster.validate import validate_raster
from tests import rasters
from tests.unit.raster.conftest import Bench


def validated(bench: Bench, path: Path) -> ValidateRasterResult:
    return validate_raster(ValidateRasterParameters(source_uri=bench.put(path)), bench.around().context)


def test_the_header_is_described(bench: Bench) -> None:
    result = validated(bench, rasters.rgb(bench.files / "a.tif", nodata=0))
    assert (result.width, result.height, result.band_count) == (64, 48, 3)
    assert result.dtypes == ("uint8",) * 3
    assert result.crs == "EPSG:32633"
    assert result.bounds == (500_000, 5_299_520, 500_640, 5_300_000)
    assert result.resolution == (10, 10)
    assert result.nodata == 0
    assert result.color_interpretation == ("red", "green", "blue")
    assert result.bbox == pytest.approx((15.0, 47.85, 15.0086, 47.854), abs=1e-2)
    assert result.source.driver == "GTiff"
    assert result.warnings == ()


@pytest.mark.parametrize(("dtype", "nodata", "told"), [("float32", np.nan, "nan"), ("int16", -9999, -9999)])
def test_nodata_survives_json(bench: Bench, dtype: str, nodata: float, told: object) -> None:
    result = validated(bench, rasters.write_geotiff(bench.files / "a.tif", dtype=dtype, nodata=nodata))
    assert ValidateRasterResult.model_validate_json(result.model_dump_json()).nodata == told


def test_a_nodata_value_that_no_pixel_can_have_counts_as_none(bench: Bench) -> None:
    path = rasters.write_geotiff(bench.files / "a.tif", nodata=200)
    path.write_bytes(path.read_bytes().replace(b"200\0", b"999\0"))
    result = validated(bench, path)
    assert result.nodata is None
    assert any("no nodata" in warning for warning in result.warnings)


def test_a_rotated_grid_is_kept_and_told(bench: Bench) -> None:
    result = validated(bench, rasters.rotated(bench.files / "a.tif"))
    assert result.resolution == pytest.approx((10, 10))
    along, across = np.cos(np.pi / 6), np.sin(np.pi / 6)
    assert result.bounds == pytest.approx(
        (
            500_000 - 480 * across,
            5_300_000 - 640 * across - 480 * along,
            500_000 + 640 * along,
            5_300_000,
        )
    )
    assert any("rotated" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("west", "expected"),
    [(-180.0, (-180, 180)), (0.0, (-180, 180)), (-180.125, (-180, 180))],
)
def test_global_grids_of_either_convention_span_the_globe(
    bench: Bench, west: float, expected: tuple[float, float]
) -> None:
    path = rasters.write_geotiff(
        bench.files / "a.tif", width=72, height=36, crs="EPSG:4326", transform=from_origin(west, 90, 5, 5)
    )
    result = validated(bench, path)
    assert (result.bbox[0], result.bbox[2]) == expected


def test_across_the_antimeridian_west_is_greater_than_east(bench: Bench) -> None:
    fiji = rasters.write_geotiff(
        bench.files / "a.tif", crs="EPSG:3460", transform=from_origin(1_900_000, 4_100_000, 10_000, 10_000)
    )
    west, south, east, north = validated(bench, fiji).bbox
    assert 170 < west < 180
    assert -180 < east < -170
    assert south < north


NOT_GEOREFERENCED = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


@NOT_GEOREFERENCED
def test_no_georeference(bench: Bench) -> None:
    path = rasters.write_geotiff(bench.files / "a.tif", crs=None, transform=None)
    assert bench.refusal(path).code == "NO_GEOREFERENCE"


@NOT_GEOREFERENCED
def test_a_crs_without_coordinates_is_no_georeference(bench: Bench) -> None:
    path = rasters.write_geotiff(bench.files / "a.tif", transform=None)
    assert bench.refusal(path).code == "NO_GEOREFERENCE"


def test_coordinates_without_a_crs(bench: Bench) -> None:
    error = bench.refusal(rasters.write_geotiff(bench.files / "a.tif", crs=None))
    assert error.code == "CRS_MISSING"
    assert error.remedy


def test_metres_labelled_as_degrees(bench: Bench) -> None:
    path = rasters.write_geotiff(bench.files / "a.tif", crs="EPSG:4326")
    assert bench.refusal(path).code == "COORDINATES_OUT_OF_RANGE"


@pytest.mark.parametrize("dtype", ["complex64", "complex_int16", "int64"])
def test_unsupported_types(bench: Bench, dtype: str) -> None:
    data = np.ones((1, 48, 64), dtype="complex64" if dtype.startswith("complex") else dtype)
    path = rasters.write_geotiff(bench.files / "a.tif", dtype=dtype, data=data)
    assert bench.refusal(path).code == "DTYPE_UNSUPPORTED"


def test_too_many_bands(bench: Bench) -> None:
    path = rasters.write_geotiff(bench.files / "a.tif", bands=65, width=16, height=16)
    assert bench.refusal(path).code == "BAND_LIMIT"


def test_a_small_file_that_claims_many_pixels(bench: Bench) -> None:
    path = rasters.sparse_giant(bench.files / "a.tif")
    assert path.stat().st_size < 20_000
    assert bench.refusal(path).code == "SOURCE_TOO_LARGE"


@pytest.mark.parametrize("nodata", [7, np.nan])
def test_nothing_but_nodata(bench: Bench, nodata: float) -> None:
    data = np.full((1, 48, 64), nodata, dtype="float32")
    path = rasters.write_geotiff(bench.files / "a.tif", dtype="float32", data=data, nodata=7)
    assert bench.refusal(path).code == "RASTER_EMPTY"


@pytest.mark.parametrize(
    "layout",
    [
        {"tiled": True, "blockxsize": 64, "blockysize": 64},
        {"compress": "DEFLATE"},
        {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "LZW"},
    ],
)
def test_a_file_cut_off_in_transfer(bench: Bench, layout: dict[str, Any]) -> None:
    """The first block can be read: only a read of all blocks finds it."""
    path = rasters.truncated(bench.files / "a.tif", **layout)
    error = bench.refusal(path)
    assert error.code == "RASTER_UNREADABLE"
    assert str(bench.root) not in error.message


def test_an_empty_file(bench: Bench) -> None:
    path = bench.files / "a.tif"
    path.touch()
    assert bench.refusal(path).code == "RASTER_UNREADABLE"


def test_a_tiff_signature_before_garbage(bench: Bench) -> None:
    path = bench.files / "a.tif"
    path.write_bytes(b"II*\0" + b"\xff" * 500)
    assert bench.refusal(path).code == "RASTER_UNREADABLE"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.tif", b"\x89PNG\r\n\x1a\n....", "CONTENT_MISMATCH"),
        ("a.tif", b'  <GDAL_WMS><Service name="TMS"/></GDAL_WMS>', "CONTENT_MISMATCH"),
        ("a.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "UNSUPPORTED_FORMAT"),
        ("a", b"anything", "UNSUPPORTED_FORMAT"),
    ],
)
def test_other_formats(bench: Bench, name: str, content: bytes, code: str) -> None:
    path = bench.files / name
    path.write_bytes(content)
    assert bench.refusal(path).code == code


def test_a_tiff_under_another_name(bench: Bench) -> None:
    path = rasters.write_geotiff(bench.files / "a.tif")
    assert bench.refusal(path, name="a.gpkg").code == "CONTENT_MISMATCH"


def test_a_missing_source(bench: Bench) -> None:
    with pytest.raises(NotFound) as caught:
        validate_raster(
            ValidateRasterParameters(source_uri="azure://bronze/none.tif"), bench.around().context
        )
    assert caught.value.code == "SOURCE_NOT_FOUND"


def test_a_source_that_was_replaced(bench: Bench) -> None:
    path = rasters.write_geotiff(bench.files / "a.tif")
    submitted = bench.storage.info(bench.put(path))
    bench.put(rasters.rgb(path))
    with pytest.raises(PermanentTaskError) as caught:
        validate_raster(
            ValidateRasterParameters(source_uri=submitted.uri, source_etag=submitted.etag),
            bench.around().context,
        )
    assert caught.value.code == "SOURCE_CHANGED"


def test_cancelling_stops_the_task(bench: Bench) -> None:
    uri = bench.put(rasters.write_geotiff(bench.files / "a.tif"))
    with pytest.raises(TaskCancelled):
        validate_raster(ValidateRasterParameters(source_uri=uri), bench.around(cancel_at=0.3).context)


def test_progress_rises_to_one(bench: Bench) -> None:
    around = bench.around()
    uri = bench.put(rasters.write_geotiff(bench.files / "a.tif"))
    validate_raster(ValidateRasterParameters(source_uri=uri), around.context)
    assert around.progress == sorted(around.progress)
    assert around.progress[-1] == pytest.approx(1)
