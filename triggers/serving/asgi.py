"""The serving apps inside Azure Functions: built on the first serving request, once per event loop.

Workers and cold starts must not pay for titiler, tipg and stac-fastapi (seconds and some 200 MB), so nothing
here imports them before somebody asks for a tile, a feature or a STAC item. Database pools belong to the
event loop they were opened on; a second loop (as in tests) gets an app of its own.
"""

import asyncio
import logging
from typing import Any
from weakref import WeakKeyDictionary

import azure.functions as func

from core.errors import Unavailable
from triggers.serving.config import ServingConfig

LOG = logging.getLogger(__name__)


class ServingHost:
    """Hands Functions requests to the ASGI app."""

    def __init__(self, config: ServingConfig) -> None:
        self._config = config
        self._apps: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopApp] = WeakKeyDictionary()

    async def handle(self, req: func.HttpRequest, context: func.Context | None) -> func.HttpResponse:
        """The app's answer. The body is whole: Functions knows no chunked answers.

        Raises:
            Unavailable: (SERVING_UNAVAILABLE) the app cannot start; the next request tries again.
        """
        loop = asyncio.get_running_loop()
        app = self._apps.setdefault(loop, _LoopApp(self._config))
        middleware = await app.started()
        return await middleware.handle_async(req, context)

    async def close(self) -> None:
        """Shut the running loop's app down."""
        if app := self._apps.pop(asyncio.get_running_loop(), None):
            await app.stop()


class _LoopApp:
    """The app of one event loop. `AsgiMiddleware` starts an app once per call if nobody holds it back."""

    def __init__(self, config: ServingConfig) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._middleware: Any = None

    async def started(self) -> Any:
        """The middleware around the started app."""
        async with self._lock:
            if self._middleware is None:
                # Imports take seconds: in a thread, so that the loop goes on serving health and status.
                middleware = func.AsgiMiddleware(await asyncio.to_thread(_build, self._config))
                if not await middleware.notify_startup():
                    raise Unavailable("The serving app could not start.", code="SERVING_UNAVAILABLE")
                self._middleware = middleware
                LOG.info("the serving app has started", extra={"action": "serving_started"})
        return self._middleware

    async def stop(self) -> None:
        """Close the pools."""
        async with self._lock:
            middleware, self._middleware = self._middleware, None
        if middleware is not None:
            await middleware.notify_shutdown()


def _build(config: ServingConfig) -> Any:
    from triggers.serving.assembly import build  # the one lazy import, see the module's docstring

    return build(config)
