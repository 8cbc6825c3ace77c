"""titiler over published rasters: what its endpoints have in common, whether one file or a mosaic answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query
from pydantic import Field
from rasterio.errors import RasterioError
from rio_tiler import errors
from rio_tiler.io import BaseReader
from rio_tiler.profiles import PNGProfile, img_profiles
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from titiler.core.algorithm import algorithms
from titiler.core.dependencies import (
    DefaultDependency,
    HistogramParams,
    PartFeatureParams,
    PreviewParams,
    StatisticsParams,
    TileParams,
)
from titiler.core.errors import BadRequestError
from titiler.core.factory import TilerFactory

from core.errors import InvalidRequest
from triggers.serving.config import ServingConfig
from triggers.serving.failures import Failure, Failures, add_failure_handlers
from triggers.serving.freshness import CacheHeaders
from triggers.serving.inline import inline
from triggers.serving.legend import legend_png
from triggers.serving.mosaics import PublishedMosaics
from triggers.serving.reading.cog_reader import Cog, read_cog
from triggers.serving.reading.mosaic import Mosaic
from triggers.serving.reading.mosaic_reader import MAX_PARTS, MosaicReader, NothingThere, TooManyParts
from triggers.serving.rendering import colors, layers, look_of, raster_of, resampling, stretching
from triggers.serving.tile_cache import DrawnTile, TileArchives

# A published COG is one immutable file in our own storage: no sidecars, no other formats, no other hosts.
GDAL_READING = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",  # the header of most COGs in one request
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_TIMEOUT": "20",
    "GDAL_HTTP_MAX_RETRY": "2",
    "GDAL_HTTP_RETRY_DELAY": "0.3",
    "PROJ_NETWORK": "OFF",
}
MAX_PIXELS_PER_SIDE = 4096
_DEFAULT_PART_SIZE = 2048
_SAY_NOTHING = {"dataset", "url", "tilesize"}  # parameters that leave the look alone
_SIZES = ("tilesize", "width", "height", "max_size", "buffer", "padding")

FAILURES: Failures = {
    errors.TileOutsideBounds: Failure(404, "TILE_OUTSIDE_BOUNDS"),
    errors.PointOutsideBounds: Failure(404, "POINT_OUTSIDE_BOUNDS"),
    NothingThere: Failure(
        404, "AREA_OUTSIDE_BOUNDS", "No part of the mosaic reaches there.", "See the bounds in 'info'."
    ),
    TooManyParts: Failure(
        400,
        "TOO_MANY_PARTS",
        f"More than {MAX_PARTS} parts of the mosaic would have to be read.",
        "Ask for a smaller area, or for fewer pixels.",
    ),
    errors.RioTilerError: Failure(400, "VALIDATION_ERROR"),
    BadRequestError: Failure(400, "VALIDATION_ERROR"),
    RasterioError: Failure(
        503, "RASTER_UNAVAILABLE", "The raster cannot be read now.", "Try again in some seconds."
    ),
    # titiler's parsers of rescale, colormap and expression raise these for what they cannot read.
    ValueError: Failure(400, "VALIDATION_ERROR", "A parameter of the request cannot be read."),
    AssertionError: Failure(400, "VALIDATION_ERROR", "A parameter of the request cannot be read."),
    IndexError: Failure(400, "VALIDATION_ERROR", "The raster has no such band.", "See 'info' for its bands."),
}


@dataclass
class PartParams(PartFeatureParams):  # type: ignore[misc]  # the library has no types
    """Parts of a raster, never at a resolution that fills the memory."""

    max_size: Annotated[int | None, Field(description="Maximum size of the image, in pixels.")] = (
        _DEFAULT_PART_SIZE
    )


async def source_of(request: Request) -> Cog | Mosaic:
    """What the reader reads: the raster's file, or the parts of the mosaic."""
    raster, state = raster_of(request), request.app.state
    if raster.blob_uri:
        return Cog(state.config.blobs.gdal_path(raster.blob_uri), state.open_rasters)
    mosaics: PublishedMosaics = state.mosaics
    kept = mosaics.kept(raster)
    return kept if kept is not None else await run_in_threadpool(mosaics.get, raster)


def open_reader(source: Cog | Mosaic, **options: Any) -> BaseReader:
    """The reader for a source."""
    return MosaicReader(source, **options) if isinstance(source, Mosaic) else read_cog(source, **options)


