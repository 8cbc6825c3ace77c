"""The HTTP functions of serving. Routes are declared in full; `host.json` has no route prefix."""

import azure.functions as func

from triggers.problems import answers
from triggers.serving.asgi import ServingHost
from triggers.serving.config import ServingConfig

# (function name, routes, methods): a catch-all matches its own root as well, with and without a slash.
_READ = ["GET", "HEAD", "OPTIONS"]
_ROUTES = (
    ("serve_features", "api/ogc/features/{*rest}", _READ),
    ("serve_rasters", "api/cog/{*rest}", [*_READ, "POST"]),
    ("serve_stac", "api/stac/{*rest}", [*_READ, "POST"]),
    ("serve_tile_matrix_sets", "api/tileMatrixSets/{*rest}", _READ),
    ("serve_color_maps", "api/colorMaps/{*rest}", _READ),
    ("download", "api/platform/data/{request_id}/download", _READ),
    ("download_unprefixed", "platform/data/{request_id}/download", _READ),
)


def serving_blueprint(config: ServingConfig, *, host: ServingHost | None = None) -> func.Blueprint:
    """The functions. With a `host`, the caller can close it."""
    blueprint, host = func.Blueprint(), host or ServingHost(config)
    for name, route, methods in _ROUTES:
        _add(blueprint, host, name=name, route=route, methods=methods)
    return blueprint


def _add(blueprint: func.Blueprint, host: ServingHost, *, name: str, route: str, methods: list[str]) -> None:
    @blueprint.function_name(name)
    @blueprint.route(route=route, methods=methods)
    @answers
    async def serve(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return await host.handle(req, context)
