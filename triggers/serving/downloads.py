"""Downloads: a vector dataset as GeoJSON, a raster dataset as its COG.

Functions answers are whole bodies, held in memory; so there is a limit. Beyond it GeoJSON is refused with a
word about paging, ranges are cut (RFC 9110 section 15.3.7 lets a server send less than was asked for), and a
whole COG is left to the blob store by a redirect to a signed URL.
"""

import zlib
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Query
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.errors import Conflict, InvalidRequest, NotFound
from core.ports import BlobInfo
from triggers.problems import Problem
from triggers.serving.config import ServingConfig
from triggers.serving.datasets import QUERIES, PublishedDataset
from triggers.serving.failures import add_failure_handlers, problem_answer
from triggers.serving.freshness import REVALIDATE, CacheHeaders, matches, range_of, revalidate

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
    request: Request, dataset: Dataset, f: Annotated[str | None, Query(description="geojson or cog")] = None
) -> Response:
    """The dataset as a file."""
    kind: Literal["geojson", "cog"] = "cog" if dataset.blob_uri else "geojson"
    if f not in (None, kind):
        raise InvalidRequest(
            f"This dataset is not available as '{f[:20]}'.",
            remedy=f"Use f={kind}.",
            field_errors=({"loc": "query.f", "msg": f"must be {kind}"},),
        )
    answer = _cog if kind == "cog" else _geojson
    return await answer(request, dataset)


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


# -- COG ------------------------------------------------------------------------------------------


async def _cog(request: Request, dataset: PublishedDataset) -> Response:
    return await run_in_threadpool(_cog_answer, request, dataset.collection_id, dataset.blob_uri or "")


def _cog_answer(request: Request, name: str, uri: str) -> Response:
    config: ServingConfig = request.app.state.config
    info = config.blobs.info(uri)
    headers = {
        "etag": f'"{info.etag.strip(chr(34))}"',
        "accept-ranges": "bytes",
        "cache-control": REVALIDATE,
        "content-disposition": f'attachment; filename="{name}.tif"',
    }
    if matches(request.headers.get("if-none-match", ""), headers["etag"]):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return _file(b"", headers | {"content-length": str(info.size_bytes)})
    try:
        asked = _asked_range(request.headers, headers["etag"], info)
    except ValueError:
        return _unsatisfiable(request, info)
    if asked:
        return _part(config, info, asked, headers)
    if info.size_bytes > config.max_body_bytes:
        url = config.signer.read_url(uri, seconds=config.signed_url_seconds, filename=f"{name}.tif")
        return RedirectResponse(url, 302, {"cache-control": "no-store"})
    return _file(b"".join(config.blobs.open_range(uri)), headers)


def _asked_range(headers: Headers, etag: str, info: BlobInfo) -> tuple[int, int] | None:
    """The range, unless it is for another version of the file (If-Range, RFC 9110 section 13.1.5)."""
    return range_of(headers, info.size_bytes) if headers.get("if-range", etag) == etag else None


def _part(config: ServingConfig, info: BlobInfo, asked: tuple[int, int], headers: dict[str, str]) -> Response:
    start, length = asked[0], min(asked[1], config.max_body_bytes)
    body = b"".join(config.blobs.open_range(info.uri, start=start, length=length))
    part = {"content-range": f"bytes {start}-{start + length - 1}/{info.size_bytes}"}
    return _file(body, headers | part, status=206)


def _file(body: bytes, headers: dict[str, str], *, status: int = 200) -> Response:
    return Response(
        body, status, headers, media_type="image/tiff; application=geotiff; profile=cloud-optimized"
    )


def _unsatisfiable(request: Request, info: BlobInfo) -> Response:
    problem = Problem(416, "RANGE_NOT_SATISFIABLE", "The range lies outside the file.", "RangeError", "", {})
    answer = problem_answer(problem, request.scope)
    answer.headers["content-range"] = f"bytes */{info.size_bytes}"
    return answer


def downloads_app() -> FastAPI:
    """The app; its `state` gets `pool`, `datasets` and `config` when serving starts."""
    app = FastAPI(title="Downloads", openapi_url=None)
    app.add_api_route("/{request_id}/download", download, methods=["GET", "HEAD"])
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, {})
    app.add_exception_handler(TooLarge, _too_large)
    return app
