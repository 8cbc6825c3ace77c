"""Blobs as HTTP answers: whole, in ranges, or by a redirect.

Functions answers are whole bodies, held in memory; so there is a limit. Beyond it ranges are cut (RFC 9110
section 15.3.7 lets a server send less than was asked for), and a whole blob is left to the blob store by a
redirect to a signed URL.
"""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from core.ports import BlobInfo
from triggers.problems import Problem
from triggers.serving.config import ServingConfig
from triggers.serving.failures import problem_answer
from triggers.serving.freshness import REVALIDATE, matches, range_of

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True, slots=True)
class BlobFile:
    """A blob as a file for clients, who save it as `filename`; `etag` stands in for that of the blob."""

    uri: str
    filename: str
    media_type: str
    etag: str | None = None


def blob_answer(request: Request, file: BlobFile) -> Response:
    """The file, or what the request's headers ask for of it.

    Raises:
        NotFound: (SOURCE_NOT_FOUND) the blob is gone.
        TransientError: (STORAGE_TIMEOUT) the blob storage does not answer.
    """
    config: ServingConfig = request.app.state.config
    info = config.blobs.info(file.uri)
    headers = {
        "etag": f'"{(file.etag or info.etag).strip(chr(34))}"',
        "accept-ranges": "bytes",
        "cache-control": REVALIDATE,
        "content-type": file.media_type,
        "content-disposition": f'attachment; filename="{file.filename}"',
    }
    if matches(request.headers.get("if-none-match", ""), headers["etag"]):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        return Response(b"", 200, headers | {"content-length": str(info.size_bytes)})
    try:
        asked = _asked_range(request.headers, headers["etag"], info)
    except ValueError:
        return _unsatisfiable(request, info)
    if asked:
        return _part(config, info, asked, headers)
    if info.size_bytes > config.max_body_bytes:
        seconds, name = config.signed_url_seconds, file.filename
        url = config.signer.read_url(file.uri, seconds=seconds, filename=name)
        return RedirectResponse(url, 302, {"cache-control": "no-store"})
    return Response(b"".join(config.blobs.open_range(file.uri)), 200, headers)


def _asked_range(headers: Headers, etag: str, info: BlobInfo) -> tuple[int, int] | None:
    """The range, unless it is for another version of the file (If-Range, RFC 9110 section 13.1.5)."""
    return range_of(headers, info.size_bytes) if headers.get("if-range", etag) == etag else None


def _part(config: ServingConfig, info: BlobInfo, asked: tuple[int, int], headers: dict[str, str]) -> Response:
    start, length = asked[0], min(asked[1], config.max_body_bytes)
    body = b"".join(config.blobs.open_range(info.uri, start=start, length=length))
    part = {"content-range": f"bytes {start}-{start + length - 1}/{info.size_bytes}"}
    return Response(body, 206, headers | part)


def _unsatisfiable(request: Request, info: BlobInfo) -> Response:
    problem = Problem(416, "RANGE_NOT_SATISFIABLE", "The range lies outside the file.", "RangeError", "", {})
    answer = problem_answer(problem, request.scope)
    answer.headers["content-range"] = f"bytes */{info.size_bytes}"
    return answer
