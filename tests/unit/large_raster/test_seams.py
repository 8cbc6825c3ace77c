"""The tiles of a mosaic, put together, are the single COG of the same raster: pixel for pixel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from core.task_models.raster_mosaic import MosaicPart
from tests import rasters
from tests.large_rasters import Workshop

TILED: dict[str, Any] = {"tiled": True, "blockxsize": 256, "blockysize": 256}
STRIPS: dict[str, Any] = {"blockysize": 16}


def noise(bands: int, height: int, width: int, dtype: str) -> np.ndarray:
    """Uneven enough that a pixel from another place, or another filter, is another pixel."""
    rows, columns = np.mgrid[:height, :width]
    grain = np.random.default_rng(5).integers(0, 40, (bands, height, width))
    waves = [90 + 50 * np.sin(columns / 37 + n) + 40 * np.cos(rows / 41) for n in range(bands)]
    return (np.stack(waves) + grain).astype(dtype)


def plain(path: Path, *, bands: int = 1, dtype: str = "uint8", **options: Any) -> Path:
    height, width = options.pop("height", 400), options.pop("width", 530)
    data = noise(bands, height, width, dtype)
    return rasters.write_geotiff(
        path, bands=bands, height=height, width=width, dtype=dtype, data=data, **options
    )


def with_nodata_edge(path: Path, *, dtype: str, nodata: float, **options: Any) -> Path:
    """Nodata in a ragged corner that tiles cut through, and in single pixels."""
    height, width = options.pop("height", 400), options.pop("width", 530)
    data = noise(1, height, width, dtype)
    rows, columns = np.mgrid[:height, :width]
    data[:, rows + columns < 300 + 20 * np.sin(rows / 5)] = nodata
    data[:, ::97, ::89] = nodata
    return rasters.write_geotiff(
        path, height=height, width=width, dtype=dtype, data=data, nodata=nodata, **options
    )


def with_alpha(path: Path, **options: Any) -> Path:
    height, width = options.pop("height", 400), options.pop("width", 530)
    data = noise(4, height, width, "uint8")
    data[3] = 255
    data[3, :, :333] = 0

    def colors(dataset: Any) -> None:
        dataset.colorinterp = [rasterio.enums.ColorInterp[name] for name in ("red", "green", "blue", "alpha")]

    return rasters.write_geotiff(
        path, bands=4, height=height, width=width, data=data, photometric="RGB", finish=colors, **options
    )


def with_mask(path: Path, **options: Any) -> Path:
    height, width = options.pop("height", 400), options.pop("width", 530)
    hidden = np.full((height, width), 255, dtype="uint8")
    hidden[200:300, 200:400] = 0
    data = noise(3, height, width, "uint8")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"):
        return rasters.write_geotiff(
            path,
            bands=3,
            height=height,
            width=width,
            data=data,
            photometric="RGB",
            finish=lambda dataset: dataset.write_mask(hidden),
            **options,
        )


def with_palette(path: Path, **options: Any) -> Path:
    return rasters.palette(path, **{"width": 530, "height": 400, **options})


def assembled(workshop: Workshop, parts: list[MosaicPart], whole: Any) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of the parts in the grid of the whole, with those of their masks as one more band; and
    where there is a part."""
    pixels = np.zeros((whole.count + 1, whole.height, whole.width), dtype=whole.dtypes[0])
    seen = np.zeros((whole.height, whole.width), dtype=int)
    for part in parts:
        with rasterio.open(workshop.file(part.blob_uri)) as tile:
            column, row = ~whole.transform @ (tile.transform.c, tile.transform.f)
            assert abs(column - round(column)) < 1e-6
            assert abs(row - round(row)) < 1e-6
            place = np.s_[round(row) : round(row) + tile.height, round(column) : round(column) + tile.width]
            pixels[(slice(None), *place)] = [*tile.read(), tile.dataset_mask() / 255]
            seen[place] += 1
            assert (tile.crs, str(tile.nodata)) == (whole.crs, str(whole.nodata))
            assert tile.colorinterp == whole.colorinterp
    assert seen.max() == 1, "tiles do not overlap"
    return pixels, seen == 1


