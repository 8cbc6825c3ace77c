"""OGC API Features and Tiles of the published tables, by tipg.

tipg finds its collections by reading the database's catalogue at start and every few minutes, and names them
`schema.table`. Here the registry of published datasets says what exists, on every request; the public name is
the dataset's; and a table is described once per revision.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from cql2 import Expr
from fastapi import Depends, FastAPI, Path, Query
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from tipg import errors
from tipg.collections import Catalog, Column, PgCollection
from tipg.dependencies import CollectionsParams, FilterLang, filter_query
from tipg.factory import Endpoints

from core.errors import InvalidRequest, NotFound
from triggers.serving.datasets import QUERIES, PublishedDataset, PublishedDatasets
from triggers.serving.failures import Failure, add_failure_handlers
from triggers.serving.filters import check_filter
from triggers.serving.freshness import CacheHeaders, revalidate

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


class EmptyTile(Exception):
    """No feature of the collection touches the tile."""


class PublishedTable(PgCollection):  # type: ignore[misc]  # the library has no types
    """A published table as tipg sees it, under the dataset's public name."""

    async def get_tile(self, *args: Any, **kwargs: Any) -> bytes:
        """The Mapbox Vector Tile.

        Raises:
            EmptyTile: the tile has no feature.
        """
        tile: bytes = await super().get_tile(*args, **kwargs)
        if not tile:
            raise EmptyTile
        return tile


class TableCollections:
    """Published tables as tipg collections, each described once per revision."""

    def __init__(self, pool: Any, datasets: PublishedDatasets) -> None:
        self._pool = pool
        self._datasets = datasets
        self._described: dict[str, tuple[str, PublishedTable]] = {}
        self._listed: tuple[int, list[PublishedTable]] = (-1, [])

    async def get(self, dataset: PublishedDataset) -> PublishedTable:
        """The collection of a published dataset.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) the dataset is no table.
        """
        collections = await self._describe([dataset])
        if not collections:
            raise NotFound(
                f"The dataset '{dataset.collection_id}' has no features.",
                code="COLLECTION_NOT_FOUND",
                remedy="Raster datasets are served under /api/cog.",
            )
        return collections[0]

    async def all(self) -> list[PublishedTable]:
        """All collections, by name; read again when something was published since the last call."""
        version = await self._datasets.catalog_version()
        if version != self._listed[0]:
            datasets = await self._datasets.tables()
            self._described = {
                d.collection_id: self._described[d.collection_id]
                for d in datasets
                if d.collection_id in self._described
            }
            self._listed = version, await self._describe(datasets)
        return self._listed[1]

    async def _describe(self, datasets: Sequence[PublishedDataset]) -> list[PublishedTable]:
        known = self._described
        new = {d.table: d for d in datasets if known.get(d.collection_id, ("", None))[0] != d.request_id}
        rows = await self._pool.fetch(QUERIES["describe_tables"], list(new)) if new else []
        for row in rows:
            dataset = new[row["table_name"]]
            known[dataset.collection_id] = (dataset.request_id, _collection(dataset, row))
        return [known[d.collection_id][1] for d in datasets if d.collection_id in known]


def _collection(dataset: PublishedDataset, row: Any) -> PublishedTable:
    columns = [Column(**_with_bounds(column, dataset.bbox)) for column in row["columns"]]
    geometry = next((column for column in columns if column.is_geometry), None)
    return PublishedTable(
        type="Table",
        id=dataset.collection_id,
        table=row["table_name"],
        schema="geo",
        title=dataset.title,
        description=dataset.data_characteristics.get("description"),
        table_columns=columns,
        properties=columns,
        id_column=next((column for column in columns if column.name == row["key_column"]), None),
        geometry_column=geometry,
        datetime_column=next((column for column in columns if column.is_datetime), None),
    )


def _with_bounds(column: dict[str, Any], bbox: list[float] | None) -> dict[str, Any]:
    return {**column, "bounds": bbox} if bbox and column["type"] == "geometry" else column


async def _collection_of_path(
    request: Request,
    collectionId: Annotated[str, Path(description="Collection identifier")],  # noqa: N803
) -> PublishedTable:
    state = request.app.state
    dataset = await state.datasets.get(collectionId)
    revalidate(request, dataset.request_id)
    collection: PublishedTable = await state.collections.get(dataset)
    return collection


async def _refresh(request: Request) -> None:
    collections = await request.app.state.collections.all()
    request.app.state.collection_catalog = Catalog(collections={c.id: c for c in collections})


async def _collections_of_query(
    _: Annotated[None, Depends(_refresh)], listed: Annotated[Any, Depends(CollectionsParams)]
) -> Any:
    return listed


def _checked_filter(
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
    if parsed is not None:
        check_filter(parsed.to_json())
    return parsed


def features_app() -> FastAPI:
    """The app; its `state` gets `pool`, `datasets` and `collections` when serving starts."""
    app = FastAPI(
        title="OGC API Features and Tiles", openapi_url="/api", docs_url="/api.html", redoc_url=None
    )
    endpoints = Endpoints(
        title="Geospatial data platform: features and vector tiles",
        collection_dependency=_collection_of_path,
        collections_dependency=_collections_of_query,
    )
    app.include_router(endpoints.router)
    # tipg names this function in its routes and takes no other; an override is FastAPI's way to exchange it.
    app.dependency_overrides[filter_query] = _checked_filter
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(CacheHeaders)
    add_failure_handlers(app, FAILURES, invalid_status=400)
    app.add_exception_handler(EmptyTile, lambda *_: Response(status_code=204))
    return app
