"""Downloads: a vector dataset as GeoJSON, a raster dataset as its COG, its parts and its products.

Functions answers are whole bodies, held in memory; so there is a limit. Beyond it GeoJSON is refused with a
word about paging.
"""

import zlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, FastAPI, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.errors import Conflict, NotFound
from triggers.problems import Problem
from triggers.serving.blob_answers import blob_answer
from triggers.serving.datasets import QUERIES, PublishedDataset
from triggers.serving.download_files import MOSAICJSON, chosen_kind, files_of, named_file
from triggers.serving.failures import add_failure_handlers, problem_answer
from triggers.serving.freshness import CacheHeaders, revalidate
from triggers.serving.mosaics import public_document

_ROWS_AT_A_TIME = 500


class TooLarge(Exception):
    """The body would be above the limit."""


async def published_of_request(request: Request, request_id: str) -> PublishedDataset:
    """The dataset that the request has published.

    Raises:
        NotFound: (REQUEST_NOT_FOUND) there is no such request; (GONE) its data were replaced or deleted.
        Conflict: (NOT_READY) nothing is published yet.
    """
    datasets, config = request.app.state.datasets, request.app.state.config
    found: PublishedDataset | None = await datasets.of_request(request_id)
    if found:
        return found
    known = await run_in_threadpool(config.find_request, request_id)
    found = await datasets.of_request(known.request_id)
    if found:
        return found
    if known.status == "completed":
        raise NotFound(
            "The data of this request were replaced or deleted.",
            code="GONE",
            remedy="Ask for the newest request.",
        )
    raise Conflict(
        f"The request has not published anything: it is {known.status}.",
        code="NOT_READY",
        remedy="Poll the status until it is completed.",
        context={"request_id": known.request_id},
    )


Dataset = Annotated[PublishedDataset, Depends(published_of_request)]


async def download(
    request: Request,
    dataset: Dataset,
    f: Annotated[str | None, Query(description="geojson, cog, mosaicjson, pmtiles, or a product")] = None,
) -> Response:
    """The dataset as a file."""
    kind = chosen_kind(dataset, f)
    if kind == "geojson":
        return await _geojson(request, dataset)
    if kind == MOSAICJSON:
        return await run_in_threadpool(_mosaicjson, request, dataset)
    return await run_in_threadpool(blob_answer, request, files_of(dataset)[kind])


async def download_named(request: Request, dataset: Dataset, name: str) -> Response:
    """A part of a mosaic, or a product."""
    state = request.app.state
    file = await run_in_threadpool(named_file, dataset, name, state.mosaics)
    return await run_in_threadpool(blob_answer, request, file)


def _mosaicjson(request: Request, dataset: PublishedDataset) -> Response:
    revalidate(request, dataset.request_id)
    state = request.app.state
    headers = {"content-disposition": f'attachment; filename="{dataset.collection_id}.json"'}
    return JSONResponse(public_document(state.mosaics, state.config, dataset), headers=headers)


# -- GeoJSON --------------------------------------------------------------------------------------


async def _geojson(request: Request, dataset: PublishedDataset) -> Response:
    revalidate(request, dataset.request_id)
    headers = {"content-disposition": f'attachment; filename="{dataset.collection_id}.geojson"'}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers |= {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    body = b""
    if request.method != "HEAD":
        limit = request.app.state.config.max_body_bytes
        body = await _collected(_features(request, dataset), limit, gzip="content-encoding" in headers)
    return Response(body, headers=headers, media_type="application/geo+json")


async def _features(request: Request, dataset: PublishedDataset) -> AsyncIterator[bytes]:
    """The feature collection in pieces, from one snapshot of the table."""
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        statement = await connection.fetchval(QUERIES["geojson_statement"], dataset.table)
        yield b'{"type":"FeatureCollection","features":['
        separator = ""
        cursor = await connection.cursor(statement)
        while rows := await cursor.fetch(_ROWS_AT_A_TIME):
            yield (separator + ",\n".join(row[0] for row in rows)).encode()
            separator = ",\n"
        yield b"]}\n"


async def _collected(pieces: AsyncIterator[bytes], limit: int, *, gzip: bool) -> bytes:
    compressor = zlib.compressobj(level=5, wbits=31) if gzip else None
    body = bytearray()
    async for piece in pieces:
        body += compressor.compress(piece) if compressor else piece
        if len(body) > limit:
            raise TooLarge
    return bytes(body + compressor.flush() if compressor else body)


def _too_large(request: Request, _: Exception) -> Response:
    words = "The dataset is larger than one answer can be."
    remedy = "Page through its features (links: items), or ask with Accept-Encoding: gzip."
    return problem_answer(Problem(413, "RESPONSE_TOO_LARGE", words, "TooLarge", remedy, {}), request.scope)


def downloads_app() -> FastAPI:
    """The app; its `state` gets `pool`, `datasets`, `mosaics` and `config` when serving starts."""
    app = FastAPI(title="Downloads", openapi_url=None)
    app.add_api_route("/{request_id}/download", download, methods=["GET", "HEAD"])
    app.add_api_route("/{request_id}/download/{name}", download_named, methods=["GET", "HEAD"])
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, {})
    app.add_exception_handler(TooLarge, _too_large)
    return app
