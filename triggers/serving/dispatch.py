"""One ASGI app over several, by path prefix, under the public address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triggers.serving.failures import answer_no_such_path, answer_unforeseen

# A client could write other hosts into our links, and caches would keep them.
_FORWARDED = {
    b"host",
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-port",
}


@dataclass(frozen=True, slots=True)
class Alias:
    """Another spelling of paths: what it matches (after the mount's path) and the canonical path."""

    pattern: re.Pattern[str]
    canonical: str


@dataclass(frozen=True, slots=True)
class Mounted:
    """An app and the path under which it is served."""

    path: str
    app: ASGIApp
    aliases: Sequence[Alias] = ()


class Dispatcher:
    """Sends each request to the app mounted at its path.

    To the app, the request looks as if it had come to `public_base_url`, whatever host and proxies it came
    through, so that every link in an answer is absolute and works from outside. Start-up and shut-down go to
    `lifespan_app` alone.
    """

    def __init__(self, mounts: Sequence[Mounted], *, public_base_url: str, lifespan_app: Starlette) -> None:
        self._mounts = sorted(mounts, key=lambda mount: len(mount.path), reverse=True)
        self._public = urlsplit(public_base_url.rstrip("/"))
        self._lifespan_app = lifespan_app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan_app(scope, receive, send)
            return
        for mount in self._mounts:
            if scope["path"] == mount.path or scope["path"].startswith(mount.path + "/"):
                await self._serve(mount, scope, receive, send)
                return
        await answer_no_such_path(scope, receive, send)

    async def _serve(self, mount: Mounted, scope: Scope, receive: Receive, send: Send) -> None:
        rest = scope["path"].removeprefix(mount.path) or "/"
        canonical = _canonical(mount, rest)
        child = self._public_scope(scope, mount.path, canonical or rest)
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if canonical:
                    _link_canonical(message, self._public.geturl() + mount.path + canonical, scope)
            await send(message)

        try:
            await mount.app(child, receive, watched_send)
        except Exception as exc:  # the entry point's one catch-all: an answer, never a traceback
            if started:
                raise
            await answer_unforeseen(exc, child, receive, send)

    def _public_scope(self, scope: Scope, mount_path: str, rest: str) -> Scope:
        root_path = self._public.path + mount_path
        host = self._public.netloc.rpartition("@")[2]
        port = self._public.port or (443 if self._public.scheme == "https" else 80)
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _FORWARDED]
        return {
            **scope,
            "scheme": self._public.scheme,
            "server": (self._public.hostname, port),
            "headers": [(b"host", host.encode()), *headers],
            "root_path": root_path,
            "path": root_path + rest,
            "raw_path": (root_path + rest).encode(),
            "state": dict(scope.get("state") or {}),
        }


def _canonical(mount: Mounted, rest: str) -> str | None:
    for alias in mount.aliases:
        if found := alias.pattern.fullmatch(rest):
            return found.expand(alias.canonical)
    return None


def _link_canonical(message: Message, url: str, scope: Scope) -> None:
    query = scope["query_string"].decode("latin-1")
    headers = MutableHeaders(raw=message["headers"])
    headers.append("link", f'<{url}{"?" + query if query else ""}>; rel="canonical"')


class HeadAsGet:
    """Answers HEAD with the headers of GET, for apps that know GET alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
