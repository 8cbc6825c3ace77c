"""OGC API Features and Tiles of the published tables, by tipg.

tipg finds its collections by reading the database's catalogue at start and every few minutes, and names them
`schema.table`. Here the registry of published collections says what exists, on every request; and a table is
described once per revision.
"""

from typing import Annotated, Any

from cql2 import Expr
from fastapi import Depends, FastAPI, Path, Query
from morecantile import tms as matrix_sets
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from tipg import errors
from tipg.collections import Catalog
from tipg.dependencies import CollectionsParams, FilterLang, filter_query
from tipg.factory import Endpoints

from core.errors import InvalidRequest
from triggers.serving.csv_rows import write_csv_here
from triggers.serving.failures import Failure, add_failure_handlers
from triggers.serving.filters import check_filter, with_areas
from triggers.serving.freshness import CacheHeaders, more_headers, revalidate
from triggers.serving.item_queries import check_query, items_form
from triggers.serving.pages import PagePolicy, page_templates
from triggers.serving.quick_tipg import SharedMatrixSets, dependencies_of_routes
from triggers.serving.tables import PublishedTable, TableCollections
from triggers.serving.tilejson import tilejson_route
from triggers.serving.vector_tiles import ANSWER_HEADERS, EmptyTile

FAILURES = {
    errors.NotFound: Failure(404, "FEATURE_NOT_FOUND"),
    errors.InvalidBBox: Failure(400, "INVALID_BBOX", remedy="bbox=west,south,east,north in degrees"),
    errors.InvalidDatetime: Failure(400, "INVALID_DATETIME"),
    errors.InvalidLimit: Failure(
        400, "INVALID_LIMIT", "The limit is above 10000.", "Page through the features."
    ),
    errors.InvalidPropertyName: Failure(400, "INVALID_PROPERTY"),
    errors.InvalidGeometryColumnName: Failure(400, "INVALID_PROPERTY"),
    errors.InvalidDatetimeColumnName: Failure(400, "INVALID_PROPERTY"),
    errors.MissingDatetimeColumn: Failure(400, "INVALID_DATETIME"),
    errors.MissingGeometryColumn: Failure(400, "NO_GEOMETRY", "The collection has no geometry."),
    errors.NoPrimaryKey: Failure(400, "NO_PRIMARY_KEY", "The features of this collection have no ids."),
    # tipg reads numbers and dates of the query with float() and a date parser that raise this.
    ValueError: Failure(400, "VALIDATION_ERROR", "A parameter of the request cannot be read."),
}


async def _collection_of_path(
    request: Request,
    collectionId: Annotated[str, Path(description="Collection identifier")],  # noqa: N803
) -> PublishedTable:
    collections: TableCollections = request.app.state.collections
    layer = await collections.layer(collectionId)
    revalidate(request, layer.request_id)
    table = await collections.get(layer)
    check_query(request, table)
    # The routes are the library's: what a collection has to say besides its content goes past them.
    ANSWER_HEADERS.set(more_headers(request))
    return table


async def _refresh(request: Request) -> None:
    collections = await request.app.state.collections.all()
    request.app.state.collection_catalog = Catalog(collections={c.id: c for c in collections})


async def _collections_of_query(
    _: Annotated[None, Depends(_refresh)], listed: Annotated[Any, Depends(CollectionsParams)]
) -> Any:
    return listed


async def _checked_filter(
    text: Annotated[str | None, Query(alias="filter", description="CQL2 filter")] = None,
    language: Annotated[FilterLang | None, Query(alias="filter-lang")] = None,
) -> Expr | None:
    try:
        parsed: Expr | None = filter_query(text, language)
    except Exception as exc:  # cql2 raises bare Exceptions for what it cannot parse
        raise InvalidRequest(
            "The filter cannot be read as CQL2.",
            code="INVALID_FILTER",
            remedy="Example: population > 1000000",
        ) from exc
    if parsed is None:
        return None
    expression = parsed.to_json()
    check_filter(expression)
    return Expr(with_areas(expression))


def features_app() -> FastAPI:
    """The app; its `state` gets `pool`, `datasets` and `collections` when serving starts."""
    app = FastAPI(
        title="OGC API Features and Tiles", openapi_url="/api", docs_url="/api.html", redoc_url=None
    )
    with dependencies_of_routes(filter_query=_checked_filter, ItemsOutputType=items_form):
        endpoints = Endpoints(
            title="Geospatial data platform: features and vector tiles",
            collection_dependency=_collection_of_path,
            collections_dependency=_collections_of_query,
            supported_tms=SharedMatrixSets(matrix_sets.tilematrixsets),
            templates=page_templates(),
        )
    write_csv_here()
    # Before the library's own, which would be asked otherwise.
    path, tilejson = tilejson_route(_collection_of_path)
    app.add_api_route(path, tilejson, methods=["GET"])
    app.include_router(endpoints.router)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(CacheHeaders)
    app.add_middleware(PagePolicy)
    add_failure_handlers(app, FAILURES, invalid_status=400)
    app.add_exception_handler(EmptyTile, lambda *_: Response(status_code=204))
    return app
