"""Reprojection: the grid is one lattice, its pixels are GDAL's, and no cut of them differs from the whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import from_origin
from rasterio.warp import reproject
from rasterio.windows import Window

from core.errors import PermanentTaskError
from core.task_models.raster import RasterClass
from core.task_models.raster_cog import CogOptions
from services.raster.environment import hardened_gdal
from services.raster.inspect import describe
from services.raster.profiles import ResolvedOptions, resolve
from services.raster.warp import CELL, TargetGrid, read_cells, target_grid, warped
from tests import rasters
from tests.unit.raster_cog.conftest import CogBench


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[tuple[Any, ResolvedOptions]]:
    with hardened_gdal(), rasterio.open(path) as dataset:
        description = describe(dataset, band_names=(None,) * dataset.count)
        yield dataset, resolve(CogOptions(**options), RasterClass.CONTINUOUS, description)


def grid_of(path: Path, **options: Any) -> TargetGrid:
    with opened(path, **options) as (dataset, resolved):
        return target_grid(dataset, resolved)


def is_whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6


@pytest.mark.parametrize("options", [{"target_crs": "EPSG:3857"}, {"target_resolution": 25}])
def test_edges_lie_on_multiples_of_the_pixel_size(tmp_path: Path, options: dict[str, Any]) -> None:
    grid = grid_of(rasters.write_geotiff(tmp_path / "a.tif"), **options)
    a, b, c, d, e, f = grid.transform[:6]
    assert (b, d, e) == (0, 0, -a)
    assert is_whole(c / a)
    assert is_whole(f / a)


def test_the_grid_holds_the_raster_and_hardly_more(tmp_path: Path) -> None:
    path = rasters.write_geotiff(tmp_path / "a.tif")
    grid = grid_of(path, target_crs="EPSG:4326", target_resolution=0.0001)
    with rasterio.open(path) as dataset:
        west, south, east, north = rasterio.warp.transform_bounds(dataset.crs, grid.crs, *dataset.bounds)
    left, top = grid.transform @ (0, 0)
    right, bottom = grid.transform @ (grid.width, grid.height)
    for margin in (west - left, south - bottom, right - east, top - north):
        assert -1e-9 < margin < 0.0002


def test_a_raster_on_the_lattice_keeps_its_grid(tmp_path: Path) -> None:
    path = rasters.write_geotiff(tmp_path / "a.tif")
    grid = grid_of(path, target_resolution=10)
    with rasterio.open(path) as dataset:
        assert (grid.transform, grid.width, grid.height) == (dataset.transform, 64, 48)
    assert grid.scale == (1, 1)


def test_neighbours_share_the_lattice(tmp_path: Path) -> None:
    """Two rasters, reprojected apart, that meet within a pixel of the target."""
    one = rasters.write_geotiff(tmp_path / "a.tif")
    other = rasters.write_geotiff(
        tmp_path / "b.tif", transform=from_origin(500_640.0, 5_300_000.0, 10.0, 10.0)
    )
    options = {"target_crs": "EPSG:3857", "target_resolution": 12}
    first, second = grid_of(one, **options), grid_of(other, **options)
    assert is_whole((first.transform.c - second.transform.c) / 12)


def test_a_geographic_grid_ends_at_the_poles(tmp_path: Path) -> None:
    path = rasters.write_geotiff(
        tmp_path / "a.tif", crs="EPSG:4326", transform=from_origin(-180, 90, 5.625, 3.75)
    )
    grid = grid_of(path, target_resolution=0.7)
    top = grid.transform.f
    assert top <= 90
    assert top - 0.7 * grid.height >= -90


@pytest.mark.parametrize("resolution", [1e-6, 1e9])
def test_absurd_resolutions_are_refused(tmp_path: Path, resolution: float) -> None:
    path = rasters.write_geotiff(tmp_path / "a.tif")
    if resolution > 1:
        grid = grid_of(path, target_resolution=resolution)
        assert (grid.width, grid.height) == (1, 1)
        return
    with pytest.raises(PermanentTaskError) as caught:
        grid_of(path, target_resolution=resolution)
    assert caught.value.code == "TARGET_TOO_LARGE"


def test_a_crs_that_cannot_hold_the_raster_is_refused(tmp_path: Path) -> None:
    path = rasters.write_geotiff(
        tmp_path / "a.tif", crs="EPSG:4326", transform=from_origin(10, 89, 0.01, 0.01)
    )
    with pytest.raises(PermanentTaskError) as caught:
        grid_of(path, target_crs="EPSG:3857")
    assert caught.value.code == "REPROJECTION_FAILED"


def test_the_whole_world_in_web_mercator_is_a_square(bench: CogBench) -> None:
    """GDAL's suggestion for it reaches infinity, in pixels as wide as a continent."""
    path = rasters.write_geotiff(bench.path(), crs="EPSG:4326", transform=from_origin(-180, 90, 5.625, 3.75))
    result, _ = bench.create(path, target_crs="EPSG:3857")
    edge = 20037508.342789244
    assert result.bounds == pytest.approx((-edge, -edge, edge, edge), abs=result.resolution[0])
    assert 40 <= result.width <= 80
    assert result.statistics[0].valid_percent > 90


@pytest.mark.parametrize("target", ["EPSG:32633", "EPSG:27700", "EPSG:3413"])
def test_a_target_on_the_other_side_of_the_globe_is_warned_of(bench: CogBench, target: str) -> None:
    path = rasters.write_geotiff(bench.path(), crs="EPSG:4326", transform=from_origin(-170, -20, 0.1, 0.1))
    result, _ = bench.create(path, target_crs=target)
    assert result.proof.equal
    assert "TARGET_CRS_FAR" in {finding.code for finding in result.findings}


