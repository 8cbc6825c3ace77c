"""Small mosaics in blob storage: the same pixels as one COG, and cut into parts."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine, from_origin
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from core.task_models.raster import BandStatistics, RasterDescription
from core.task_models.raster_mosaic import MosaicPart
from tests.integration.serving.cogs import upload
from tests.stack_fixtures.storage import Storage

Pixels = np.ndarray[Any, Any]
UTM = "EPSG:32632"
PART_SIDE = 256
OVERVIEW_FACTOR = 2
TEN_METRES = from_origin(500_000, 5_205_000, 10, 10)
ALPHA = ColorInterp.alpha


@dataclass(frozen=True)
class Scene:
    """Pixels (bands, rows, columns) in UTM zone 32, ten metres each, around 47 north.

    `mask` (rows, columns) says where there are data if no nodata value does; `colors` names the bands.
    """

    pixels: Pixels
    nodata: float | None = None
    mask: Pixels | None = None
    colors: tuple[ColorInterp, ...] = ()
    crs: str = UTM
    transform: Affine = TEN_METRES

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self.pixels.shape[2], self.pixels.shape[1]

    def cut(self, window: Window) -> "Scene":
        """A part of it."""
        rows, columns = window.toslices()
        return Scene(
            self.pixels[:, rows, columns],
            self.nodata,
            None if self.mask is None else self.mask[rows, columns],
            self.colors,
            self.crs,
            self.transform @ Affine.translation(window.col_off, window.row_off),
        )


def terrain(*, width: int = 700, height: int = 600, nodata: float | None = -9999) -> Scene:
    """Hills with noise on them, no two neighbours alike; nodata along an edge and in a hole."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(1).normal(0, 20, (height, width))
    heights = (900 + 400 * np.sin(columns / 40) + 300 * np.cos(rows / 60) + noise).astype("float32")
    if nodata is not None:
        heights[:30] = heights[200:300, 200:290] = nodata
    return Scene(heights[np.newaxis], nodata)


def write_cog(path: Path, scene: Scene, *, resampling: str = "AVERAGE") -> None:
    """As a COG with small blocks, so that small images have overviews."""
    width, height = scene.size
    profile = {
        "driver": "GTiff", "count": len(scene.pixels), "height": height, "width": width, "crs": scene.crs,
        "dtype": scene.pixels.dtype.name, "transform": scene.transform, "nodata": scene.nodata,
    }  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            if scene.colors:
                dataset.colorinterp = scene.colors
            dataset.write(scene.pixels)
            if scene.mask is not None:
                dataset.write_mask(scene.mask)
        with memory.open() as dataset:
            copy_raster(
                dataset, path, driver="COG", BLOCKSIZE=128, COMPRESS="DEFLATE",
                OVERVIEW_RESAMPLING=resampling,
                OVERVIEW_COUNT=max(1, math.ceil(math.log2(max(width, height) / 128))),
            )  # fmt: skip


def cut_into_parts(scene: Scene, *, side: int = PART_SIDE) -> dict[str, Scene]:
    """By name; those at the right and at the bottom are what is left."""
    width, height = scene.size
    return {
        f"part_{row // side}_{column // side}": scene.cut(
            Window(column, row, min(side, width - column), min(side, height - row))
        )
        for row in range(0, height, side)
        for column in range(0, width, side)
    }


@dataclass(frozen=True)
class StoredMosaic:
    """What the Platform keeps of a mosaic."""

    locations: Mapping[str, Any]
    characteristics: Mapping[str, Any]


def store_mosaic(
    storage: Storage,
    folder: Path,
    parts: Mapping[str, Scene],
    *,
    whole: Scene,
    overview: bool = True,
    minzoom: int = 13,
    maxzoom: int = 14,
    **known: Any,
) -> StoredMosaic:
    """Upload the parts, their list, the MosaicJSON and the overview; the first part shows on top."""
    records = [_store_part(storage, folder, name, part) for name, part in parts.items()]
    bbox = _bbox(whole)
    locations = {
        "mosaic": _store_text(storage, folder, "mosaic.json", json.dumps(_mosaic_json(records, bbox))),
        "parts": _store_text(
            storage, folder, "parts.jsonl", "".join(f"{record.model_dump_json()}\n" for record in records)
        ),
    }
    if overview:
        locations["overview"] = _store_overview(storage, folder, whole)
    header = describe(whole).model_dump(mode="json")
    zooms = {"minzoom": minzoom, "maxzoom": maxzoom, "overview_resolution": 10.0 * OVERVIEW_FACTOR}
    return StoredMosaic(locations, {**header, **zooms, "part_count": len(parts), **known})


