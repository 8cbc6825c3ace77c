"""`/api/tiles/{z}/{x}/{y}?collection=` or `?mosaic=`: a tile of whatever is published under the name."""

from collections.abc import MutableMapping
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import FastAPI, Path, Query
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import InvalidRequest, NotFound
from triggers.serving.datasets import PublishedDataset
from triggers.serving.failures import add_failure_handlers

_NAMES = ("collection", "mosaic")
_MVT = (None, "mvt", "pbf")


class Forwarded(Response):
    """The answer of another path of the same address, which is named as the canonical one."""

    def __init__(self, app: ASGIApp, path: str, *, query: str, url: str) -> None:
        super().__init__()
        self._app, self._path, self._query, self._url = app, path, query, url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask there, and pass the answer on."""

        async def send_with_link(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"]).append("link", f'<{self._url}>; rel="canonical"')
            await send(message)

        there: MutableMapping[str, Any] = {
            **scope,
            "path": self._path,
            "root_path": "",
            "query_string": self._query.encode(),
        }
        await self._app(there, receive, send_with_link)


async def tile(
    request: Request,
    z: Annotated[int, Path(ge=0, le=30)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
    collection: Annotated[str | None, Query(description="The name of a published dataset")] = None,
    mosaic: Annotated[str | None, Query(description="The name of a published mosaic")] = None,
) -> Response:
    """A tile of WebMercatorQuad: PNG of a raster, Mapbox Vector Tile of a table.

    Raises:
        InvalidRequest: not exactly one of `collection` and `mosaic` is given, or tables have no such format.
        NotFound: (COLLECTION_NOT_FOUND) nothing is published under the name.
    """
    if (collection is None) == (mosaic is None):
        raise InvalidRequest(
            "Give either 'collection' or 'mosaic'.",
            field_errors=({"loc": "query.collection", "msg": "missing"},),
        )
    state = request.app.state
    name = collection or mosaic or ""
    dataset = await _raster(state, name)
    query = [pair for pair in parse_qsl(request.url.query) if pair[0] not in _NAMES]
    path = _canonical(name, dataset, f"{z}/{x}/{y}", request.path_params.get("format"), query)
    text = urlencode(query)
    url = f"{state.config.public_base_url.rstrip('/')}{path}{'?' + text if text else ''}"
    return Forwarded(state.dispatcher, path, query=text, url=url)


async def _raster(state: Any, name: str) -> PublishedDataset | None:
    """The raster of this name; None for collections of features, of which a dataset may have several."""
    try:
        dataset: PublishedDataset = await state.datasets.get(name)
    except NotFound:
        await state.collections.layer(name)
        return None
    return dataset if dataset.is_raster else None


def _canonical(
    collection_id: str,
    dataset: PublishedDataset | None,
    place: str,
    wanted: str | None,
    query: list[tuple[str, str]],
) -> str:
    name, tiles, picture = quote(collection_id), "tiles/WebMercatorQuad", quote(wanted or "png")
    if dataset and dataset.mosaic_uri:
        return f"/api/mosaic/{name}/{tiles}/{place}.{picture}"
    if dataset:
        query.append(("dataset", dataset.collection_id))
        return f"/api/cog/{tiles}/{place}.{picture}"
    if wanted not in _MVT:
        message = f"Vector tiles are not available as '{wanted[:20]}'."
        raise InvalidRequest(message, remedy="Leave the ending out, or use .mvt.")
    return f"/api/ogc/features/collections/{name}/{tiles}/{place}"


def tiles_app() -> FastAPI:
    """The app; its `state` gets `datasets`, `config` and the `dispatcher` of all paths."""
    app = FastAPI(title="Tiles by name", openapi_url=None)
    app.add_api_route("/{z}/{x}/{y}.{format}", tile, methods=["GET"])
    app.add_api_route("/{z}/{x}/{y}", tile, methods=["GET"])
    add_failure_handlers(app, {})
    return app
