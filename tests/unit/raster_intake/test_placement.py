"""Where the pixels lie: what is kept, what is warped, what is assigned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject

from core.errors import PermanentTaskError
from core.task_models.raster_validation import ReadingOptions
from services.raster.georeference import geographic_bbox
from tests import rasters
from tests.unit.raster_intake.conftest import Intake

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
SHEARED = Affine(10, 2, 500_000, 1, -10, 5_300_000)
SOUTH_UP = Affine(10, 0, 500_000, 0, 10, 5_299_520)


def test_a_rotated_grid_is_kept_and_told(intake: Intake) -> None:
    path = rasters.rotated(intake.files / "a.tif")
    result = intake.validated(path)
    assert result.resolution == pytest.approx((10, 10))
    along, across = np.cos(np.pi / 6), np.sin(np.pi / 6)
    assert result.bounds == pytest.approx(
        (500_000 - 480 * across, 5_300_000 - 640 * across - 480 * along, 500_000 + 640 * along, 5_300_000)
    )
    assert "GRID_ROTATED" in {finding.code for finding in result.findings}


@pytest.mark.parametrize(("transform", "code"), [(SHEARED, "GRID_ROTATED"), (SOUTH_UP, "GRID_SOUTH_UP")])
def test_other_grids_are_kept_pixel_for_pixel(intake: Intake, transform: Affine, code: str) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", transform=transform)
    with intake.opened(path) as opened, rasterio.open(path) as file:
        assert code in {finding.code for finding in opened.findings}
        assert opened.pixels.transform == file.transform == transform
        assert np.array_equal(opened.pixels.read(), file.read())


def grid_points(bend: float = 0.0) -> list[GroundControlPoint]:
    """Of a grid of 10 m, whose columns lean by `bend` metres at the lower right."""
    return rasters.control_points(
        *[
            (row, col, 500_000 + 10 * col + bend * row * col / (48 * 64), 5_300_000 - 10 * row)
            for row in (0, 24, 48)
            for col in (0, 32, 64)
        ]
    )


def placed_by(path: Path, gcps: Sequence[GroundControlPoint], **options: object) -> Path:
    return rasters.write_geotiff(path, transform=None, gcps=gcps, **options)  # type: ignore[arg-type]


def test_control_points_of_a_regular_grid_become_that_grid(intake: Intake) -> None:
    path = placed_by(intake.files / "a.tif", grid_points())
    with intake.opened(path) as opened, rasterio.open(path) as file:
        assert opened.pixels.transform.almost_equals(rasters.UTM33_ORIGIN, precision=1e-6)
        assert np.array_equal(opened.pixels.read(), file.read())
        assert "GCPS_EXACT" in {finding.code for finding in opened.findings}
        assert not opened.is_warped


def test_control_points_of_no_grid_are_warped_as_gdal_warps_them(intake: Intake) -> None:
    path = placed_by(intake.files / "a.tif", grid_points(bend=200), nodata=0)
    with intake.opened(path) as opened, rasterio.open(path) as file:
        assert opened.is_warped
        assert "GCPS_WARPED" in {finding.code for finding in opened.findings}
        expected = np.zeros(opened.pixels.shape, dtype="uint8")
        reproject(
            file.read(1), expected, gcps=file.gcps[0], src_crs="EPSG:32633", dst_crs="EPSG:32633",
            dst_transform=opened.pixels.transform, src_nodata=0, dst_nodata=0, resampling=Resampling.nearest,
        )  # fmt: skip
        assert (expected != 0).sum() > 2_000
        assert np.mean(opened.pixels.read(1) == expected) > 0.99


def test_what_lies_outside_of_a_warped_picture_is_transparent(intake: Intake) -> None:
    path = placed_by(intake.files / "a.tif", grid_points(bend=200), bands=3, photometric="RGB")
    result = intake.validated(path)
    assert result.color_interpretation == ("red", "green", "blue", "alpha")
    assert result.descriptions == (None,) * 4
    with intake.opened(path) as opened:
        assert set(np.unique(opened.pixels.read(4))) == {0, 255}


@pytest.mark.parametrize(("height", "is_given"), [(None, False), (600.0, True)])
def test_rpcs_are_evaluated_at_a_height(intake: Intake, height: float | None, is_given: bool) -> None:
    """These lean to the east with the height: 0.5 scaled samples for each scaled unit of it."""
    leaning = rasters.simple_rpcs(samp_num_coeff=[0.0, 1.0, 0.0, 0.5] + [0.0] * 16)
    path = rasters.write_geotiff(intake.files / "a.tif", crs=None, transform=None, rpcs=leaning)
    with intake.opened(path, reading=ReadingOptions(rpc_height=height)) as opened:
        assert (opened.is_warped, opened.pixels.crs.to_epsg()) == (True, 4326)
        assert "RPCS_WARPED" in {finding.code for finding in opened.findings}
        west = opened.pixels.bounds.left
    # At the mean height the image is centred on 15 degrees; 500 m (one scale) above, 0.005 further west.
    assert west == pytest.approx(14.99 - 0.005 * is_given, abs=5e-4)


def test_coordinates_without_a_crs(intake: Intake) -> None:
    error = intake.refusal(rasters.write_geotiff(intake.files / "a.tif", crs=None))
    assert error.code == "CRS_MISSING"
    assert "source_crs" in error.remedy


def test_a_crs_is_assigned_and_nothing_is_reprojected(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", crs=None)
    result = intake.validated(path, reading=ReadingOptions(source_crs="EPSG:25833"))
    assert (result.crs, result.bounds) == ("EPSG:25833", (500_000, 5_299_520, 500_640, 5_300_000))
    assert "CRS_ASSIGNED" in {finding.code for finding in result.findings}


def test_an_assigned_crs_overrides_that_of_the_file(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif")
    result = intake.validated(path, reading=ReadingOptions(source_crs="EPSG:25833"))
    assert result.crs == "EPSG:25833"
    assert "CRS_OVERRIDDEN" in {finding.code for finding in result.findings}


def test_assigning_the_same_crs_is_not_worth_a_word(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif", nodata=0)
    assert not intake.codes(path, reading=ReadingOptions(source_crs="EPSG:32633"))


def test_a_crs_that_is_not_in_the_registry(intake: Intake) -> None:
    path = rasters.write_geotiff(intake.files / "a.tif")
    assert intake.refusal(path, reading=ReadingOptions(source_crs="EPSG:999999")).code == "CRS_UNKNOWN"


@pytest.mark.parametrize(
    "crs", ["EPSG:3857", "EPSG:4326", "EPSG:27700", "EPSG:2056", "EPSG:31370", "ESRI:54009"]
)
def test_crss_of_the_registry_pass(intake: Intake, crs: str) -> None:
    """Some of them name a grid of shifts in their PROJ strings: @null, or a file of PROJ's own."""
    place = Affine(0.01, 0, 10, 0, -0.01, 50) if crs == "EPSG:4326" else Affine(10, 0, 1e5, 0, -10, 2e5)
    assert intake.validated(rasters.write_geotiff(intake.files / "a.tif", crs=crs, transform=place))


def test_a_map_of_the_world_in_an_oval_has_corners_off_the_globe_and_is_on_it() -> None:
    """As global grids of population come (GHSL)."""
    mollweide = CRS.from_user_input("ESRI:54009")
    west, south, east, north = geographic_bbox(mollweide, (-18_041_000, -9_000_000, 18_041_000, 9_000_000))
    assert (west, east) == pytest.approx((-180, 180), abs=0.1)
    assert (south, north) == pytest.approx((-89.1, 89.1), abs=0.1)
    with pytest.raises(PermanentTaskError, match="not on the globe"):
        geographic_bbox(mollweide, (1e8, 1e8, 2e8, 2e8))
