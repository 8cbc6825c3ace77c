"""Validators and lifetimes of answers (RFC 9110 section 13, RFC 9111).

The data of a revision never change, so the revision is the validator: a client that shows it again gets 304
before any data are read. Weak, because bodies may be compressed or formatted in another way.
"""

import re
import zlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TILE = re.compile(r"/tiles/[^/]+/\d+/\d+/\d+[^/]*$")
TILE_LIFETIME = "public, max-age=300"
REVALIDATE = "no-cache"


class NotModified(Exception):
    """The client holds this revision's answer already."""


def revalidate(request: Request, revision: str) -> None:
    """Give the answer the revision's validator.

    Raises:
        NotModified: the request carries that validator in If-None-Match.
    """
    etag = f'W/"{revision[:16]}-{zlib.crc32(request.headers.get("accept", "").encode()):08x}"'
    request.state.etag = etag
    if matches(request.headers.get("if-none-match", ""), etag):
        raise NotModified


def more_headers(request: Request) -> dict[str, str]:
    """Headers that the answer gets when it begins; to be filled until then."""
    headers: dict[str, str] = {}
    request.state.more_headers = headers
    return headers


def matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison with each entity tag of the header; `*` matches all."""
    candidates = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in candidates


class CacheHeaders:
    """Adds ETag, Cache-Control and Vary to successful answers that do not have them, and `more_headers`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                _decorate(MutableHeaders(raw=message["headers"]), scope)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def _decorate(headers: MutableHeaders, scope: Scope) -> None:
    headers.setdefault("cache-control", TILE_LIFETIME if TILE.search(scope["path"]) else REVALIDATE)
    headers.add_vary_header("Accept")
    if etag := scope["state"].get("etag"):
        headers.setdefault("etag", etag)
    for name, value in scope["state"].get("more_headers", {}).items():
        headers[name] = value


def range_of(headers: Headers, size_bytes: int) -> tuple[int, int] | None:
    """The one byte range that the request asks for, as (start, length); None when it asks for the whole.

    Ranges that cannot be read or are several are ignored, as RFC 9110 section 14.2 allows.

    Raises:
        ValueError: the range lies outside (status 416).
    """
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", "").replace(" ", ""))
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(size_bytes - int(last), 0), size_bytes - 1
    else:
        start, end = int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1
    if start >= size_bytes or (first == "" and int(last) == 0):
        raise ValueError("the range lies outside the file")
    if end < start:
        return None
    return start, end - start + 1