def describe(scene: Scene) -> RasterDescription:
    """The header of the scene."""
    width, height = scene.size
    bands = len(scene.pixels)
    return RasterDescription(
        width=width,
        height=height,
        band_count=bands,
        dtypes=(scene.pixels.dtype.name,) * bands,
        nodata="nan" if scene.nodata is not None and math.isnan(scene.nodata) else scene.nodata,
        crs=scene.crs,
        bounds=_bounds(scene),
        bbox=_bbox(scene),
        resolution=(scene.transform.a, -scene.transform.e),
        transform=tuple(scene.transform)[:6],
        color_interpretation=tuple(color.name for color in scene.colors) or ("gray",) * bands,
        descriptions=(None,) * bands,
    )


def statistics(scene: Scene) -> list[dict[str, Any]]:
    """Extremes by band."""
    valid = np.ones(scene.pixels.shape[1:], bool) if scene.mask is None else scene.mask.astype(bool)
    bands = (band[valid & (band != scene.nodata) & ~np.isnan(band)] for band in scene.pixels)
    return [
        BandStatistics(
            min=float(band.min()), max=float(band.max()), mean=float(band.mean()), stddev=float(band.std()),
            valid_percent=100,
        ).model_dump(mode="json")
        for band in bands
    ]  # fmt: skip


def _store_part(storage: Storage, folder: Path, name: str, part: Scene) -> MosaicPart:
    path = folder / f"{name}.tif"
    write_cog(path, part)
    width, height = part.size
    return MosaicPart(
        name=name,
        blob_uri=upload(storage, path, f"{folder.name}/{name}.tif"),
        size_bytes=path.stat().st_size,
        sha256="0" * 64,
        width=width,
        height=height,
        crs=part.crs,
        bounds=_bounds(part),
        bbox=_bbox(part),
        transform=tuple(part.transform)[:6],
    )


def _store_overview(storage: Storage, folder: Path, whole: Scene) -> str:
    path = folder / "overview.tif"
    coarse = Scene(
        whole.pixels[:, ::OVERVIEW_FACTOR, ::OVERVIEW_FACTOR],
        whole.nodata,
        None if whole.mask is None else whole.mask[::OVERVIEW_FACTOR, ::OVERVIEW_FACTOR],
        whole.colors,
        whole.crs,
        whole.transform @ Affine.scale(OVERVIEW_FACTOR),
    )
    write_cog(path, coarse)
    return upload(storage, path, f"{folder.name}/overview.tif")


def _store_text(storage: Storage, folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return upload(storage, folder / name, f"{folder.name}/{name}")


def _mosaic_json(records: list[MosaicPart], bbox: tuple[float, ...]) -> dict[str, Any]:
    return {
        "mosaicjson": "0.0.3", "version": "1.0.0", "minzoom": 13, "maxzoom": 14, "quadkey_zoom": 0,
        "bounds": bbox, "center": [(bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2, 13],
        "tiles": {"0": [record.blob_uri for record in records]},
    }  # fmt: skip


def _bounds(scene: Scene) -> tuple[float, float, float, float]:
    width, height = scene.size
    left, top = scene.transform @ (0, 0)
    right, bottom = scene.transform @ (width, height)
    return left, bottom, right, top


def _bbox(scene: Scene) -> tuple[float, float, float, float]:
    west, south, east, north = transform_bounds(scene.crs, "EPSG:4326", *_bounds(scene))
    return west, south, east, north


def tiles_over(scene: Scene, zoom: int) -> Iterator[tuple[int, int, int]]:
    """The tiles (z, x, y) of WebMercatorQuad that touch the scene."""
    west, south, east, north = _bbox(scene)
    left, top = _tile_of(west, north, zoom)
    right, bottom = _tile_of(east, south, zoom)
    for x in range(left, right + 1):
        for y in range(top, bottom + 1):
            yield zoom, x, y


def _tile_of(longitude: float, latitude: float, zoom: int) -> tuple[int, int]:
    sine = math.sin(math.radians(latitude))
    x = (longitude + 180) / 360
    y = 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)
    return int(x * 2**zoom), int(y * 2**zoom)
