"""The task `extract_stac_metadata`: a published COG as a STAC item."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rasterio.crs import CRS

from core.schema.queue import QueueRole
from core.task_models.raster import ProcessRasterResult, StacRasterParameters
from core.task_models.stac import BBox, RasterHrefs, StacResult
from services.context import TaskContext
from services.raster.georeference import footprint_ring
from services.registry import register_task
from services.stac.collections import collection_document
from services.stac.items import ItemContent, box_geometry, item_document

COG_MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
_EXTENSIONS = (
    # 1.2.0 is the one version that knows `proj:code` and still allows `proj:epsg`.
    "https://stac-extensions.github.io/projection/v1.2.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json",
)
_EO_EXTENSION = "https://stac-extensions.github.io/eo/v1.1.0/schema.json"
_EO_COMMON_NAMES = frozenset({"red", "green", "blue"})


@register_task("extract_stac_metadata", queue=QueueRole.RASTER_TASKS)
def extract_stac_metadata(
    parameters: StacRasterParameters,
    context: TaskContext,  # noqa: ARG001 - all that is needed came with the parameters
) -> StacResult:
    """Describe the COG from what `process_raster` measured; the file is not opened again."""
    return StacResult(
        collection=collection_document(
            parameters, description="Cloud Optimized GeoTIFFs, one item for each published raster."
        ),
        item=raster_item(parameters, now=datetime.now(UTC)),
    )


def raster_item(parameters: StacRasterParameters, *, now: datetime) -> dict[str, Any]:
    """The item as JSON (STAC 1.0.0 with the extensions projection, raster, file, eo, web-map-links)."""
    cog, hrefs = parameters.summary, parameters.hrefs
    is_color = bool(_EO_COMMON_NAMES.intersection(cog.color_interpretation))
    content = ItemContent(
        geometry=footprint(cog),
        bbox=cog.bbox,
        assets=_assets(cog, hrefs, is_color=is_color),
        links=tuple(_links(hrefs)),
        extensions=(*_EXTENSIONS, _EO_EXTENSION) if is_color else _EXTENSIONS,
        properties=_projection(cog),
    )
    return item_document(parameters, content, now=now)


def footprint(cog: ProcessRasterResult) -> dict[str, Any]:
    """The outline as GeoJSON: along the grid where it can be drawn so, else the bounding box.

    Across the antimeridian, and around a pole, the projected outline is no simple ring of degrees.
    """
    west, _, east, _ = cog.bbox
    crs = CRS.from_user_input(cog.crs)
    if west > east or east - west > 180:
        return box_geometry(cog.bbox)
    ring = footprint_ring(crs, cog.transform, width=cog.width, height=cog.height)
    return {"type": "Polygon", "coordinates": [_within(ring, cog.bbox)]}


def _within(ring: list[list[float]], bbox: BBox) -> list[list[float]]:
    """Half a pixel beyond a pole is common in global grids, and is not on the globe."""
    west, south, east, north = bbox
    return [[min(max(lon, west), east), min(max(lat, south), north)] for lon, lat in ring]


def _projection(cog: ProcessRasterResult) -> dict[str, Any]:
    epsg = int(cog.crs.removeprefix("EPSG:")) if cog.crs.startswith("EPSG:") else None
    described = {
        "proj:epsg": epsg,
        "proj:code": cog.crs if epsg else None,
        "proj:bbox": list(cog.bounds),
        "proj:shape": [cog.height, cog.width],
        "proj:transform": list(cog.transform),
    }
    return described if epsg else described | {"proj:wkt2": cog.crs}


def _assets(
    cog: ProcessRasterResult, hrefs: RasterHrefs, *, is_color: bool
) -> Mapping[str, Mapping[str, Any]]:
    data: dict[str, Any] = {
        "href": str(hrefs.download),
        "type": COG_MEDIA_TYPE,
        "title": "Cloud Optimized GeoTIFF",
        "roles": ["data"],
        "file:size": cog.size_bytes,
        "file:checksum": f"1220{cog.sha256}",  # multihash: 0x12 sha2-256, 0x20 bytes
        "raster:bands": list(_bands(cog)),
    }
    if is_color:
        data["eo:bands"] = list(_eo_bands(cog))
    return {
        "data": data,
        "thumbnail": _asset(str(hrefs.preview), "image/png", "Preview", "thumbnail"),
        "tilejson": _asset(str(hrefs.tilejson), "application/json", "TileJSON", "tiles"),
    }


def _asset(href: str, media_type: str, title: str, role: str) -> dict[str, Any]:
    return {"href": href, "type": media_type, "title": title, "roles": [role]}


def _bands(cog: ProcessRasterResult) -> Iterator[dict[str, Any]]:
    for dtype, found in zip(cog.dtypes, cog.statistics, strict=True):
        band: dict[str, Any] = {"data_type": dtype, "spatial_resolution": sum(cog.resolution) / 2}
        if cog.nodata is not None:
            band["nodata"] = cog.nodata
        statistics = {
            "minimum": found.min,
            "maximum": found.max,
            "mean": found.mean,
            "stddev": found.stddev,
            "valid_percent": found.valid_percent,
        }
        band["statistics"] = {name: value for name, value in statistics.items() if value is not None}
        yield band


def _eo_bands(cog: ProcessRasterResult) -> Iterator[dict[str, Any]]:
    for number, color in enumerate(cog.color_interpretation, start=1):
        named = {"common_name": color} if color in _EO_COMMON_NAMES else {}
        yield {"name": f"b{number}", "description": color} | named


def _links(hrefs: RasterHrefs) -> Iterator[dict[str, Any]]:
    yield {"rel": "xyz", "href": hrefs.tiles, "type": "image/png", "title": "Map tiles"}
    yield {"rel": "tilejson", "href": str(hrefs.tilejson), "type": "application/json", "title": "TileJSON"}
    yield {"rel": "preview", "href": str(hrefs.preview), "type": "image/png", "title": "Preview"}
    yield {
        "rel": "describedby",
        "href": str(hrefs.info),
        "type": "application/json",
        "title": "Raster header",
    }
    yield {"rel": "alternate", "href": str(hrefs.map), "type": "text/html", "title": "Map"}
