"""From a case to a file, and to the GeoTIFF that GDAL's programs are asked about."""

import math
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import NotGeoreferencedWarning

from tests.integration.raster_matrix.cases import Case, Mask, Pixels
from tests.integration.raster_matrix.gdal_programs import run
from tests.rasters import UTM33_ORIGIN, gradient

_WORLD_FILES = {".png": ".pgw", ".jpg": ".jgw", ".tif": ".tfw"}
_CLASS_COLORS = {0: (0, 0, 0, 255), 1: (0, 99, 0, 255), 2: (200, 0, 0, 255), 3: (20, 20, 250, 255)}


@dataclass(frozen=True)
class Made:
    """`upload` is what a client would send; `reference` holds the same raster and is for GDAL's programs."""

    upload: Path
    reference: Path


def make(case: Case, directory: Path) -> Made:
    """Write the files of a case into an empty directory."""
    tiff = directory / "made.tif"
    with (
        warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
    ):
        _write(case, tiff)
    if case.overviews:
        with rasterio.open(tiff, "r+") as dataset:
            dataset.build_overviews(list(case.overviews), Resampling.nearest)
    if case.zipped:
        return _zipped(case, tiff)
    if case.convert:
        target = directory / f"converted{case.suffix}"
        run("gdal_translate", "-q", *case.convert, tiff, target)
        return Made(target, tiff if case.refused else target)
    return Made(tiff, tiff)


def _write(case: Case, path: Path) -> None:
    profile: dict[str, Any] = {"crs": case.crs, **case.creation}
    if case.transform is not None:
        profile["transform"] = case.transform
    if case.nodata is not None:
        profile["nodata"] = case.nodata
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=case.width,
        height=case.height,
        count=case.bands,
        dtype=case.dtype,
        **profile,
    ) as dataset:
        _label(case, dataset)
        dataset.write(_content(case))
        if case.mask is Mask.INTERNAL:
            dataset.write_mask(_left_half(case) == 0)
    if "nodata" in case.tags:  # rasterio refuses to write what no pixel can have; others do not
        run("gdal_edit.py", "-a_nodata", case.tags["nodata"], path)


def _label(case: Case, dataset: Any) -> None:
    tags = {key: value for key, value in case.tags.items() if key.isupper()}
    if tags:
        dataset.update_tags(**tags)
    if case.mask in (Mask.ALPHA, Mask.PARTIAL_ALPHA):
        dataset.colorinterp = (*dataset.colorinterp[:-1], ColorInterp.alpha)
    if case.palette:
        dataset.write_colormap(1, _CLASS_COLORS)
    if case.scale:
        dataset.scales, dataset.offsets = [case.scale[0]], [case.scale[1]]
    for number, name in enumerate(case.names, start=1):
        dataset.set_band_description(number, name)
    if case.gcps:
        dataset.gcps = (_gcps(case), CRS.from_string(case.crs or ""))


def _gcps(case: Case) -> list[GroundControlPoint]:
    """On a grid of five by four; the bent ones follow an arc, as in an old map that was scanned."""
    points = []
    for col in np.linspace(0, case.width, 5):
        for row in np.linspace(0, case.height, 4):
            x, y = UTM33_ORIGIN @ (col, row)
            bend = 15 * math.sin(math.pi * col / case.width) if case.gcps == "bent" else 0
            points.append(GroundControlPoint(row=row, col=col, x=x, y=y + bend))
    return points


def _content(case: Case) -> np.ndarray:
    data = _FILLINGS[case.pixels](case)
    if "fill" in case.tags:
        data[:] = float(case.tags["fill"])
    if case.mask is Mask.ALPHA:
        data[-1] = np.where(_left_half(case), 0, _opaque(case))
    if case.mask is Mask.PARTIAL_ALPHA:
        data[-1] = gradient(1, case.height, case.width, "uint8")[0]
    if case.creation.get("sparse_ok"):
        data[:, 16:, :] = 0
    return data


