"""`validate_raster`: what is told of a raster that is accepted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.transform import from_origin

from core.errors import NotFound, PermanentTaskError, TaskCancelled
from core.task_models.finding import Severity
from core.task_models.raster import RasterClass
from core.task_models.raster_validation import ReadingOptions, ValidateRasterParameters, ValidateRasterResult
from services.raster.validate import validate_raster
from tests import rasters
from tests.unit.raster_intake.conftest import Intake


def test_the_header_is_described(intake: Intake) -> None:
    result = intake.validated(rasters.rgb(intake.files / "a.tif", nodata=0))
    assert (result.width, result.height, result.band_count) == (64, 48, 3)
    assert result.dtypes == ("uint8",) * 3
    assert result.crs == "EPSG:32633"
    assert result.bounds == (500_000, 5_299_520, 500_640, 5_300_000)
    assert result.resolution == (10, 10)
    assert result.nodata == 0
    assert result.color_interpretation == ("red", "green", "blue")
    assert result.bbox == pytest.approx((15.0, 47.85, 15.0086, 47.854), abs=1e-2)
    assert (result.source.driver, result.classification) == ("GTiff", RasterClass.RGB)
    assert (result.pixel_bytes, result.by_ranges) == (64 * 48 * 3, True)
    assert (result.warnings, result.findings) == ((), ())


@pytest.mark.parametrize(("dtype", "nodata", "told"), [("float32", np.nan, "nan"), ("int16", -9999, -9999)])
def test_nodata_survives_json(intake: Intake, dtype: str, nodata: float, told: object) -> None:
    result = intake.validated(rasters.write_geotiff(intake.files / "a.tif", dtype=dtype, nodata=nodata))
    assert ValidateRasterResult.model_validate_json(result.model_dump_json()).nodata == told


def test_findings_are_for_machines_and_warnings_for_people(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif")
    result = intake.validated(path, reading=ReadingOptions(source_crs="EPSG:32632"))
    assert [(finding.code, finding.severity) for finding in result.findings] == [
        ("CRS_OVERRIDDEN", Severity.WARNING),
        ("NODATA_MISSING", Severity.INFO),
    ]
    assert result.warnings == (result.findings[0].message,)
    assert all(finding.remedy for finding in result.findings if finding.severity is Severity.WARNING)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
)
def test_types_that_are_taken(intake: Intake, dtype: str) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", dtype=dtype, data=rasters.gradient(1, 48, 64, dtype))
    assert intake.validated(path).dtypes == (dtype,)


@pytest.mark.parametrize(
    ("west", "expected"),
    [(-180.0, (-180, 180)), (0.0, (-180, 180)), (-180.125, (-180, 180))],
)
def test_global_grids_of_either_convention_span_the_globe(
    intake: Intake, west: float, expected: tuple[float, float]
) -> None:
    path = rasters.write_geotiff(
        intake.files / "a.tif", width=72, height=36, crs="EPSG:4326", transform=from_origin(west, 90, 5, 5)
    )
    result = intake.validated(path)
    assert (result.bbox[0], result.bbox[2]) == expected


def test_across_the_antimeridian_west_is_greater_than_east(intake: Intake) -> None:
    fiji = rasters.write_geotiff(
        intake.files / "a.tif", crs="EPSG:3460", transform=from_origin(1_900_000, 4_100_000, 10_000, 10_000)
    )
    west, south, east, north = intake.validated(fiji).bbox
    assert 170 < west < 180
    assert -180 < east < -170
    assert south < north


def test_missing_blocks_are_counted(intake: Intake) -> None:
    def corner(dataset: Any) -> None:
        dataset.write(np.ones((64, 64), dtype="uint8"), 1, window=((0, 64), (0, 64)))

    path = rasters.sparse(intake.files / "a.tif", width=256, height=256, finish=corner)
    result = intake.validated(path)
    found = next(finding for finding in result.findings if finding.code == "BLOCKS_MISSING")
    assert found.context == {"sparse_count": 15, "block_count": 16}


def test_a_file_of_which_nothing_is_stored(intake: Intake) -> None:
    assert (
        intake.refusal(rasters.sparse(intake.files / "a.tif", width=256, height=256)).code == "RASTER_EMPTY"
    )


def test_a_large_raster_whose_sample_is_empty_is_not_called_empty(intake: Intake) -> None:
    """The sample saw no data, which proves nothing: `process_raster` looks at all pixels."""

    def speck(dataset: Any) -> None:
        dataset.write(np.ones((64, 64), dtype="uint8"), 1, window=((1280, 1344), (1280, 1344)))

    path = rasters.sparse(intake.files / "a.tif", width=8192, height=8192, nodata=0, finish=speck)
    assert intake.validated(path).nodata == 0


def test_a_missing_source(intake: Intake) -> None:
    with pytest.raises(NotFound) as caught:
        validate_raster(
            ValidateRasterParameters(source_uri="azure://bronze/none.tif"), intake.around().context
        )
    assert caught.value.code == "SOURCE_NOT_FOUND"


def test_a_source_that_was_replaced(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif")
    submitted = intake.storage.info(intake.put(path))
    intake.put(rasters.rgb(path))
    with pytest.raises(PermanentTaskError) as caught:
        validate_raster(
            ValidateRasterParameters(source_uri=submitted.uri, source_etag=submitted.etag),
            intake.around().context,
        )
    assert caught.value.code == "SOURCE_CHANGED"


def test_cancelling_stops_the_task(intake: Intake) -> None:
    uri = intake.put(rasters.write_geotiff(intake.files / "a.tif"))
    with pytest.raises(TaskCancelled):
        validate_raster(ValidateRasterParameters(source_uri=uri), intake.around(cancel_at=0.3).context)


def test_progress_rises_to_one(intake: Intake) -> None:
    around = intake.around()
    uri = intake.put(rasters.write_geotiff(intake.files / "a.tif"))
    validate_raster(ValidateRasterParameters(source_uri=uri), around.context)
    assert around.progress == sorted(around.progress)
    assert around.progress[-1] == pytest.approx(1)


def test_nothing_is_downloaded_of_a_geotiff(intake: Intake) -> None:
    around = intake.around()
    uri = intake.put(rasters.write_geotiff(intake.files / "a.tif"))
    validate_raster(ValidateRasterParameters(source_uri=uri), around.context)
    assert not list(Path(around.context.workspace).iterdir())
