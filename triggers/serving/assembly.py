"""Builds the serving apps; imported on the first serving request (see `triggers.serving.asgi`)."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from buildpg import asyncpg  # type: ignore[import-untyped]
from fastapi import FastAPI
from stac_fastapi.pgstac.db import con_init, get_connection
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from triggers.serving.config import ServingConfig
from triggers.serving.datasets import PublishedDatasets
from triggers.serving.dispatch import Alias, Dispatcher, HeadAsGet, Mounted
from triggers.serving.downloads import downloads_app
from triggers.serving.features import features_app
from triggers.serving.mosaic_app import mosaics_app
from triggers.serving.mosaics import PublishedMosaics
from triggers.serving.rasters import rasters_app, reference_app
from triggers.serving.reading.open_rasters import OpenRasters
from triggers.serving.stac import stac_app
from triggers.serving.tables import TableCollections
from triggers.serving.tile_alias import tiles_app
from triggers.serving.tile_cache import TileArchives

_MVT_ALIAS = Alias(re.compile(r"(/collections/[^/]+/tiles/[^/]+/\d+/\d+/\d+)\.(?:mvt|pbf)"), r"\1")
_MOSAIC_ALIAS = Alias(re.compile(r"(/[^/]+)/tiles/(\d+/\d+/\d+(?:\.\w+)?)"), r"\1/tiles/WebMercatorQuad/\2")
_WEB_MERCATOR_ALIAS = Alias(re.compile(r"/tiles/(\d+/\d+/\d+(?:\.\w+)?)"), r"/tiles/WebMercatorQuad/\1")


def build(config: ServingConfig) -> ASGIApp:
    """The ASGI app of everything under /api that is served from published data."""
    features, stac, downloads = features_app(), stac_app(), downloads_app()
    rasters, mosaics, tiles = rasters_app(), mosaics_app(), tiles_app()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        open_rasters = OpenRasters()
        async with _open_pool(config) as pool:
            _connect([features, rasters, mosaics, stac, downloads, tiles], pool, open_rasters, config)
            yield
        open_rasters.close()

    dispatcher = Dispatcher(
        [
            Mounted("/api/ogc/features", HeadAsGet(features), [_MVT_ALIAS]),
            Mounted("/api/cog", HeadAsGet(rasters), [_WEB_MERCATOR_ALIAS]),
            Mounted("/api/mosaic", HeadAsGet(mosaics), [_MOSAIC_ALIAS]),
            Mounted("/api/tiles", HeadAsGet(tiles)),
            Mounted("/api/stac", HeadAsGet(stac)),
            Mounted("/api/platform/data", downloads),
            Mounted("/platform/data", downloads),
            Mounted("/api", HeadAsGet(reference_app())),
        ],
        public_base_url=config.public_base_url,
        lifespan_app=Starlette(lifespan=lifespan),
    )
    tiles.state.dispatcher = dispatcher
    return CORSMiddleware(
        dispatcher,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["Content-Type", "Range", "If-None-Match"],
        expose_headers=["ETag", "Link", "Content-Range", "Content-Crs", "Content-Bbox", "Tile-Reduction"],
        max_age=600,
    )


def _connect(
    apps: list[FastAPI], pool: asyncpg.BuildPgPool, open_rasters: OpenRasters, config: ServingConfig
) -> None:
    datasets = PublishedDatasets(pool)
    collections = TableCollections(pool, datasets)
    mosaics, archives = PublishedMosaics(config.blobs, open_rasters), TileArchives(config.blobs)
    for app in apps:
        app.state.pool = app.state.readpool = pool
        app.state.get_connection = get_connection
        app.state.datasets = datasets
        app.state.collections = collections
        app.state.mosaics = mosaics
        app.state.archives = archives
        app.state.open_rasters = open_rasters
        app.state.config = config


async def _keep_session(_: Any) -> None:
    """Nothing here changes a session, and setting it back would be a round trip for every statement."""


def _open_pool(config: ServingConfig) -> asyncpg.BuildPgPool:
    """One pool for all apps. No connection is opened before it is needed, so a start needs no database."""
    return asyncpg.create_pool_b(
        config.reader_url,
        min_size=0,
        max_size=config.pool_max,
        timeout=5,
        max_inactive_connection_lifetime=300,
        init=con_init,
        reset=_keep_session,
        server_settings={
            "application_name": "geo-serving",
            "search_path": "pgstac,public",
            "statement_timeout": str(int(config.statement_seconds * 1000)),
            "default_transaction_read_only": "on",
            "pgstac.readonly": "true",
            "jit": "off",
        },
    )
