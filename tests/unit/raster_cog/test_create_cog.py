"""`create_cog`: what must survive a conversion, what must not, and what is announced."""

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.transform import from_origin
from rio_cogeo.cogeo import cog_validate

from core.errors import TaskCancelled
from core.task_models.raster_cog import CogOptions, Compression, CreateCogParameters, VerifyCogParameters
from core.task_models.raster_validation import ReadingOptions
from services.raster.create_cog import create_cog
from services.raster.verify import verify_cog
from tests import rasters
from tests.unit.raster_cog.conftest import CogBench


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
        (rasters.write_geotiff, {"dtype": "uint32", "width": 700, "height": 530}),
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
@pytest.mark.parametrize("tier", ["analysis", "archive"])
def test_pixels_and_place_survive(bench: CogBench, make: Any, options: dict[str, Any], tier: str) -> None:
    source = make(bench.path(), **options)
    result, cog = bench.create(source, cog_tier=tier)
    assert_same_pixels(source, cog)
    assert cog_validate(cog, strict=True, quiet=True)[0]
    assert (result.proof.compared_with, result.proof.equal) == ("source", True)
    assert verify_cog(VerifyCogParameters(cog=result), bench.around().context) == result


def test_the_proof_can_be_reproduced(bench: CogBench) -> None:
    source = rasters.masked(bench.path())
    result, cog = bench.create(source)
    for path in (source, cog):
        with rasterio.open(path) as dataset:
            parts = [*dataset.read(), dataset.read_masks(1)]
        assert result.proof.checksums == tuple(hashlib.sha256(part.tobytes()).hexdigest() for part in parts)
    assert result.proof.algorithm == "sha256"
    assert result.sha256 == hashlib.sha256(cog.read_bytes()).hexdigest()
    assert result.md5 == hashlib.md5(cog.read_bytes()).hexdigest()


def test_the_colour_table_survives(bench: CogBench) -> None:
    source = rasters.palette(bench.path())
    result, cog = bench.create(source)
    with rasterio.open(source) as before, rasterio.open(cog) as after:
        assert before.colormap(1) == after.colormap(1)
    assert result.rendering.colormap is not None


def test_band_names_scales_and_the_meaning_of_pixels_survive(bench: CogBench) -> None:
    def finish(dataset: Any) -> None:
        dataset.descriptions = ("height",)
        dataset.scales, dataset.offsets, dataset.units = (0.1,), (-100.0,), ("metre",)
        dataset.update_tags(AREA_OR_POINT="Point", TIFFTAG_COPYRIGHT="somebody")

    source = rasters.write_geotiff(bench.path(), dtype="int16", finish=finish)
    wishes: tuple[dict[str, Any], ...] = ({}, {"target_crs": "EPSG:3857"})
    for options in wishes:
        result, cog = bench.create(source, **options)
        assert result.descriptions == ("height",)
        with rasterio.open(cog) as dataset:
            assert (dataset.scales, dataset.offsets, dataset.units) == ((0.1,), (-100.0,), ("metre",))
            assert dataset.tags()["AREA_OR_POINT"] == "Point"
            assert dataset.tags()["TIFFTAG_COPYRIGHT"] == "somebody"


def test_foreign_metadata_does_not_survive(bench: CogBench) -> None:
    def finish(dataset: Any) -> None:
        dataset.update_tags(STATISTICS_MEAN="a lie", SECRET="x")
        dataset.update_tags(ns="RPC", LINE_OFF="1")
        dataset.update_tags(ns="MYSTERY", key="value")
        dataset.update_tags(1, key="value")

    _, cog = bench.create(rasters.write_geotiff(bench.path(), finish=finish))
    with rasterio.open(cog) as dataset:
        assert set(dataset.tags()) <= {"OVR_RESAMPLING_ALG", "AREA_OR_POINT"}
        assert set(dataset.tag_namespaces()) <= {"IMAGE_STRUCTURE", "DERIVED_SUBDATASETS"}
        assert dataset.tags(1) == {}
    assert b"MYSTERY" not in cog.read_bytes()


