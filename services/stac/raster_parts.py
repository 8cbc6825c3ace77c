"""The parts of STAC documents that COGs and mosaics share: projection, bands, renders, assets, links."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from rasterio.crs import CRS

from core.task_models.raster import BandStatistics, LegendEntry, RasterDescription, Rendering
from core.task_models.raster_tile_cache import GenerateTileCacheResult
from core.task_models.stac import BBox
from services.raster.ground import metres_per_degree
from services.stac.elements import (
    CLASSIFICATION,
    EO,
    PMTILES_MEDIA_TYPE,
    Json,
    asset,
    file_fields,
    multihash,
)

COG_MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
DEFAULT_RENDER = "default"
_MIN_BUCKETS = 3  # of a histogram, by the schema of the raster extension
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z-]+")
_EO_COMMON_NAMES = frozenset({"red", "green", "blue"})

Bounds = tuple[float, float, float, float]


@lru_cache(maxsize=64)
def crs_of(name: str) -> CRS:
    """The CRS of a description; the parts of a mosaic have few of them."""
    return CRS.from_user_input(name)


def projection(crs: str, *, bounds: Bounds, shape: tuple[int, int], transform: Sequence[float]) -> Json:
    """The fields of the projection extension; `shape` is (rows, columns)."""
    return _crs_fields(crs) | {
        "proj:bbox": list(bounds),
        "proj:shape": list(shape),
        "proj:transform": list(transform),
    }


def _crs_fields(crs: str) -> Json:
    if crs.startswith("EPSG:"):
        return {"proj:epsg": int(crs.removeprefix("EPSG:")), "proj:code": crs}
    return {"proj:epsg": None, "proj:code": None, "proj:wkt2": crs}


def has_colors(raster: RasterDescription) -> bool:
    """Whether its bands have colours to be told in `eo:bands`."""
    return bool(_EO_COMMON_NAMES.intersection(raster.color_interpretation))


def bands(
    raster: RasterDescription, statistics: Sequence[BandStatistics], *, bbox: BBox, rendering: Rendering
) -> list[Json]:
    """`raster:bands` (raster extension 1.1.0); without statistics where there are none.

    The band that `rendering` shows has the classes of its legend, if any of them has a name.
    """
    resolution = _metres(raster, bbox)
    found: Sequence[BandStatistics | None] = tuple(statistics) or (None,) * raster.band_count
    described = [
        _band(dtype, raster, resolution=resolution, statistics=measured)
        for dtype, measured in zip(raster.dtypes, found, strict=True)
    ]
    if has_classes(rendering):
        described[rendering.bidx[0] - 1]["classification:classes"] = [
            _class(entry) for entry in rendering.legend
        ]
    return described


def has_classes(rendering: Rendering) -> bool:
    """Whether there are names of classes to be told in `classification:classes`."""
    return any(entry.label for entry in rendering.legend)


def extensions_of_bands(raster: RasterDescription, rendering: Rendering) -> tuple[str, ...]:
    """The extensions that only some bands call for."""
    colors = (EO,) if has_colors(raster) else ()
    return (*colors, CLASSIFICATION) if has_classes(rendering) else colors


def _class(entry: LegendEntry) -> Json:
    """Of the classification extension 2.0.0: `name` is for machines, `title` for people."""
    value = int(entry.value)
    plain = unicodedata.normalize("NFKD", entry.label).encode("ascii", "ignore").decode()
    described: Json = {
        "value": value,
        "name": _NOT_IN_NAMES.sub("_", plain).strip("_").lower() or f"class_{value}",
        "color_hint": "{:02X}{:02X}{:02X}".format(*entry.color[:3]),
    }
    return described | ({"title": entry.label} if entry.label else {})


def _band(
    dtype: str, raster: RasterDescription, *, resolution: float, statistics: BandStatistics | None
) -> Json:
    band: Json = {"data_type": _DATA_TYPES.get(dtype, dtype), "spatial_resolution": resolution}
    if raster.nodata is not None:
        band["nodata"] = raster.nodata
    if statistics is None:
        return band
    values = {
        "minimum": statistics.min,
        "maximum": statistics.max,
        "mean": statistics.mean,
        "stddev": statistics.stddev,
        "valid_percent": statistics.valid_percent,
    }
    band["statistics"] = {name: value for name, value in values.items() if value is not None}
    if statistics.histogram and statistics.histogram.count >= _MIN_BUCKETS:
        band["histogram"] = statistics.histogram.model_dump(mode="json")
    return band


_DATA_TYPES = {"complex_int16": "cint16", "complex64": "cfloat32", "complex128": "cfloat64", "bool": "uint8"}


def _metres(raster: RasterDescription, bbox: BBox) -> float:
    """The average size of a pixel on the ground: what the extension calls `spatial_resolution`."""
    crs, (x, y) = crs_of(raster.crs), raster.resolution
    if crs.is_geographic:
        east, north = metres_per_degree((bbox[1] + bbox[3]) / 2)
        return (x * east + y * north) / 2
    return (x + y) / 2 * float(crs.linear_units_factor[1])


def eo_bands(raster: RasterDescription) -> list[Json]:
    """`eo:bands` of a raster that `has_colors`."""
    return [
        {"name": name or f"b{number}", "description": color}
        | ({"common_name": color} if color in _EO_COMMON_NAMES else {})
        for number, (name, color) in enumerate(
            zip(raster.descriptions, raster.color_interpretation, strict=True), start=1
        )
    ]


def renders(rendering: Rendering, *, zooms: tuple[int, int] | None = None) -> Json:
    """The default look in the words of the render extension, by its name."""
    look: Json = {
        "assets": ["data"],
        "title": "Default",
        "bidx": list(rendering.bidx),
        "resampling": rendering.resampling,
    }
    if rendering.rescale:
        look["rescale"] = [list(limits) for limits in rendering.rescale]
    if rendering.colormap_name:
        look["colormap_name"] = rendering.colormap_name
    if rendering.colormap:
        look["colormap"] = {str(value): list(color) for value, color in rendering.colormap.items()}
    if zooms:
        look["minmax_zoom"] = list(zooms)
    return {DEFAULT_RENDER: look}


def data_asset(href: str, raster: RasterDescription, *, size_bytes: int, sha256: str) -> Json:
    """A COG with its checksum; `raster:bands` is for the caller to add."""
    asset_of_colors = {"eo:bands": eo_bands(raster)} if has_colors(raster) else {}
    return {
        "href": href,
        "type": COG_MEDIA_TYPE,
        "title": "Cloud Optimized GeoTIFF",
        "roles": ["data"],
        **file_fields(size_bytes=size_bytes, sha256=sha256),
    } | asset_of_colors


def tile_cache_asset(href: object | None, cache: GenerateTileCacheResult | None) -> Json | None:
    """A PMTiles archive, if there is one and it has a URL."""
    if href is None or cache is None or cache.tile_cache_uri is None:
        return None
    described = asset(href, PMTILES_MEDIA_TYPE, "Map tiles of the low zooms", "tiles")
    described["file:size"] = cache.size_bytes
    if cache.sha256:
        described["file:checksum"] = multihash(cache.sha256)
    return described


def map_links(*, tiles: str, tilejson: object, tile_cache: object | None) -> Iterator[Json]:
    """The links of the web map links extension, which show the default render."""
    yield {
        "rel": "xyz",
        "href": tiles,
        "type": "image/png",
        "title": "Map tiles",
        "render": DEFAULT_RENDER,
    }
    yield {
        "rel": "tilejson",
        "href": str(tilejson),
        "type": "application/json",
        "title": "TileJSON",
        "render": DEFAULT_RENDER,
    }
    if tile_cache is not None:
        yield {
            "rel": "pmtiles",
            "href": str(tile_cache),
            "type": PMTILES_MEDIA_TYPE,
            "title": "Map tiles of the low zooms",
            "render": DEFAULT_RENDER,
        }
