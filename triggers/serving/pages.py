"""The library's HTML pages, in which data can run nothing.

Values and titles come from files that anybody may have made. The library would write them into its pages as
they are. Here they are escaped, and browsers run the pages' own scripts alone (W3C, Content Security Policy).
"""

import secrets
from typing import Any

from jinja2 import Environment, PackageLoader
from jinja2.ext import Extension
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class _MarkedScripts(Extension):
    """Every script that a template itself contains carries the answer's nonce."""

    def preprocess(self, source: str, *_: Any, **__: Any) -> str:
        """See Jinja."""
        return source.replace("<script", '<script nonce="{{ nonce }}"')


def page_templates() -> Jinja2Templates:
    """The library's templates; for an app with `PagePolicy`."""
    environment = Environment(
        loader=PackageLoader("tipg", "templates"), autoescape=True, extensions=[_MarkedScripts]
    )
    return Jinja2Templates(env=environment, context_processors=[_with_nonce])


def _with_nonce(request: Request) -> dict[str, Any]:
    request.state.nonce = secrets.token_urlsafe(16)
    return {"nonce": request.state.nonce}


class PagePolicy:
    """Adds the policy to answers that were made from `page_templates`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            nonce = scope.get("state", {}).get("nonce")
            if nonce and message["type"] == "http.response.start":
                policy = f"script-src 'nonce-{nonce}'; object-src 'none'; base-uri 'none'"
                MutableHeaders(raw=message["headers"])["content-security-policy"] = policy
            await send(message)

        await self._app(scope, receive, send_with_policy)