def gdal_environment(request: Request) -> dict[str, str]:
    """GDAL's configuration, with the access to our storage."""
    config: ServingConfig = request.app.state.config
    return {**GDAL_READING, **config.blobs.gdal_options()}


async def bounded_sizes(request: Request) -> None:
    """Refuse images that are larger than anybody can look at.

    Raises:
        InvalidRequest: a size is above the limit.
    """
    given: Mapping[str, Any] = {**request.query_params, **request.path_params}
    for name in _SIZES:
        digits = str(given.get(name, "")).split(".")[0]
        if digits.isdecimal() and (len(digits) > 6 or int(digits) > MAX_PIXELS_PER_SIDE):
            message = f"'{name}' is above {MAX_PIXELS_PER_SIDE} pixels."
            raise InvalidRequest(message, field_errors=({"loc": f"query.{name}", "msg": message},))


class DrawnBefore(Exception):
    """The tile that is asked for was drawn in advance."""

    def __init__(self, tile: DrawnTile) -> None:
        super().__init__()
        self.tile = tile


async def drawn_before(request: Request) -> None:
    """Answer from the archive of low zooms, if nothing but a tile of the default look is asked for.

    Raises:
        DrawnBefore: the tile is there.
    """
    uri, path = raster_of(request).data_locations.get("tile_cache"), request.path_params
    plain = set(request.query_params) <= _SAY_NOTHING and request.query_params.get("tilesize", "256") == "256"
    if uri is None or not plain or path.get("tileMatrixSetId") != "WebMercatorQuad" or "z" not in path:
        return
    found = await run_in_threadpool(_find_drawn, request.app.state.archives, uri, path)
    if found is not None:
        raise DrawnBefore(found)


def _find_drawn(archives: TileArchives, uri: str, path: Mapping[str, str]) -> DrawnTile | None:
    try:
        z, x, y = (int(path[name]) for name in "zxy")
    except ValueError:  # titiler says what is wrong with it
        return None
    return archives.find(uri, z=z, x=x, y=y, wanted=path.get("format"))


def _answer_drawn(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, DrawnBefore)
    return Response(exc.tile.content, media_type=exc.tile.media_type)


def legend(
    request: Request,
    title: Annotated[bool, Query(description="Whether the dataset's title stands above it")] = True,
) -> Response:
    """What the colours of the default look mean, as a picture."""
    dataset = raster_of(request)
    heading = dataset.title if title else ""
    return Response(legend_png(look_of(dataset), title=heading), media_type="image/png")


def _pack_png_faster() -> None:
    """zlib's level 6 saves some of the bytes (most on smooth pictures) for twice the time of all else."""
    img_profiles["png"] = PNGProfile(zlevel=4)


def tiler_app(
    title: str,
    raster: Callable[..., Any],
    *,
    prefix: str = "",
    reader_options: Any = DefaultDependency,
    failures: Failures = MappingProxyType({}),
) -> FastAPI:
    """An app of titiler's endpoints; its `state` gets what serving connects when it starts.

    Args:
        raster: the dependency that puts the dataset into `request.state.raster`.
        prefix: of all paths, with the parameters that `raster` takes from it.
        reader_options: the dependency of what the reader is told besides.
        failures: of `raster`.
    """
    app = FastAPI(title=title, openapi_url="/api", docs_url="/api.html", redoc_url=None)
    _pack_png_faster()
    tiler = TilerFactory(
        reader=open_reader,
        router_prefix=prefix,
        path_dependency=source_of,
        reader_dependency=inline(reader_options),
        layer_dependency=layers,
        dataset_dependency=resampling,
        tile_dependency=inline(TileParams),
        stats_dependency=inline(StatisticsParams),
        histogram_dependency=inline(HistogramParams),
        img_preview_dependency=inline(PreviewParams),
        img_part_dependency=inline(PartParams),
        process_dependency=inline(algorithms.dependency),
        colormap_dependency=colors,
        render_dependency=stretching,
        environment_dependency=gdal_environment,
    )
    before = [Depends(raster), Depends(bounded_sizes), Depends(drawn_before)]
    app.include_router(tiler.router, prefix=prefix, dependencies=before)
    app.add_api_route(f"{prefix}/legend.png", legend, methods=["GET"], dependencies=before[:1])
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, {**FAILURES, **failures})
    app.add_exception_handler(DrawnBefore, _answer_drawn)
    return app
