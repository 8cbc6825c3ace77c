"""Tiles, values and documents of published mosaics: the verbs of a COG, and what the parts are."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Path, Query
from morecantile import Tile
from rio_tiler.constants import WEB_MERCATOR_TMS
from rio_tiler.mosaic.methods import PixelSelectionMethod
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from titiler.core.dependencies import DefaultDependency

from core.errors import NotFound
from triggers.serving.datasets import PublishedDataset
from triggers.serving.freshness import revalidate
from triggers.serving.mosaics import part_url, public_document
from triggers.serving.rendering import raster_of
from triggers.serving.tiler import tiler_app

PREFIX = "/{collection_id}"
_METHODS = tuple(method.name for method in PixelSelectionMethod)
Zoom = Annotated[int, Path(ge=0, le=30)]
Index = Annotated[int, Path(ge=0, lt=2**30)]


@dataclass
class MosaicOptions(DefaultDependency):  # type: ignore[misc]  # the library has no types
    """How parts that overlap are put together."""

    pixel_selection: Annotated[
        Literal[_METHODS] | None,  # type: ignore[valid-type]  # the names are those of the library
        Query(description="Which of several parts is seen, or what is made of them all. Default: first."),
    ] = None


async def published_mosaic(
    request: Request, collection_id: Annotated[str, Path(description="The name of a published mosaic")]
) -> None:
    """Find the mosaic that the path names.

    Raises:
        NotFound: (COLLECTION_NOT_FOUND) there is no such mosaic.
    """
    mosaic: PublishedDataset = await request.app.state.datasets.get(collection_id)
    if mosaic.mosaic_uri is None:
        raise NotFound(
            f"The dataset '{mosaic.collection_id}' is no mosaic.",
            code="COLLECTION_NOT_FOUND",
            remedy=f"A raster of one file is served under /api/cog/...?dataset={mosaic.collection_id}.",
        )
    request.state.raster = mosaic
    revalidate(request, mosaic.request_id)


def mosaicjson(request: Request) -> Response:
    """The MosaicJSON (0.0.3), with the addresses at which its parts can be downloaded."""
    state = request.app.state
    return JSONResponse(public_document(state.mosaics, state.config, raster_of(request)))


def assets(request: Request, z: Zoom, x: Index, y: Index) -> list[str]:
    """The addresses of the parts that touch a tile of WebMercatorQuad, the one on top first."""
    state, dataset = request.app.state, raster_of(request)
    west, south, east, north = WEB_MERCATOR_TMS.bounds(Tile(x, y, z))
    touching = state.mosaics.get(dataset).parts_in_bbox((west, south, east, north))
    return [part_url(state.config, dataset, part.name) for part in touching]


def mosaics_app() -> FastAPI:
    """The app of `/api/mosaic/{collection_id}`."""
    app = tiler_app("Mosaics", published_mosaic, prefix=PREFIX, reader_options=MosaicOptions)
    router = APIRouter(dependencies=[Depends(published_mosaic)])
    router.add_api_route("/mosaicjson", mosaicjson, methods=["GET"])
    router.add_api_route("/{z}/{x}/{y}/assets", assets, methods=["GET"])
    app.include_router(router, prefix=PREFIX)
    return app