def _left_half(case: Case) -> np.ndarray:
    return np.broadcast_to(np.arange(case.width) < case.width // 2, (case.height, case.width))


def _opaque(case: Case) -> int:
    return int(np.iinfo(case.dtype).max)


def _shape(case: Case) -> tuple[int, int, int]:
    return case.bands, case.height, case.width


def _gradient(case: Case) -> np.ndarray:
    data = gradient(case.bands, case.height, case.width, "float64")
    return (data % 120 if case.dtype == "int8" else data).astype(case.dtype)


def _noise(case: Case) -> np.ndarray:
    noise = np.random.default_rng(len(case.name)).random(_shape(case))
    low, high = (-1e4, 1e4) if case.dtype.startswith("f") else _limits(case.dtype)
    return (low + noise * (high - low)).astype(case.dtype)


def _range(case: Case) -> np.ndarray:
    low, high = (-1e30, 1e30) if case.dtype.startswith("f") else _limits(case.dtype)
    ramp = np.linspace(low, high, num=math.prod(_shape(case))).reshape(_shape(case))
    return np.clip(ramp, low, high).astype(case.dtype)


def _relief(case: Case) -> np.ndarray:
    x, y = np.meshgrid(np.linspace(0, 6, case.width), np.linspace(0, 5, case.height))
    surface = 450 + 300 * np.sin(x) * np.cos(y) + 40 * np.sin(5 * x + y)
    if case.dtype == "uint8":
        surface = surface / 4
    return np.repeat(surface[None], case.bands, axis=0).astype(case.dtype)


def _holes(case: Case) -> np.ndarray:
    data = (_gradient(case).astype("float64") % 97 + 11).astype(case.dtype)
    nodata = case.nodata if case.nodata is not None else case.reading.nodata
    data[:, :, ::5] = nodata
    return data


def _limits(dtype: str) -> tuple[float, float]:
    limits = np.iinfo(dtype)
    return float(limits.min), float(limits.max)


_FILLINGS: dict[Pixels, Callable[[Case], np.ndarray]] = {
    Pixels.GRADIENT: _gradient,
    Pixels.NOISE: _noise,
    Pixels.RANGE: _range,
    Pixels.RELIEF: _relief,
    Pixels.HOLES: _holes,
    Pixels.CLASSES: lambda case: (_gradient(case) % 4).astype(case.dtype),
    Pixels.BITS: lambda case: (_gradient(case) % 2).astype(case.dtype),
}


def _zipped(case: Case, tiff: Path) -> Made:
    """A picture, its world file and its .prj in a zip. The reference has their content in one GeoTIFF."""
    picture = tiff.with_name(f"picture{case.zipped}")
    driver = {".png": "PNG", ".jpg": "JPEG", ".tif": "GTiff"}[case.zipped or ""]
    profile = ("-co", "PROFILE=BASELINE") if driver == "GTiff" else ()
    run("gdal_translate", "-q", "-of", driver, "-co", "WORLDFILE=YES", *profile, tiff, picture)
    world = next(path for path in (picture.with_suffix(".wld"), picture.with_suffix(".tfw")) if path.exists())
    archive = tiff.with_name("picture.zip")
    with zipfile.ZipFile(archive, "w") as file:
        file.write(picture, f"map{case.zipped}")
        file.write(world, f"map{_WORLD_FILES[case.zipped or '']}")
        file.writestr("map.prj", CRS.from_string(case.crs or "").to_wkt(version="WKT1_ESRI"))
    reference = tiff.with_name("reference.tif")
    run("gdal_translate", "-q", "-a_srs", case.crs or "", picture, reference)
    return Made(archive, reference)


def warped(reference: Path, *options: object, name: str = "warped") -> Path:
    """What gdalwarp makes of a raster."""
    target = reference.with_name(f"{name}.tif")
    run("gdalwarp", "-q", *options, reference, target)
    return target
