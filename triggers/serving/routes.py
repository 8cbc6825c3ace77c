"""The HTTP functions of serving. Routes are declared in full; `host.json` has no route prefix."""

from collections.abc import Callable
from typing import Any, Protocol

import azure.functions as func

from config import Settings
from geo_platform.router import PlatformRouter
from infrastructure.blob_signing import BlobUrlSigner
from infrastructure.database import Database
from infrastructure.repositories.published import PublishedRepository
from infrastructure.storage_account import StorageAccount
from triggers.problems import answers
from triggers.serving.asgi import ServingHost
from triggers.serving.config import BlobReader, ServingConfig
from triggers.serving.page import Page
from triggers.serving.static_files import static_answer

# (function name, routes, methods): a catch-all matches its own root as well, with and without a slash.
_READ = ["GET", "HEAD", "OPTIONS"]
_ROUTES = (
    ("serve_features", "api/ogc/features/{*rest}", _READ),
    ("serve_rasters", "api/cog/{*rest}", [*_READ, "POST"]),
    ("serve_mosaics", "api/mosaic/{*rest}", [*_READ, "POST"]),
    ("serve_tiles", "api/tiles/{*rest}", _READ),
    ("serve_stac", "api/stac/{*rest}", [*_READ, "POST"]),
    ("serve_tile_matrix_sets", "api/tileMatrixSets/{*rest}", _READ),
    ("serve_color_maps", "api/colorMaps/{*rest}", _READ),
    ("download", "api/platform/data/{request_id}/download", _READ),
    ("download_unprefixed", "platform/data/{request_id}/download", _READ),
    ("download_part", "api/platform/data/{request_id}/download/{name}", _READ),
    ("download_part_unprefixed", "platform/data/{request_id}/download/{name}", _READ),
)


class ServingApplication(Protocol):
    """What these triggers need of the application."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def storage(self) -> BlobReader: ...

    @property
    def platform(self) -> PlatformRouter: ...


def serving_blueprint(app: ServingApplication) -> func.Blueprint:
    """Everything that serves published data, and the page."""
    config = ServingConfig(
        reader_url=app.settings.database.reader_url.get_secret_value(),
        public_base_url=app.settings.platform.public_base_url,
        blobs=app.storage,
        signer=BlobUrlSigner(_account(app.settings)),
        catalogue=PublishedRepository(app.database),
        find_request=app.platform.status,
        exports=app.platform.export,
    )
    return blueprint_of(config, ServingHost(config))


def _account(settings: Settings) -> StorageAccount:
    secret = settings.storage.connection_string
    return StorageAccount(
        connection_string=secret.get_secret_value() if secret else None,
        account_url=settings.storage.account_url,
    )


def blueprint_of(config: ServingConfig, host: ServingHost) -> func.Blueprint:
    """The functions over `host`, which the caller may close."""
    blueprint = func.Blueprint()
    for name, route, methods in _ROUTES:
        blueprint.function_name(name)(blueprint.route(route=route, methods=methods)(_serve(host)))
    _add_page(blueprint, Page(config.catalogue, public_base_url=config.public_base_url))
    return blueprint


def _serve(host: ServingHost) -> Callable[..., Any]:
    @answers
    async def serve(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return await host.handle(req, context)

    return serve


def _add_page(blueprint: func.Blueprint, page: Page) -> None:
    # An empty route would stand for the function's name; this one matches the empty path and nothing else.
    @blueprint.function_name("page")
    @blueprint.route(route="{ignored:maxlength(0)?}", methods=["GET", "HEAD"])
    @answers
    def show_page(req: func.HttpRequest) -> func.HttpResponse:
        return page.answer(req.params.get("dataset"))

    @blueprint.function_name("static_file")
    @blueprint.route(route="static/{*path}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
    @answers
    def static_file(req: func.HttpRequest) -> func.HttpResponse:
        return static_answer(req)
