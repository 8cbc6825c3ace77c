"""The picture of the whole: drawn from overviews, at the right place, the first part on top."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.shutil import copy
from rasterio.transform import Affine
from rasterio.warp import transform_bounds

from core.task_models.raster import RasterDescription
from core.task_models.raster_mosaic import MosaicPart
from services.raster.inspect import describe
from services.raster.low_zoom import MAX_BYTES, Picture, draw, low_zoom_grid
from tests import rasters


def described(path: Path) -> RasterDescription:
    with rasterio.open(path) as dataset:
        return describe(dataset, band_names=dataset.descriptions)


def part_of(path: Path) -> MosaicPart:
    header = described(path)
    return MosaicPart(
        name=path.stem,
        blob_uri=str(path),
        size_bytes=path.stat().st_size,
        sha256="0" * 64,
        width=header.width,
        height=header.height,
        crs=header.crs,
        bounds=header.bounds,
        bbox=header.bbox,
        transform=header.transform,
    )


@contextmanager
def access(part: MosaicPart) -> Iterator[str]:
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        yield part.blob_uri


def as_cog(path: Path, data: np.ndarray, transform: Affine, **options: Any) -> Path:
    plain = rasters.write_geotiff(
        path.with_suffix(".plain.tif"),
        bands=len(data),
        height=data.shape[1],
        width=data.shape[2],
        dtype=data.dtype.name,
        data=data,
        transform=transform,
        **options,
    )
    copy(plain, path, driver="COG", BLOCKSIZE=128, OVERVIEW_RESAMPLING="AVERAGE", COMPRESS="DEFLATE")
    return path


def cut_up(folder: Path, data: np.ndarray, *, side: int, **options: Any) -> list[MosaicPart]:
    parts = []
    for row in range(0, data.shape[1], side):
        for column in range(0, data.shape[2], side):
            transform = rasters.UTM33_ORIGIN @ Affine.translation(column, row)
            tile = data[:, row : row + side, column : column + side]
            parts.append(part_of(as_cog(folder / f"r{row}_c{column}.tif", tile, transform, **options)))
    return parts


def smooth(bands: int, height: int, width: int, dtype: str = "uint8") -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    waves = [100 + 60 * np.sin(columns / (60 + 9 * n)) + 40 * np.cos(rows / 70) for n in range(bands)]
    return np.stack(waves).astype(dtype)


def drawn(parts: list[MosaicPart], whole: RasterDescription, *, part_side: int, **how: Any) -> Picture:
    grid = low_zoom_grid(whole, part_side=part_side)
    return draw(
        parts,
        grid,
        description=whole,
        resampling=how.get("resampling", Resampling.average),
        access=access,
        on_progress=how.get("on_progress", lambda _: None),
    )


def test_tiles_give_the_overview_of_the_whole(tmp_path: Path) -> None:
    data = smooth(3, 1024, 2048)
    whole = as_cog(tmp_path / "whole.tif", data, rasters.UTM33_ORIGIN, photometric="RGB")
    parts = cut_up(tmp_path, data, side=512, photometric="RGB")
    picture = drawn(parts, described(whole), part_side=512)
    with rasterio.open(whole, overview_level=0) as overview:
        assert np.array_equal(picture.pixels, overview.read())
    assert picture.valid.all()


def test_nodata_is_not_averaged_in_and_stays_nodata(tmp_path: Path) -> None:
    data = smooth(1, 512, 1024, "int16")
    data[:, :, :400] = -999
    whole = as_cog(tmp_path / "whole.tif", data, rasters.UTM33_ORIGIN, nodata=-999)
    picture = drawn(cut_up(tmp_path, data, side=512, nodata=-999), described(whole), part_side=512)
    assert (picture.pixels[0, :, :200] == -999).all()
    assert not picture.valid[:, :200].any()
    assert picture.valid[:, 200:].all()
    assert picture.pixels[0, :, 200:].min() >= 0


def test_a_missing_part_leaves_a_hole_of_its_size(tmp_path: Path) -> None:
    data = smooth(1, 512, 1024)
    whole = as_cog(tmp_path / "whole.tif", data, rasters.UTM33_ORIGIN)
    picture = drawn(cut_up(tmp_path, data, side=512)[:1], described(whole), part_side=512)
    assert picture.valid[:, :256].all()
    assert not picture.valid[:, 256:].any()


def test_where_parts_overlap_the_first_shows(tmp_path: Path) -> None:
    first = as_cog(tmp_path / "a.tif", np.full((1, 512, 512), 10, "uint8"), rasters.UTM33_ORIGIN)
    second = as_cog(tmp_path / "b.tif", np.full((1, 512, 512), 20, "uint8"), rasters.UTM33_ORIGIN)
    picture = drawn([part_of(first), part_of(second)], described(first), part_side=512)
    assert (picture.pixels == 10).all()


def test_a_part_in_another_crs_lies_where_it_should(tmp_path: Path) -> None:
    data = smooth(1, 1024, 1024)
    there = as_cog(tmp_path / "a.tif", data, rasters.UTM33_ORIGIN)
    part = part_of(there)
    west, south, east, north = transform_bounds(CRS.from_string(part.crs), "EPSG:4326", *part.bounds)
    size = (east - west) / 1024
    grid = Affine(size, 0, west, 0, -size, north)
    whole = described(
        rasters.write_geotiff(
            tmp_path / "whole.tif",
            width=1024,
            height=int((north - south) / size) + 1,
            crs="EPSG:4326",
            transform=grid,
        )
    )
    picture = drawn([part], whole, part_side=1024)
    lon, lat = west + 0.4 * (east - west), south + 0.6 * (north - south)
    column, row = ~low_zoom_grid(whole, part_side=1024).transform @ (lon, lat)
    xs, ys = rasterio.warp.transform("EPSG:4326", part.crs, [lon], [lat])
    source_column, source_row = ~Affine(*part.transform) @ (xs[0], ys[0])
    expected = data[0, int(source_row), int(source_column)]
    assert abs(int(picture.pixels[0, int(row), int(column)]) - int(expected)) <= 6


def test_drawing_stops_where_it_is_told_to(tmp_path: Path) -> None:
    def stop(_: float) -> None:
        raise InterruptedError

    part = part_of(as_cog(tmp_path / "a.tif", smooth(1, 512, 512), rasters.UTM33_ORIGIN))
    with pytest.raises(InterruptedError):
        drawn([part], described(tmp_path / "a.tif"), part_side=512, on_progress=stop)


@pytest.mark.parametrize(("side", "bands"), [(2_000, 3), (36_000, 3), (800_000, 3), (800_000, 60)])
def test_the_picture_is_bounded_however_large_the_whole(tmp_path: Path, side: int, bands: int) -> None:
    small = described(rasters.write_geotiff(tmp_path / "a.tif", bands=bands))
    whole = small.model_copy(update={"width": side, "height": side})
    grid = low_zoom_grid(whole, part_side=8192)
    assert grid.width * grid.height * bands <= MAX_BYTES
    assert grid.width * grid.factor >= side
    assert min(grid.width, grid.height) >= 400
