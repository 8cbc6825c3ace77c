"""The HTTP side: from an ASGI request to a function and back, with the Azure host's manners."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
from azure.functions.http import HttpRequest, HttpResponseConverter
from starlette.types import Receive, Scope, Send

from tools.functions_host.function_context import TraceContext
from tools.functions_host.function_index import FunctionSpec
from tools.functions_host.invocation import InvocationFailed, Invoker
from tools.functions_host.keys import AccessKeys
from tools.functions_host.routing import RouteTable

_logger = logging.getLogger("functions_host.http")

_HOMEPAGE = (
    b"<!DOCTYPE html><html lang='en'><title>Functions</title>"
    b"<h1>Your Functions app is up and running</h1></html>"
)
_WITHOUT_BODY = frozenset({204, 304})
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})


class BodyTooLarge(Exception):  # an outcome: the answer is 413
    """The request body is longer than the limit."""


class ClientGone(Exception):  # an outcome: there is nobody to answer
    """The client hung up before its request was complete."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; header names in lower case, values as sent."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What the app settings say about HTTP."""

    max_body_bytes: int
    homepage: bool


class HttpFront:
    """The ASGI application that serves every HTTP function of the app."""

    def __init__(
        self, routes: RouteTable, invoker: Invoker, *, keys: AccessKeys | None, limits: HttpLimits
    ) -> None:
        self._routes, self._invoker, self._keys, self._limits = routes, invoker, keys, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            reply = await self._reply(scope, receive)
        except ClientGone:
            return
        await _send(reply, send, method=scope["method"])

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        raw_path = scope["raw_path"].decode("ascii", "replace")
        found = self._routes.match(scope["method"], raw_path)
        if found is None:
            return self._unmatched(raw_path)
        route, parameters = found
        headers = _joined(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
        )
        query = _joined(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=False))
        if not self._allowed(route.spec, headers, query):
            return Reply(401)
        try:
            body = await self._body(headers, receive)
        except BodyTooLarge:
            return Reply(413)
        request = HttpRequest(
            method=scope["method"],
            url=_url(scope, headers, raw_path),
            headers=headers,
            params=query,
            route_params=parameters,
            body_type="bytes",
            body=body,
        )
        return await self._invoke(route.spec, request)

    def _unmatched(self, raw_path: str) -> Reply:
        if raw_path != "/":
            return Reply(404)
        if not self._limits.homepage:
            return Reply(204)
        return Reply(200, (("content-type", "text/html"),), _HOMEPAGE)

    def _allowed(self, spec: FunctionSpec, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        if self._keys is None:
            return True
        presented = headers.get("x-functions-key") or query.get("code")
        return self._keys.allows(spec.trigger.auth_level, spec.name, presented)

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The body, but only when Content-Length announces one: the Azure host drops a chunked body."""
        announced = int(headers.get("content-length", "0"))
        if announced > self._limits.max_body_bytes:
            raise BodyTooLarge
        if announced == 0:
            if "transfer-encoding" in headers:
                _logger.warning(
                    "A chunked request body is dropped, as in Azure", extra={"action": "chunked_body_dropped"}
                )
            return b""
        return await _read_all(receive)

    async def _invoke(self, spec: FunctionSpec, request: HttpRequest) -> Reply:
        trace = TraceContext(request.headers.get("traceparent", ""), request.headers.get("tracestate", ""))
        try:
            reply: Reply = await self._invoker.invoke(
                spec,
                request,
                trace=trace,
                render=_encode,
                describe=lambda reply: f"{request.method} {urlsplit(request.url).path} -> {reply.status}",
            )
        except InvocationFailed:
            return Reply(500)
        return reply


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values of one name joined by commas; names differ by more than case, the first spelling is kept."""
    spelling: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in pairs:
        known = spelling.setdefault(name.lower(), name)
        values[known] = f"{values[known]},{value}" if known in values else value
    return values


def _url(scope: Scope, headers: Mapping[str, str], raw_path: str) -> str:
    host = headers.get("host") or "{}:{}".format(*scope["server"])
    query = scope["query_string"].decode("latin-1")
    return f"{scope['scheme']}://{host}{raw_path}" + (f"?{query}" if query else "")


async def _read_all(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _encode(returned: object) -> Reply:
    """The reply that the worker and the host make of a return value. Raises TypeError for any other."""
    if isinstance(returned, str):
        return Reply(200, (("content-type", "text/plain; charset=utf-8"),), returned.encode())
    if not isinstance(returned, func.HttpResponse):
        raise TypeError(f"an HTTP function returns str or HttpResponse, not {type(returned).__name__}")
    value: dict[str, Any] = HttpResponseConverter.encode(returned, expected_type=None).value
    headers = [(name.lower(), datum.value) for name, datum in value["headers"].items()]
    return Reply(
        int(value["status_code"].value),
        (*headers, *(("set-cookie", text) for text in _cookies(value["cookies"]))),
        value["body"].value,
    )


def _cookies(jars: list[SimpleCookie] | None) -> list[str]:
    return [morsel.OutputString() for jar in jars or [] for morsel in jar.values()]


async def _send(reply: Reply, send: Send, *, method: str) -> None:
    body = b"" if reply.status in _WITHOUT_BODY else reply.body
    headers = [
        (name.encode(), value.encode("latin-1")) for name, value in reply.headers if name not in _FRAMING
    ]
    if reply.status not in _WITHOUT_BODY:
        headers.append((b"content-length", _length(reply, body, method).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _length(reply: Reply, body: bytes, method: str) -> str:
    """The length of `body`; for HEAD the one the function announces, since it may have made no body."""
    announced = next((value for name, value in reply.headers if name == "content-length"), None)
    return announced if method == "HEAD" and announced and announced.isdigit() else str(len(body))
