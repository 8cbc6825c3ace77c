"""The STAC API over pgSTAC, read-only, by stac-fastapi."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from stac_fastapi.pgstac.app import instantiate_api
from stac_fastapi.pgstac.config import Settings
from stac_fastapi.pgstac.models.extensions import Extensions
from stac_fastapi.types import errors

from triggers.serving.failures import Failure, Failures, add_failure_handlers
from triggers.serving.freshness import CacheHeaders

FAILURES: Failures = {
    errors.NotFoundError: Failure(404, "NOT_FOUND"),
    errors.InvalidQueryParameter: Failure(400, "VALIDATION_ERROR"),
    # Parsers of bbox, datetime and filters raise this.
    ValueError: Failure(400, "VALIDATION_ERROR", "A parameter of the request cannot be read."),
}


@asynccontextmanager
async def _started_elsewhere(_: FastAPI) -> AsyncIterator[None]:
    yield


def stac_app() -> FastAPI:
    """The app; its `state` gets `readpool` and `get_connection` when serving starts."""
    settings = Settings(
        _env_file=None,
        stac_fastapi_title="Geospatial data platform",
        stac_fastapi_description="What was published, as STAC",
        stac_fastapi_version="1",
        stac_fastapi_landing_id="geospatial-data-platform",
        enable_transactions_extensions=False,
        enable_catalogs_extension=False,
        root_path="",
        prefix_path="",
        openapi_url="/api",
        docs_url="/api.html",
    )
    api = instantiate_api(
        extensions=Extensions(settings=settings), settings=settings, lifespan=_started_elsewhere
    )
    app: FastAPI = api.app
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, FAILURES, invalid_status=400)
    return app
