"""`create_cog` and `verify_cog`: what must survive a conversion, what must not, and what is announced."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

from core.errors import ContractViolation, TaskCancelled
from core.task_models.raster import Compression, CreateCogParameters, VerifyCogParameters
from services.raster.cog import create_cog
from services.raster.verify import file_sha256, verify_cog
from tests import rasters
from tests.unit.raster.conftest import Bench


def assert_same_pixels(source: Path, cog: Path) -> None:
    before, after = rasters.pixels_of(source), rasters.pixels_of(cog)
    assert np.array_equal(before.pop("data"), after.pop("data"), equal_nan=True)
    assert np.array_equal(before.pop("mask"), after.pop("mask"))
    assert str(before.pop("nodata")) == str(after.pop("nodata"))
    assert before == after


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (rasters.write_geotiff, {}),
        (rasters.write_geotiff, {"dtype": "int8", "nodata": -7}),
        (rasters.write_geotiff, {"dtype": "uint16", "bands": 5}),
        (rasters.write_geotiff, {"dtype": "int32", "nodata": -2147483648}),
        (rasters.write_geotiff, {"dtype": "float32", "nodata": np.nan}),
        (rasters.write_geotiff, {"dtype": "float64", "nodata": -1.5e300}),
        (rasters.write_geotiff, {"crs": "EPSG:4326", "transform": from_origin(5, 50, 0.1, 0.1)}),
        (rasters.write_geotiff, {"crs": "+proj=laea +lat_0=10 +lon_0=15 +x_0=0 +y_0=0 +ellps=GRS80"}),
        (rasters.rgb, {"nodata": 0}),
        (rasters.rgb, {"compress": "DEFLATE", "interleave": "band"}),
        (rasters.rgba, {}),
        (rasters.palette, {}),
        (rasters.masked, {}),
        (rasters.rotated, {}),
    ],
)  # fmt: skip
def test_pixels_and_place_survive(bench: Bench, make: Any, options: dict[str, Any]) -> None:
    source = make(bench.files / "a.tif", **options)
    created, cog = bench.create(source)
    assert_same_pixels(source, cog)
    assert cog_validate(cog, strict=True, quiet=True)[0]
    assert verify_cog(VerifyCogParameters(created=created), bench.around().context) == created.cog


def test_the_colour_table_survives(bench: Bench) -> None:
    source = rasters.palette(bench.files / "a.tif")
    _, cog = bench.create(source)
    with rasterio.open(source) as before, rasterio.open(cog) as after:
        assert before.colormap(1) == after.colormap(1)


def test_band_names_scales_and_the_meaning_of_pixels_survive(bench: Bench) -> None:
    def finish(dataset: Any) -> None:
        dataset.descriptions = ("height",)
        dataset.scales, dataset.offsets, dataset.units = (0.1,), (-100.0,), ("metre",)
        dataset.update_tags(AREA_OR_POINT="Point", TIFFTAG_COPYRIGHT="somebody")

    source = rasters.write_geotiff(bench.files / "a.tif", dtype="int16", finish=finish)
    created, cog = bench.create(source)
    assert_same_pixels(source, cog)
    assert created.cog.descriptions == ("height",)
    with rasterio.open(cog) as dataset:
        assert (dataset.scales, dataset.offsets, dataset.units) == ((0.1,), (-100.0,), ("metre",))
        assert dataset.tags()["AREA_OR_POINT"] == "Point"
        assert dataset.tags()["TIFFTAG_COPYRIGHT"] == "somebody"


def test_foreign_metadata_does_not_survive(bench: Bench) -> None:
    def finish(dataset: Any) -> None:
        dataset.update_tags(STATISTICS_MEAN="a lie", SECRET="x")
        dataset.update_tags(ns="RPC", LINE_OFF="1")
        dataset.update_tags(ns="MYSTERY", key="value")
        dataset.update_tags(1, key="value")

    _, cog = bench.create(rasters.write_geotiff(bench.files / "a.tif", finish=finish))
    with rasterio.open(cog) as dataset:
        names = {"OVR_RESAMPLING_ALG", "AREA_OR_POINT"}
        assert set(dataset.tags()) <= names
        assert set(dataset.tag_namespaces()) <= {"IMAGE_STRUCTURE", "DERIVED_SUBDATASETS"}
        assert dataset.tags(1) == {}
    assert b"MYSTERY" not in cog.read_bytes()


def test_statistics_are_exact_and_skip_nodata(bench: Bench) -> None:
    data = np.array([[[1, 2, 3], [4, 200, 200]]], dtype="uint8")
    source = rasters.write_geotiff(bench.files / "a.tif", width=3, height=2, data=data, nodata=200)
    (band,) = bench.create(source)[0].cog.statistics
    assert (band.min, band.max, band.mean) == (1, 4, 2.5)
    assert band.stddev == pytest.approx(np.std([1, 2, 3, 4]))
    assert band.valid_percent == pytest.approx(100 * 4 / 6)


@pytest.mark.parametrize(("classes", "invents"), [(4, False), (120, True)])
def test_overviews_of_classes_hold_no_invented_class(bench: Bench, classes: int, invents: bool) -> None:
    """Few values are classes; many are measurements, whose average is worth having."""
    data = (rasters.gradient(1, 600, 600, "uint8") % classes * 2).astype("uint8")
    source = rasters.write_geotiff(bench.files / "a.tif", width=600, height=600, data=data)
    created, cog = bench.create(source)
    assert created.cog.overviews == (2,)
    with rasterio.open(cog, OVERVIEW_LEVEL=0) as overview:
        found = set(np.unique(overview.read()))
    assert bool(found - set(np.unique(data))) == invents


@pytest.mark.parametrize("compression", list(Compression))
def test_compressions(bench: Bench, compression: Compression) -> None:
    source = rasters.write_geotiff(bench.files / "a.tif", dtype="float32")
    _, cog = bench.create(source, compression=compression)
    with rasterio.open(cog) as dataset:
        assert dataset.compression.name == {"DEFLATE": "deflate", "LZW": "lzw", "ZSTD": "zstd"}[compression]
    assert_same_pixels(source, cog)


def test_the_blob_is_announced_before_it_is_made(bench: Bench) -> None:
    around = bench.around()
    uri = bench.put(rasters.write_geotiff(bench.files / "a.tif"))
    result = create_cog(
        CreateCogParameters(source_uri=uri, target_prefix="azure://silver/rasters/d_1/r1"), around.context
    )
    assert around.artefacts.announced == [(result.cog.blob_uri, False)]
    assert result.cog.blob_uri == f"azure://silver/rasters/d_1/r1/{around.context.attempt_name}.tif"
    assert around.progress == sorted(around.progress)


@pytest.mark.parametrize("progress", [0.15, 0.5, 0.9])
def test_cancelling_leaves_no_blob(bench: Bench, progress: float) -> None:
    uri = bench.put(rasters.write_geotiff(bench.files / "a.tif"))
    around = bench.around(cancel_at=progress)
    with pytest.raises(TaskCancelled):
        create_cog(CreateCogParameters(source_uri=uri, target_prefix="azure://silver/r"), around.context)
    assert around.artefacts.announced == []
    assert not (bench.root / "blobs" / "silver").exists()


def test_verify_notices_other_bytes(bench: Bench) -> None:
    created, _ = bench.create(rasters.write_geotiff(bench.files / "a.tif"))
    other = created.model_copy(update={"cog": created.cog.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(ContractViolation, match="bytes"):
        verify_cog(VerifyCogParameters(created=other), bench.around().context)


def test_verify_notices_other_pixels(bench: Bench) -> None:
    source = rasters.write_geotiff(bench.files / "a.tif")
    created, _ = bench.create(source)
    with rasterio.open(source, "r+") as dataset:
        dataset.write(np.array([[[99]]], dtype="uint8"), window=rasterio.windows.Window(5, 5, 1, 1))
    (bench.root / "blobs/silver/rasters/d_1/r1/00000000_s1_0000_a1.tif").unlink()
    changed, _ = bench.create(source)
    mixed = changed.model_copy(update={"pixel_checksums": created.pixel_checksums})
    with pytest.raises(ContractViolation, match="pixels"):
        verify_cog(VerifyCogParameters(created=mixed), bench.around().context)


@pytest.mark.parametrize(
    ("field", "value"),
    [("nodata", 3.0), ("crs", "EPSG:32634"), ("width", 65), ("dtypes", ("int16",)), ("nodata", "nan")],
)
def test_verify_notices_another_header(bench: Bench, field: str, value: object) -> None:
    created, _ = bench.create(rasters.write_geotiff(bench.files / "a.tif"))
    other = created.model_copy(update={"cog": created.cog.model_copy(update={field: value})})
    with pytest.raises(ContractViolation, match=field):
        verify_cog(VerifyCogParameters(created=other), bench.around().context)


def test_verify_notices_a_tiff_that_is_no_cog(bench: Bench) -> None:
    created, _ = bench.create(rasters.write_geotiff(bench.files / "a.tif", width=2000, height=2000))
    plain = rasters.write_geotiff(bench.files / "b.tif", width=2000, height=2000)
    info = bench.storage.put(created.cog.blob_uri, plain.read_bytes())
    cog_facts = created.cog.model_copy(update={"sha256": file_sha256(plain)})
    other = created.model_copy(update={"cog": cog_facts, "etag": info.etag})
    with pytest.raises(ContractViolation) as caught:
        verify_cog(VerifyCogParameters(created=other), bench.around().context)
    assert caught.value.code == "COG_INVALID"