def test_a_target_that_fits_is_not_warned_of(bench: CogBench) -> None:
    for target in ("EPSG:3857", "EPSG:4326", "EPSG:3035"):
        result, _ = bench.create(rasters.write_geotiff(bench.path()), target_crs=target)
        assert "TARGET_CRS_FAR" not in {finding.code for finding in result.findings}


NOISE = np.random.default_rng(1).integers(0, 255, (1, 900, 1300), dtype="uint8")


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic", "average", "mode"])
@pytest.mark.parametrize("resolution", [10, 37])
def test_any_window_holds_what_the_whole_holds(tmp_path: Path, resampling: str, resolution: float) -> None:
    path = rasters.write_geotiff(tmp_path / "a.tif", width=1300, height=900, data=NOISE, nodata=0)
    options = {"target_crs": "EPSG:4326", "target_resolution": resolution / 111_000, "resampling": resampling}
    with opened(path, **options) as (dataset, resolved):
        grid = target_grid(dataset, resolved)
        with warped(dataset, grid, resolved) as target:
            whole = np.zeros((1, target.height, target.width), dtype="uint8")
            read_cells(target, Window(0, 0, target.width, target.height), whole)
        for window in (Window(7, 11, 60, 50), Window(target.width - 90, 30, 90, target.height - 30)):
            with warped(dataset, grid, resolved) as again:
                part = np.zeros((1, window.height, window.width), dtype="uint8")
                read_cells(again, window, part)
            rows, columns = window.toslices()
            assert np.array_equal(part, whole[:, rows, columns])
    assert max(whole.shape) > CELL or resolution == 37
    assert (whole != 0).mean() > 0.5


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic"])
def test_pixels_are_those_of_gdal(bench: CogBench, resampling: str) -> None:
    """Against GDAL's warper on arrays, which is not the way the platform goes."""
    path = rasters.write_geotiff(bench.path(), width=300, height=200, data=NOISE[:, :200, :300], nodata=0)
    result, cog = bench.create(path, target_crs="EPSG:3857", resampling=resampling)
    assert (result.crs, result.resampling) == ("EPSG:3857", resampling)
    assert (result.proof.compared_with, result.proof.equal) == ("warped", True)
    with rasterio.open(cog) as after, rasterio.open(path) as before:
        expected = np.zeros(after.shape, dtype="uint8")
        reproject(
            before.read(1),
            expected,
            src_transform=before.transform,
            src_crs=before.crs,
            src_nodata=0,
            dst_transform=after.transform,
            dst_crs=after.crs,
            dst_nodata=0,
            resampling=Resampling[resampling],
        )
        found = after.read(1)
    assert (found == expected).mean() > 0.999
    assert (found == 0).any(), "the corners outside of the source"


@pytest.mark.parametrize(
    ("make", "nodata", "bands"),
    [
        (lambda path: rasters.rgb(path), None, 3),
        (lambda path: rasters.rgb(path, nodata=200), 200, 3),
        (lambda path: rasters.rgba(path), None, 4),
        (lambda path: rasters.masked(path), None, 3),
        (lambda path: rasters.palette(path), None, 1),
        (lambda path: rasters.write_geotiff(path, dtype="int16", bands=5), None, 5),
        (lambda path: rasters.write_geotiff(path, dtype="float32"), "nan", 1),
        (lambda path: rasters.write_geotiff(path, dtype="float64", nodata=-9.5), -9.5, 1),
    ],
)
@pytest.mark.parametrize("tier", ["analysis", "visualization"])
def test_what_lies_outside_of_the_source_is_hidden(
    bench: CogBench, make: Any, nodata: Any, bands: int, tier: str
) -> None:
    """Turned by some degrees: the corners of the target have no source."""
    path = make(bench.path())
    result, cog = bench.create(path, target_crs="EPSG:3035", cog_tier=tier)
    is_lossy = result.compression == "JPEG"
    assert result.nodata == (None if is_lossy else nodata)
    assert result.band_count == (3 if is_lossy else bands)
    with rasterio.open(cog) as after, rasterio.open(path) as before:
        mask = after.dataset_mask()
        hidden_before = (before.dataset_mask() == 0).mean()
    assert {mask[0, 0], mask[-1, -1], mask[0, -1], mask[-1, 0]} == {0}
    assert 0 < (mask == 0).mean() - hidden_before < 0.4


def test_classes_stay_classes(bench: CogBench) -> None:
    source = rasters.palette(bench.path(), width=700, height=600)
    result, cog = bench.create(source, target_crs="EPSG:3857")
    with rasterio.open(cog) as after:
        assert set(np.unique(after.read(1))) <= {0, 1, 2, 3}
        assert set(np.unique(after.read(1, out_shape=(100, 100)))) <= {0, 1, 2, 3}
        assert after.colorinterp[0].name == "palette"
    assert (result.resampling, result.overview_resampling) == ("nearest", "mode")


def test_a_hidden_half_stays_hidden(bench: CogBench) -> None:
    _, cog = bench.create(rasters.masked(bench.path()), target_resolution=20)
    with rasterio.open(cog) as after:
        mask = after.dataset_mask()
    assert not mask[:11].any()
    assert mask[13:].all()


def test_the_crs_may_stay_while_the_resolution_changes(bench: CogBench) -> None:
    path = rasters.write_geotiff(bench.path(), dtype="float32", data=np.full((1, 48, 64), 5.0, "float32"))
    result, cog = bench.create(path, target_resolution=20)
    assert (result.crs, result.resolution) == ("EPSG:32633", (20, 20))
    assert CRS.from_epsg(32633) == rasterio.open(cog).crs
    with rasterio.open(cog) as after:
        assert (after.width, after.height) == (32, 24)
        assert np.array_equal(after.read(1), np.full((24, 32), 5.0))