def assert_same(workshop: Workshop, source: Path, *, tile_size: int = 256, **options: Any) -> None:
    _, single = workshop.single(source, **options)
    result = workshop.large(source, tile_size=tile_size, options=options)
    parts = workshop.parts(result)
    with rasterio.open(single) as whole:
        pixels, seen = assembled(workshop, parts, whole)
        mask = whole.dataset_mask()
        assert not mask[~seen].any(), "only tiles without data are left out"
        expected = np.stack([*whole.read(), mask / 255]).astype(pixels.dtype)
        assert np.array_equal(pixels[:, seen], expected[:, seen], equal_nan=pixels.dtype.kind == "f")
        assert (result.width, result.height) == (whole.width, whole.height)
        assert Affine(*result.transform) == whole.transform
        assert CRS.from_user_input(result.crs) == whole.crs
    assert result.part_count == len(parts) > 1


Maker = Callable[..., Path]


@pytest.mark.parametrize(
    ("make", "options", "layout"),
    [
        (plain, {"dtype": "uint8", "bands": 3, "photometric": "RGB"}, TILED),
        (plain, {"dtype": "uint8", "bands": 3, "photometric": "RGB", "compress": "DEFLATE"}, STRIPS),
        (plain, {"dtype": "int8"}, TILED),
        (plain, {"dtype": "uint16", "bands": 5, "interleave": "band"}, TILED),
        (plain, {"dtype": "uint16", "bands": 5, "interleave": "band"}, STRIPS),
        (plain, {"dtype": "int32"}, STRIPS),
        (plain, {"dtype": "float64"}, TILED),
        (with_nodata_edge, {"dtype": "int16", "nodata": -999}, TILED),
        (with_nodata_edge, {"dtype": "float32", "nodata": np.nan}, STRIPS),
        (with_nodata_edge, {"dtype": "uint8", "nodata": 0}, TILED),
        (with_alpha, {}, TILED),
        (with_mask, {}, TILED),
        (with_mask, {}, STRIPS),
        (with_palette, {}, TILED),
    ],
)  # fmt: skip
def test_in_the_grid_of_the_source(
    workshop: Workshop, make: Maker, options: dict[str, Any], layout: dict[str, Any]
) -> None:
    assert_same(workshop, make(workshop.root / "a.tif", **options, **layout))


@pytest.mark.parametrize(
    ("make", "options", "layout"),
    [
        (plain, {"dtype": "uint8", "bands": 3, "photometric": "RGB"}, TILED),
        (plain, {"dtype": "float64", "bands": 5}, TILED),
        (with_nodata_edge, {"dtype": "int16", "nodata": -999}, STRIPS),
        (with_nodata_edge, {"dtype": "float32", "nodata": np.nan}, TILED),
        (with_alpha, {}, TILED),
        (with_mask, {}, STRIPS),
        (with_palette, {}, TILED),
    ],
)
@pytest.mark.parametrize("target_crs", ["EPSG:4326", "EPSG:3857"])
def test_reprojected(
    workshop: Workshop, make: Maker, options: dict[str, Any], layout: dict[str, Any], target_crs: str
) -> None:
    source = make(workshop.root / "a.tif", width=1100, height=1700, **options, **layout)
    assert_same(workshop, source, tile_size=1024, target_crs=target_crs)


@pytest.mark.parametrize(
    ("crs", "transform", "target_crs"),
    [
        ("EPSG:4326", from_origin(0, 80, 360 / 2200, 0.1), "EPSG:3857"),
        ("EPSG:4326", from_origin(-180, 90, 360 / 2200, 180 / 1400), "EPSG:3857"),
        ("EPSG:32660", from_origin(700_000, 1_000_000, 200, 200), "EPSG:4326"),
        ("EPSG:32660", from_origin(700_000, 1_000_000, 200, 200), "EPSG:3857"),
        ("EPSG:3413", from_origin(-2_000_000, 2_000_000, 4_000_000 / 2200, 4_000_000 / 1400), "EPSG:4326"),
    ],
    ids=["from 0 to 360", "the globe", "antimeridian in degrees", "antimeridian in Web Mercator", "the pole"],
)
def test_where_longitudes_come_round(
    workshop: Workshop, crs: str, transform: Affine, target_crs: str
) -> None:
    """No tile counts as outside of the source that is not."""
    source = plain(
        workshop.root / "a.tif", width=2200, height=1400, crs=crs, transform=transform, nodata=0, **TILED
    )
    assert_same(workshop, source, tile_size=1024, target_crs=target_crs)
