"""Hillshade and slope: as gdaldem computes them, and right where it cannot be."""

import hashlib
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

from core.errors import PermanentTaskError, TaskCancelled
from core.task_models.raster_terrain import TerrainOptions, TerrainProductName
from services.raster.elevation import NO_ELEVATION, row_chunks
from services.raster.ground import metres_per_degree, pixel_size
from services.raster.relief import _shaded
from tests import rasters
from tests.unit.terrain.conftest import Bench, GdalTool, band, hills


def with_a_hole(elevations: np.ndarray, value: float) -> np.ndarray:
    elevations[40:60, 50:80] = value
    return elevations


@pytest.mark.parametrize("product", ["slope", "hillshade"])
@pytest.mark.parametrize(
    ("data", "options"),
    [
        (hills(), {}),
        (hills(700, 40), {}),
        (with_a_hole(hills(), -9999), {"nodata": -9999}),
        (with_a_hole(hills(), np.nan), {"nodata": np.nan}),
        (hills().astype("int16"), {"nodata": -32768}),
        (hills().astype("float64"), {}),
    ],
    ids=["plain", "several strips", "hole", "nan", "int16", "float64"],
)
def test_in_metres_it_is_what_gdaldem_computes(
    bench: Bench, gdal_tool: GdalTool, product: str, data: np.ndarray, options: dict[str, Any]
) -> None:
    dem = bench.dem(data, **options)
    gdal_tool("gdaldem", product, dem, bench.root / "expected.tif", "-compute_edges", "-q")
    made, path = bench.derive(product, dem)
    expected, found = band(bench.root / "expected.tif"), band(path)
    assert np.array_equal(np.ma.getmaskarray(expected), np.ma.getmaskarray(found))
    # UTM is 0.04 % short on the ground here; and a brightness may be rounded the other way.
    assert np.abs(expected - found).max() <= (0.02 if product == "slope" else 1)
    assert made.unit == ("degree" if product == "slope" else None)


def east_slope(latitudes: np.ndarray, *, width: int, degrees: float) -> np.ndarray:
    """Elevations that rise to the east by a metre in a metre, for rows at these latitudes."""
    metres = np.array([metres_per_degree(latitude)[0] for latitude in latitudes])
    return (metres[:, None] * degrees * np.arange(width)[None, :]).astype("float32")


def test_in_degrees_the_ground_is_measured_along_each_parallel(bench: Bench) -> None:
    latitudes = 75 - 0.05 * (np.arange(700) + 0.5)
    data = east_slope(latitudes, width=9, degrees=0.01)
    dem = bench.dem(data, crs="EPSG:4326", transform=from_origin(10, 75, 0.01, 0.05))
    _, path = bench.derive("slope", dem)
    found = band(path)[1:-1]  # gdaldem halves the slope in the corners of a raster
    assert found.min() > 44.6
    assert found.max() < 45.4


def test_in_web_mercator_the_scale_of_the_map_is_no_slope(bench: Bench) -> None:
    """At 60 degrees north a metre of the map is half a metre on the ground."""
    data = np.repeat(50 * np.arange(20, dtype="float32")[None, :], 20, axis=0)
    dem = bench.dem(data, crs="EPSG:3857", transform=from_origin(1e6, 8_399_737.9, 100, 100))
    _, path = bench.derive("slope", dem)
    assert np.abs(band(path)[1:-1] - 45).max() < 0.1


def test_elevations_in_feet(bench: Bench) -> None:
    _, metres = bench.derive("slope", bench.dem(hills()))
    _, feet = bench.derive("slope", bench.dem(hills() / np.float32(0.3048)), metres_per_unit=0.3048)
    assert np.abs(band(feet) - band(metres)).max() < 1e-3


def test_scaled_integers_are_elevations_too(bench: Bench) -> None:
    def finish(dataset: Any) -> None:
        dataset.scales, dataset.offsets = (0.1,), (-100.0,)

    stored = np.rint((hills() + 100) * 10).astype("int16")
    _, scaled = bench.derive("slope", bench.dem(stored, finish=finish))
    _, plain = bench.derive("slope", bench.dem(hills()))
    assert np.abs(band(scaled) - band(plain)).max() < 0.5


def test_the_light_comes_from_where_it_is_said(bench: Bench) -> None:
    data = np.repeat(10 * np.arange(30, dtype="float32")[None, :], 30, axis=0)
    east, west = (
        band(bench.derive("hillshade", bench.dem(data), azimuth=azimuth)[1]).mean() for azimuth in (90, 270)
    )
    assert west > east + 100, "the slope rises to the east, and faces west"


