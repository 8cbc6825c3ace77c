"""A factory of tiny GeoTIFFs, well-formed and hostile. Every one is made anew; nothing is checked in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.rpc import RPC
from rasterio.transform import Affine, from_origin

UTM33_ORIGIN = from_origin(500_000.0, 5_300_000.0, 10.0, 10.0)


def gradient(bands: int, height: int, width: int, dtype: str) -> np.ndarray:
    """Pixels (bands, rows, columns) that differ from their neighbours and from band to band."""
    ramp = np.arange(height)[:, None] * 3 + np.arange(width)[None, :]
    stack = np.stack([(ramp + 17 * band) % 251 + 1 for band in range(bands)])
    return stack.astype(dtype)


def write_geotiff(
    path: Path,
    *,
    width: int = 64,
    height: int = 48,
    bands: int = 1,
    dtype: str = "uint8",
    crs: str | None = "EPSG:32633",
    transform: Affine | None = UTM33_ORIGIN,
    nodata: float | None = None,
    data: np.ndarray | None = None,
    finish: Callable[[Any], None] | None = None,
    **options: Any,
) -> Path:
    """Write a GeoTIFF; `finish(dataset)` may add to it before it is closed."""
    profile: dict[str, Any] = {"crs": crs, "nodata": nodata, **options}
    if transform is not None:
        profile["transform"] = transform
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype=dtype, **profile
    ) as dataset:
        if finish:
            finish(dataset)
        dataset.write(gradient(bands, height, width, dtype) if data is None else data)
    return path


def rgb(path: Path, **options: Any) -> Path:
    """Three bands of bytes, red, green and blue."""
    return write_geotiff(path, bands=3, photometric="RGB", **options)


def rgba(path: Path, **options: Any) -> Path:
    """With an alpha band that is transparent on the left."""
    data = gradient(4, 48, 64, "uint8")
    data[3] = 255
    data[3, :, :20] = 0

    def colors(dataset: Any) -> None:
        dataset.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)

    return write_geotiff(path, bands=4, data=data, photometric="RGB", finish=colors, **options)


def palette(path: Path, **options: Any) -> Path:
    """Land cover classes 0 to 3 with a colour table."""

    def colors(dataset: Any) -> None:
        dataset.write_colormap(1, {0: (0, 0, 0, 255), 1: (0, 99, 0, 255), 2: (200, 0, 0, 255)})

    size = {"width": options.get("width", 64), "height": options.get("height", 48)}
    data = (gradient(1, size["height"], size["width"], "uint8") % 4).astype("uint8")
    return write_geotiff(path, data=data, photometric="PALETTE", finish=colors, **options)


def masked(path: Path) -> Path:
    """With an internal mask that hides the upper half."""
    hidden = np.zeros((48, 64), dtype="uint8")
    hidden[24:] = 255
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"):
        return write_geotiff(path, bands=3, finish=lambda dataset: dataset.write_mask(hidden))


def rotated(path: Path) -> Path:
    """On a grid turned by 30 degrees."""
    return write_geotiff(path, transform=UTM33_ORIGIN @ Affine.rotation(30))


def truncated(path: Path, *, keep: float = 0.6, **options: Any) -> Path:
    """Cut off in transfer: the header is whole, the last blocks are not there."""
    noise = np.random.default_rng(7).integers(0, 255, (1, 512, 512), dtype="uint8")
    write_geotiff(path, width=512, height=512, data=noise, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def naming_foreign_overviews(path: Path, *, target: str, **options: Any) -> Path:
    """A GeoTIFF whose internal metadata names another file, or a URL, as its overviews."""
    return write_geotiff(
        path, finish=lambda dataset: dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=target), **options
    )


def virtual_raster(path: Path, *, source: Path) -> Path:
    """A GDAL VRT that reads another file, under a name that says GeoTIFF."""
    path.write_text(
        f'<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1">'
        f"<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
        f"</VRTRasterBand></VRTDataset>"
    )
    return path


def sparse_giant(path: Path) -> Path:
    """A few hundred bytes that claim to be 150,000 x 150,000 pixels."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=150_000,
        height=150_000,
        count=1,
        dtype="uint8",
        crs="EPSG:32633",
        transform=UTM33_ORIGIN,
        tiled=True,
        blockxsize=16_384,
        blockysize=16_384,
        SPARSE_OK=True,
    ):
        pass
    return path


def pixels_of(path: Path) -> dict[str, Any]:
    """What must survive a conversion."""
    with rasterio.open(path) as dataset:
        return {
            "data": dataset.read(),
            "mask": dataset.dataset_mask(),
            "transform": dataset.transform,
            "crs": dataset.crs,
            "nodata": dataset.nodata,
            "colorinterp": dataset.colorinterp,
        }


def simple_rpcs(**changes: Any) -> RPC:
    """Of an image of 64 x 48 pixels around 15 degrees east, 47 degrees north, north-up and linear."""
    samples, lines = [0.0, 1.0] + [0.0] * 18, [0.0, 0.0, -1.0] + [0.0] * 17
    one = [1.0] + [0.0] * 19
    sound = {
        "height_off": 100.0, "height_scale": 500.0, "lat_off": 47.0, "lat_scale": 0.01, "line_off": 24.0,
        "line_scale": 24.0, "long_off": 15.0, "long_scale": 0.01, "samp_off": 32.0, "samp_scale": 32.0,
        "line_num_coeff": lines, "line_den_coeff": one, "samp_num_coeff": samples, "samp_den_coeff": one,
    }  # fmt: skip
    return RPC(**(sound | changes))


def control_points(*places: tuple[float, float, float, float]) -> list[GroundControlPoint]:
    """From row, column, x, y."""
    return [GroundControlPoint(row=row, col=col, x=x, y=y, z=0) for row, col, x, y in places]


def sparse(
    path: Path, *, width: int, height: int, finish: Callable[[Any], None] | None = None, **options: Any
) -> Path:
    """Tiles of 64 x 64 of which only those are stored that `finish(dataset)` writes."""
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=1,
        dtype="uint8",
        crs="EPSG:32633",
        transform=UTM33_ORIGIN,
        tiled=True,
        blockxsize=64,
        blockysize=64,
        SPARSE_OK=True,
        **options,
    ) as dataset:
        if finish:
            finish(dataset)
    return path