def test_statistics_are_exact_and_skip_nodata(bench: CogBench) -> None:
    data = np.array([[[1, 2, 3], [4, 200, 200]]], dtype="uint8")
    source = rasters.write_geotiff(bench.path(), width=3, height=2, data=data, nodata=200)
    (band,) = bench.create(source)[0].statistics
    assert (band.min, band.max, band.mean) == (1, 4, 2.5)
    assert band.stddev == pytest.approx(np.std([1, 2, 3, 4]))
    assert band.valid_percent == pytest.approx(100 * 4 / 6)
    assert bench.create(source, generate_statistics=False)[0].statistics == ()


@pytest.mark.parametrize("make", [rasters.rgba, rasters.masked])
def test_statistics_skip_what_is_hidden(bench: CogBench, make: Any) -> None:
    source = make(bench.path())
    result, _ = bench.create(source)
    with rasterio.open(source) as dataset:
        shown = dataset.read(1)[dataset.dataset_mask() != 0].astype("float64")
    assert result.statistics[0].mean == pytest.approx(shown.mean())
    assert result.statistics[0].valid_percent == pytest.approx(100 * shown.size / (64 * 48))


@pytest.mark.parametrize(("classes", "invents"), [(4, False), (120, True)])
def test_overviews_of_classes_hold_no_invented_class(bench: CogBench, classes: int, invents: bool) -> None:
    """Few values are classes; many are measurements, whose average is worth having."""
    data = (rasters.gradient(1, 600, 600, "uint8") % classes * 2).astype("uint8")
    source = rasters.write_geotiff(bench.path(), width=600, height=600, data=data)
    result, cog = bench.create(source)
    assert result.overviews == (2,)
    with rasterio.open(cog, OVERVIEW_LEVEL=0) as overview:
        found = set(np.unique(overview.read()))
    assert bool(found - set(np.unique(data))) == invents


def test_overviews_can_be_left_out(bench: CogBench) -> None:
    source = rasters.rgb(bench.path(), width=600, height=600)
    result, cog = bench.create(source, build_overviews=False)
    assert (result.overviews, result.overview_resampling) == ((), None)
    with rasterio.open(cog) as dataset:
        assert dataset.overviews(1) == []


@pytest.mark.parametrize("compression", [one for one in Compression if one.is_lossless])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_lossless_compressions(bench: CogBench, compression: Compression, dtype: str) -> None:
    source = rasters.write_geotiff(bench.path(), dtype=dtype)
    result, cog = bench.create(source, compression=compression, blocksize=256)
    with rasterio.open(cog) as dataset:
        names = {"NONE": None, "LERC_ZSTD": "LERC_ZSTD"}
        stated = dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION")
        assert stated == names.get(compression, compression)
        assert dataset.block_shapes == [(256, 256)]
    assert (result.compression, result.blocksize) == (compression, 256)
    assert_same_pixels(source, cog)


@pytest.mark.parametrize("compression", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("make", "options"),
    [(rasters.rgb, {}), (rasters.rgba, {}), (rasters.masked, {}), (rasters.rgb, {"nodata": 9})],
)
def test_lossy_compressions_keep_the_hidden_hidden(
    bench: CogBench, compression: str, make: Any, options: dict[str, Any]
) -> None:
    source = make(bench.path(), **options)
    result, cog = bench.create(source, compression=compression)
    with rasterio.open(source) as before, rasterio.open(cog) as after:
        assert np.array_equal(before.dataset_mask(), after.dataset_mask())
        shown = before.dataset_mask() != 0
        difference = before.read([1, 2, 3])[:, shown].astype(int) - after.read([1, 2, 3])[:, shown]
        assert np.abs(difference).mean() < 25
        assert after.nodata is None
        assert after.count == (4 if (compression, make) == ("WEBP", rasters.rgba) else 3)
    assert (result.proof.compared_with, result.proof.equal, result.proof.checksums) == ("none", None, ())


def test_jpeg_of_rgba_is_a_picture_of_three_colours(bench: CogBench) -> None:
    result, cog = bench.create(rasters.rgba(bench.path()), cog_tier="visualization")
    assert (result.band_count, result.classification) == (3, "rgb")
    with rasterio.open(cog) as dataset:
        assert ColorInterp.alpha not in dataset.colorinterp
        assert dataset.mask_flag_enums[0] == [MaskFlags.per_dataset]


