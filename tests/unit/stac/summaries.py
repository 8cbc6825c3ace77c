"""Results of raster jobs as they come out of the database, without any raster."""

import json
from typing import Any

from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin

from core.task_models.raster import (
    BandStatistics,
    Histogram,
    RasterClass,
    RasterSource,
    Rendering,
)
from core.task_models.raster_cog import Compression, PixelProof, ProcessRasterResult, Resampling
from core.task_models.raster_mosaic import MosaicPart, MosaicResult
from core.task_models.raster_stac import StacMosaicParameters, StacRasterParameters
from services.raster.georeference import geographic_bbox

BASE = "https://geo.example.org/api"
HREFS = {
    "info": f"{BASE}/cog/info?dataset=d_1",
    "tiles": f"{BASE}/cog/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?dataset=d_1",
    "tilejson": f"{BASE}/cog/WebMercatorQuad/tilejson.json?dataset=d_1",
    "preview": f"{BASE}/cog/preview.png?dataset=d_1",
    "legend": f"{BASE}/cog/legend.png?dataset=d_1",
    "download": f"{BASE}/platform/data/abc/download",
    "map": "https://geo.example.org/?dataset=d_1",
}
MOSAIC_HREFS = {
    "info": f"{BASE}/mosaic/d_1/info",
    "tiles": f"{BASE}/mosaic/d_1/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png",
    "tilejson": f"{BASE}/mosaic/d_1/WebMercatorQuad/tilejson.json",
    "mosaicjson": f"{BASE}/mosaic/d_1/mosaicjson",
    "map": "https://geo.example.org/?dataset=d_1",
    "legend": f"{BASE}/mosaic/d_1/legend.png",
    "part": f"{BASE}/platform/data/abc/download/{{name}}.tif",
}
SHA256 = "5e" * 32
UTM = from_origin(500_000, 5_300_000, 10, 10)


def header(
    *,
    crs: str = "EPSG:32633",
    transform: Affine = UTM,
    width: int = 64,
    height: int = 48,
    bands: int = 1,
    dtype: str = "uint8",
    nodata: float | str | None = None,
    colors: tuple[str, ...] | None = None,
    names: tuple[str | None, ...] | None = None,
) -> dict[str, Any]:
    """The fields of a `RasterDescription`."""
    corners = [transform @ corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
    xs, ys = zip(*corners, strict=True)
    bounds = (min(xs), min(ys), max(xs), max(ys))
    return {
        "width": width,
        "height": height,
        "band_count": bands,
        "dtypes": (dtype,) * bands,
        "nodata": nodata,
        "crs": crs,
        "bounds": bounds,
        "bbox": geographic_bbox(CRS.from_user_input(crs), bounds),
        "resolution": (abs(complex(transform.a, transform.d)), abs(complex(transform.b, transform.e))),
        "transform": tuple(transform)[:6],
        "color_interpretation": colors or ("gray",) * bands,
        "descriptions": names or (None,) * bands,
    }


def statistics(low: float = 1, high: float = 9, *, buckets: tuple[int, ...] = (3, 0, 0, 4)) -> BandStatistics:
    return BandStatistics(
        min=low,
        max=high,
        mean=(low + high) / 2,
        stddev=2,
        valid_percent=99.5,
        percentiles=(low, high),
        histogram=Histogram(count=len(buckets), min=low, max=high, buckets=buckets),
    )


def cog(
    *,
    rendering: Rendering | None = None,
    measured: bool = True,
    classification: str = "continuous",
    **of: Any,
) -> ProcessRasterResult:
    """What `process_raster` leaves."""
    described = header(**of)
    return ProcessRasterResult(
        **described,
        blob_uri="azure://silver/rasters/d_1/r1/a.tif",
        size_bytes=1234,
        sha256=SHA256,
        overviews=(2, 4),
        statistics=(statistics(),) * described["band_count"] if measured else (),
        classification=RasterClass(classification),
        rendering=rendering or Rendering(rescale=((1, 9),), colormap_name="viridis", resampling="bilinear"),
        compression=Compression.DEFLATE,
        blocksize=512,
        resampling=None,
        overview_resampling=Resampling.AVERAGE,
        proof=PixelProof(compared_with="source", algorithm="sha256", checksums=("00",), equal=True),
        source=RasterSource(uri="azure://bronze/a.tif", size_bytes=99, etag='"1"', driver="GTiff"),
    )


def rgb(**of: Any) -> ProcessRasterResult:
    """A colour picture of three bytes."""
    of = {"bands": 3, "colors": ("red", "green", "blue"), "nodata": 0, **of}
    return cog(rendering=Rendering(bidx=(1, 2, 3)), classification="rgb", **of)


def part(name: str, *, source_uri: str | None = None, measured: bool = False, **of: Any) -> MosaicPart:
    """One COG of a mosaic."""
    described = header(**of)
    kept = ("width", "height", "crs", "bounds", "bbox", "transform")
    return MosaicPart(
        **{field: described[field] for field in kept},
        name=name,
        blob_uri=f"azure://silver/rasters/d_1/r1/{name}.tif",
        size_bytes=1000,
        sha256=SHA256,
        statistics=(statistics(),) * described["band_count"] if measured else (),
        source_uri=source_uri,
    )


def mosaic(part_count: int, **of: Any) -> MosaicResult:
    """What `process_large_raster` and `create_mosaic_json` leave."""
    described = header(**of)
    return MosaicResult(
        **described,
        mosaic_uri="azure://silver/rasters/d_1/r1/mosaic.json",
        parts_uri="azure://silver/rasters/d_1/r1/parts.jsonl",
        overview_uri="azure://silver/rasters/d_1/r1/overview.tif",
        part_count=part_count,
        missing_count=0,
        total_bytes=1000 * part_count,
        minzoom=8,
        maxzoom=14,
        overview_resolution=100,
        statistics=(statistics(),) * described["band_count"],
        classification=RasterClass.CONTINUOUS,
        rendering=Rendering(rescale=((1, 9),), colormap_name="viridis", resampling="bilinear"),
        source=None,
    )


def _shared(summary: ProcessRasterResult | MosaicResult) -> dict[str, Any]:
    return {
        "item_id": "d_1",
        "identifiers": {"dataset_id": "aerial", "resource_id": "site", "version_id": "v1"},
        "title": "Aerial image",
        "summary": summary.model_dump(mode="json"),
    }


def raster_parameters(summary: ProcessRasterResult, **changes: Any) -> StacRasterParameters:
    """Of `stac_catalog_raster`."""
    content = _shared(summary) | {
        "collection_id": "ddh_rasters",
        "collection_title": "Rasters",
        "hrefs": HREFS,
    }
    return StacRasterParameters.model_validate_json(json.dumps(content | changes))


def mosaic_parameters(summary: MosaicResult, **changes: Any) -> StacMosaicParameters:
    """Of `stac_catalog_tiles` and `stac_catalog_collection`."""
    content = _shared(summary) | {
        "collection_id": "d_1",
        "collection_title": "Aerial image",
        "hrefs": MOSAIC_HREFS,
    }
    return StacMosaicParameters.model_validate_json(json.dumps(content | changes))