def test_south_up_rasters_are_lit_from_the_same_side(bench: Bench) -> None:
    up = bench.dem(hills())
    with rasterio.open(up) as dataset:
        a, _, c, _, e, f = tuple(dataset.transform)[:6]
    down = bench.dem(hills()[::-1].copy(), transform=rasterio.Affine(a, 0, c, 0, -e, f + e * 120))
    expected, found = (band(bench.derive("hillshade", dem)[1]) for dem in (up, down))
    assert np.abs(expected - found[::-1]).max() <= 1


def test_the_product_is_a_cog_on_the_same_grid(bench: Bench) -> None:
    dem = bench.dem(hills(700, 600))
    made, path = bench.derive("slope", dem)
    assert cog_validate(path, strict=True, quiet=True)[0]
    assert (made.size_bytes, made.sha256) == (
        path.stat().st_size,
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    with rasterio.open(dem) as source, rasterio.open(path) as product:
        assert (source.transform, source.crs, source.shape) == (product.transform, product.crs, product.shape)
        assert (product.descriptions, product.units, product.nodata) == (("slope",), ("degree",), -9999)
        assert product.overviews(1) == [2]
    assert bench.runs[0].artefacts.announced == [(made.blob_uri, False)]


def test_pieces_join_without_a_seam(bench: Bench) -> None:
    """Every row is shaded once, and as if the raster had been read at once."""
    with rasterio.open(bench.dem(hills(), nodata=-9999)) as dem:
        whole, pieces = (
            [
                (top, rows)
                for chunk in row_chunks(dem, max_samples=samples)
                for top, rows in _shaded(
                    dem, chunk, product=TerrainProductName.SLOPE, options=TerrainOptions()
                )
            ]
            for samples in (10**6, 7 * 140)
        )
    assert len(whole) == 1
    assert [top for top, _ in pieces] == list(range(0, 120, 7))
    # Each piece measures its pixels for itself: the scale of UTM differs by some 1e-8 along 1200 m.
    assert np.concatenate([rows for _, rows in pieces]) == pytest.approx(whole[0][1], abs=1e-4)


def test_what_is_hidden_is_no_elevation(bench: Bench) -> None:
    data = hills()
    data[:, :3] = np.inf
    with rasterio.open(bench.dem(data, nodata=500.0)) as dem:
        (chunk,) = row_chunks(dem)
    assert (chunk.values[:, :3] == NO_ELEVATION).all()
    assert (chunk.top, chunk.count, chunk.skip) == (0, 120, 0)


@pytest.mark.parametrize(
    ("make", "classification"),
    [
        (rasters.write_geotiff, "categorical"),
        (rasters.write_geotiff, "continuous"),
        (rasters.write_geotiff, None),
        (rasters.rgb, None),
        (rasters.rgb, "dem"),
        (rasters.palette, "dem"),
        (lambda path: rasters.write_geotiff(path, dtype="float32", width=2), "dem"),
    ],
    ids=["classes", "measurements", "bytes", "picture", "bands", "palette", "tiny"],
)
def test_only_elevation_models_have_terrain(bench: Bench, make: Any, classification: str | None) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        bench.derive("slope", make(bench.root / "a.tif"), classification=classification)
    assert caught.value.code == "TERRAIN_NEEDS_DEM"


@pytest.mark.parametrize("cancel_at", [0.2, 0.65])
def test_it_can_be_cancelled_on_the_way(bench: Bench, cancel_at: float) -> None:
    with pytest.raises(TaskCancelled):
        bench.derive("slope", bench.dem(hills(1200, 10)), cancel_at=cancel_at)
    assert bench.runs[0].artefacts.announced == []


@pytest.mark.parametrize(
    ("crs", "place", "step", "expected"),
    [
        ("EPSG:4326", (10, 0), 1 / 3600, (30.92, 30.71)),
        ("EPSG:4326", (10, 60), 1 / 3600, (15.50, 30.95)),
        ("EPSG:2263", (1_000_000, 200_000), 100, (30.48, 30.48)),
        ("EPSG:32633", (500_000, 5_300_000), 0.1, (0.1, 0.1)),
        ("EPSG:3031", (0, 0), 1000, (1029, 1029)),
    ],
    ids=["equator", "60 north", "feet", "drone", "pole"],
)
def test_pixels_on_the_ground(
    crs: str, place: tuple[float, float], step: float, expected: tuple[float, float]
) -> None:
    affine = (step, 0.0, place[0], 0.0, -step, place[1])
    found = pixel_size(rasterio.CRS.from_user_input(crs), affine, column=0, row=0)
    assert found == pytest.approx(expected, rel=1e-3)