def test_a_nodata_value_can_be_named_for_a_raster_without(bench: CogBench) -> None:
    source = rasters.write_geotiff(bench.path())
    result, cog = bench.create(source, target_nodata=5)
    data = rasters.pixels_of(source)["data"]
    assert result.nodata == 5
    assert result.statistics[0].valid_percent == pytest.approx(100 * (data != 5).mean())
    with rasterio.open(cog) as dataset:
        assert np.array_equal(dataset.read(), data)


def test_nan_can_be_named_as_json_has_it(bench: CogBench) -> None:
    data = np.array([[[1, 2, 3], [np.nan, 5, -1]]], dtype="float32")
    source = rasters.write_geotiff(bench.path(), dtype="float32", width=3, height=2, data=data, nodata=-1)
    options = CogOptions.model_validate(CogOptions(target_nodata=np.nan).model_dump(mode="json"))
    reading = ReadingOptions.model_validate_json(ReadingOptions(nodata=np.nan).model_dump_json())
    result, cog = bench.create(source, reading=reading, target_nodata=options.target_nodata)
    assert result.nodata == "nan"
    assert "NODATA_OVERRIDDEN" in {finding.code for finding in result.findings}
    assert result.statistics[0].valid_percent == pytest.approx(100 * 5 / 6)
    with rasterio.open(cog) as dataset:
        assert np.isnan(dataset.nodata)
        assert np.array_equal(dataset.read(), data, equal_nan=True)


def test_the_reading_options_reach_the_output(bench: CogBench) -> None:
    source = rasters.write_geotiff(bench.path(), crs=None, dtype="int16", nodata=3)
    result, _ = bench.create(source, reading=ReadingOptions(source_crs="EPSG:32634", nodata=4))
    assert (result.crs, result.nodata) == ("EPSG:32634", 4)


def nothing_but(path: Path, value: float, dtype: str, nodata: float | None) -> Path:
    data = np.full((1, 48, 64), value, dtype=dtype)
    return rasters.write_geotiff(path, dtype=dtype, nodata=nodata, data=data)


def all_transparent(path: Path) -> Path:
    rasters.rgba(path)
    with rasterio.open(path, "r+") as dataset:
        dataset.write(np.zeros((48, 64), dtype="uint8"), 4)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda path: nothing_but(path, 7, "uint8", 7),
        lambda path: nothing_but(path, math.nan, "float32", None),
        all_transparent,
    ],
)
def test_rasters_without_data_are_refused(bench: CogBench, make: Any) -> None:
    assert bench.refusal(make(bench.path())) == "RASTER_EMPTY"


def test_a_wish_that_cannot_be_is_refused(bench: CogBench) -> None:
    source = rasters.write_geotiff(bench.path(), dtype="float32")
    assert bench.refusal(source, compression="JPEG") == "OPTIONS_CONFLICT"


def test_the_blob_is_announced_before_it_is_made(bench: CogBench) -> None:
    around = bench.around()
    uri = bench.put(rasters.write_geotiff(bench.path()))
    result = create_cog(
        CreateCogParameters(source_uri=uri, target_prefix="azure://silver/rasters/d_1/r1"), around.context
    )
    assert around.artefacts.announced == [(result.blob_uri, False)]
    assert result.blob_uri == f"azure://silver/rasters/d_1/r1/{around.context.attempt_name}.tif"
    assert around.progress == sorted(around.progress)


@pytest.mark.parametrize("progress", [0.15, 0.5, 0.9])
def test_cancelling_leaves_no_blob(bench: CogBench, progress: float) -> None:
    uri = bench.put(rasters.write_geotiff(bench.path()))
    around = bench.around(cancel_at=progress)
    with pytest.raises(TaskCancelled):
        create_cog(CreateCogParameters(source_uri=uri, target_prefix="azure://silver/r"), around.context)
    assert not (bench.root / "blobs" / "silver").exists()


def test_named_classes_are_never_averaged_and_stand_in_the_legend(bench: CogBench) -> None:
    source = rasters.write_geotiff(bench.path(), width=700, height=530)
    reading = ReadingOptions(class_names={1: "water", 9: "woods"})
    result, _ = bench.create(source, reading=reading, blocksize=128)
    assert (result.classification, result.overview_resampling) == ("categorical", "mode")
    labels = {entry.value: entry.label for entry in result.rendering.legend}
    assert (labels[1], labels[2], labels[9]) == ("water", "", "woods")
