"""Contours: as gdal_contour draws them, at levels that suit the data."""

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
from rasterio.transform import from_origin

from core.errors import PermanentTaskError, TaskCancelled
from core.task_models.raster_terrain import TerrainOptions
from services.raster.contours import LAYER, round_interval, write_contours
from tests.unit.terrain.conftest import Bench, GdalTool, hills


def test_they_are_what_gdal_contour_draws(bench: Bench, gdal_tool: GdalTool) -> None:
    data = hills()
    data[40:60, 50:80] = -9999
    dem = bench.dem(data, nodata=-9999)
    made, path = bench.derive("contours", dem)
    gdal_tool(
        "gdal_contour", "-a", "elevation", "-i", made.contour_interval, dem, bench.root / "expected.gpkg"
    )
    found, expected = geopandas.read_file(path), geopandas.read_file(bench.root / "expected.gpkg")
    assert len(found) == len(expected) == made.feature_count
    assert len(found) > 20
    assert found.crs == expected.crs
    assert found.geometry.geom_equals(expected.geometry).all()
    assert (found.elevation == expected.elevation).all()
    assert made.media_type == "application/geopackage+sqlite3"


def test_the_lines_lie_where_the_elevation_is(bench: Bench) -> None:
    """A plane that rises by one a pixel: its contours are straight, through the middles of pixels."""
    data = np.repeat(np.arange(100, dtype="float32")[None, :], 50, axis=0)
    dem = bench.dem(data, crs="EPSG:4326", transform=from_origin(10, 50, 0.01, 0.01))
    made, path = bench.derive("contours", dem, contour_interval=20)
    lines = geopandas.read_file(path)
    assert list(lines.elevation) == [20, 40, 60, 80]
    assert lines.crs == "EPSG:4326"
    for elevation, line in zip(lines.elevation, lines.geometry, strict=True):
        assert np.asarray(line.coords)[:, 0] == pytest.approx(10 + 0.01 * (elevation + 0.5), abs=1e-6)
    assert made.contour_interval == 20


@pytest.mark.parametrize(
    ("spread", "interval"),
    [(2000, 100), (1999, 100), (2001, 200), (700, 50), (40, 2), (3, 0.2), (1e-3, 5e-5), (0, 1), (9e6, 5e5)],
)
def test_round_intervals(spread: float, interval: float) -> None:
    assert round_interval(spread) == pytest.approx(interval)


def test_one_wild_value_does_not_set_the_interval(bench: Bench) -> None:
    data = hills()
    data[0, 0] = 9000
    made, _ = bench.derive("contours", bench.dem(data))
    assert made.contour_interval == 50


def test_a_plain_has_none(bench: Bench) -> None:
    made, path = bench.derive("contours", bench.dem(np.full((20, 20), 7.3, dtype="float32")))
    assert made.feature_count == 0
    assert pyogrio.read_info(path, layer=LAYER)["features"] == 0
    assert "no contours" in made.warnings[0]


def test_nothing_but_nodata_has_none(bench: Bench) -> None:
    made, _ = bench.derive("contours", bench.dem(np.full((20, 20), -9999, dtype="float32"), nodata=-9999))
    assert made.feature_count == 0


def test_too_many_levels_are_refused(bench: Bench) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        bench.derive("contours", bench.dem(hills()), contour_interval=0.01)
    assert caught.value.code == "CONTOUR_INTERVAL_TOO_SMALL"


def test_large_rasters_are_averaged_first(bench: Bench) -> None:
    dem = bench.dem(hills(), nodata=-9999)
    bench.derive("slope", dem)
    with rasterio.open(dem) as dataset:
        made = write_contours(
            dataset, bench.root / "c.gpkg", options=TerrainOptions(contour_interval=50),
            context=bench.runs[0].context, max_samples=140 * 120 // 4,
        )  # fmt: skip
        left, bottom, right, top = dataset.bounds
    lines = geopandas.read_file(bench.root / "c.gpkg")
    assert "70 x 60" in made.warnings[0]
    assert lines.geometry.within(geopandas.GeoSeries.from_wkt(
        [f"POLYGON(({left} {bottom},{right} {bottom},{right} {top},{left} {top},{left} {bottom}))"]
    ).iloc[0]).all()  # fmt: skip
    full, _ = bench.derive("contours", dem, contour_interval=50)
    assert full.warnings == ()


@pytest.mark.parametrize("cancel_at", [0.3, 0.5])
def test_it_can_be_cancelled_on_the_way(bench: Bench, cancel_at: float) -> None:
    with pytest.raises(TaskCancelled):
        bench.derive("contours", bench.dem(hills(600, 600)), cancel_at=cancel_at)
    assert bench.runs[0].artefacts.announced == []
