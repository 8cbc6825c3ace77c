"""The canvas in memory and the canvas in a file: the same COG comes of both, and nothing stays behind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from core.task_models.raster import RasterClass
from core.task_models.raster_cog import CogOptions
from core.task_models.raster_validation import ReadingOptions
from services.raster.canvas import open_canvas
from services.raster.clean_copy import PixelFacts, clean_copy
from services.raster.cog import make_cog
from services.raster.environment import hardened_gdal
from services.raster.feed import feed, open_feed
from services.raster.profiles import resolve
from services.raster.reading import open_raster
from services.raster.source import fetch_source
from services.raster.verify import pixel_checksums
from tests import rasters
from tests.unit.raster_cog.conftest import CogBench


def converted(
    bench: CogBench, source: Path, *, budget_bytes: int, window: Window | None = None, **options: Any
) -> tuple[Path, PixelFacts]:
    around = bench.around()
    reading = ReadingOptions()
    local = fetch_source(around.context, uri=bench.put(source), etag=None, reading=reading)
    target = bench.path(f"{around.context.workspace.name}.tif")
    with hardened_gdal(), open_raster(local, reading) as opened:
        resolved = resolve(CogOptions(**options), RasterClass.CONTINUOUS, opened.description)
        with open_feed(opened, resolved) as whole:
            part = feed(opened, whole.dataset, resolved, window=window)
            with open_canvas(
                part.layout, around.context.workspace, block_size=512, budget_bytes=budget_bytes
            ) as canvas:
                assert canvas.in_memory == (budget_bytes > 0)
                facts = clean_copy(part, canvas, on_progress=lambda _: None)
                with canvas.dataset() as dataset:
                    make_cog(dataset, target, options=resolved, is_small=canvas.in_memory)
    assert [path.name for path in around.context.workspace.iterdir()] == [local.path.name]
    return target, facts


SOURCES = [
    (rasters.rgb, {"width": 700, "height": 1100}, {}),
    (rasters.rgba, {}, {}),
    (rasters.rgba, {}, {"compression": "JPEG"}),
    (rasters.masked, {}, {}),
    (rasters.palette, {}, {}),
    (rasters.write_geotiff, {"dtype": "int8", "nodata": -3}, {}),
    (rasters.write_geotiff, {"dtype": "float64", "bands": 3, "nodata": np.nan}, {}),
    (rasters.rgb, {"width": 700, "height": 1100}, {"target_crs": "EPSG:3857"}),
    (rasters.rotated, {}, {}),
]


@pytest.mark.parametrize(("make", "options", "wishes"), SOURCES)
def test_memory_and_file_give_the_same_cog(
    bench: CogBench, make: Any, options: dict[str, Any], wishes: dict[str, Any]
) -> None:
    source = make(bench.path(), **options)
    in_memory, facts = converted(bench, source, budget_bytes=2**30, **wishes)
    in_file, same_facts = converted(bench, source, budget_bytes=0, **wishes)
    assert facts == same_facts
    assert pixel_checksums(in_memory) == pixel_checksums(in_file)
    with rasterio.open(in_memory) as one, rasterio.open(in_file) as other:
        assert str(one.profile) == str(other.profile)
        assert (one.tags(), one.colorinterp, one.overviews(1)) == (
            other.tags(),
            other.colorinterp,
            other.overviews(1),
        )
    if "compression" not in wishes:
        assert pixel_checksums(in_memory) == facts.checksums


@pytest.mark.parametrize("wishes", [{}, {"target_crs": "EPSG:3857", "target_resolution": 12}])
def test_a_window_is_cut_out_of_the_whole(bench: CogBench, wishes: dict[str, Any]) -> None:
    """As the tiles of a large raster are."""
    source = rasters.write_geotiff(bench.path(), width=1300, height=700, dtype="uint16", bands=2)
    whole, _ = converted(bench, source, budget_bytes=2**30, **wishes)
    window = Window(600, 130, 300, 257)
    part, _ = converted(bench, source, budget_bytes=2**30, window=window, **wishes)
    with rasterio.open(whole) as one, rasterio.open(part) as other:
        assert np.array_equal(one.read(window=window), other.read())
        assert np.array_equal(one.dataset_mask(window=window), other.dataset_mask())
        assert other.transform == one.window_transform(window)


def test_a_canvas_that_is_given_up_leaves_no_file(bench: CogBench) -> None:
    source = rasters.rgb(bench.path())
    around = bench.around()
    with hardened_gdal(), rasterio.open(source):
        reading = ReadingOptions()
        local = fetch_source(around.context, uri=bench.put(source), etag=None, reading=reading)
        with open_raster(local, reading) as opened:
            resolved = resolve(CogOptions(), RasterClass.RGB, opened.description)
            with (
                pytest.raises(KeyError),
                open_feed(opened, resolved) as part,
                open_canvas(part.layout, around.context.workspace, block_size=512, budget_bytes=0),
            ):
                raise KeyError
    assert [path.name for path in around.context.workspace.iterdir()] == [local.path.name]
