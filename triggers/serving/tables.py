"""Published tables as tipg sees them: under their public names, and described once per revision."""

from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson
from ciso8601 import parse_rfc3339
from cql2 import Expr
from pydantic import Field, PrivateAttr
from tipg.collections import Column, PgCollection, geojson_schema
from tipg.errors import InvalidBBox, InvalidDatetime

from core.errors import NotFound
from infrastructure.queries import load
from triggers.serving.csv_rows import COLUMNS
from triggers.serving.datasets import QUERIES, PublishedDatasets
from triggers.serving.layers import PublishedLayer, PublishedLayers
from triggers.serving.places import BoundingBox, bbox_filter
from triggers.serving.vector_tiles import Reduction, TileAsked, TileMaker

_PARTS = load("serving_tiles")
_MOST_COUNTS = 256
# Enough for every double to be read back as the same number (IEEE 754 needs 17 significant digits).
_DIGITS = 15


class PublishedTable(PgCollection):  # type: ignore[misc]  # the library has no types
    """A published table under its public name.

    Its rows never change, so that each count is made once. Within the same schema, `generalised` is the
    companion with the huge geometries, and `overview` has the features that are seen at zooms up to
    `overview_zoom`. `source_names` are the columns' names in the source.
    """

    generalised: str | None = None
    overview: str | None = None
    overview_zoom: int = 0
    bbox: BoundingBox | None = None
    row_count: int | None = None
    has_own_ids: bool = False
    source_names: dict[str, str] = Field(default_factory=dict)
    _counts: dict[str, int] = PrivateAttr(default_factory=dict)
    _reductions: dict[int, Reduction] = PrivateAttr(default_factory=dict)

    @property
    def qualified_name(self) -> str:
        """The table in SQL."""
        return str(self._qualified_name)

    @property
    def qualified_companion(self) -> str:
        """The companion in SQL."""
        return f'"{self.dbschema}"."{self.generalised}"'

    @property
    def qualified_overview(self) -> str:
        """The overview in SQL."""
        return f'"{self.dbschema}"."{self.overview}"'

    @property
    def reductions(self) -> dict[int, Reduction]:
        """The tiles that had to be reduced, and how much; see `triggers.serving.vector_tiles`."""
        return self._reductions

    @property
    def queryables(self) -> dict[str, dict[str, str]]:
        """What filters may ask for; titles are the names that the source gave the columns."""
        found: dict[str, dict[str, str]] = {}
        for column in self.properties:
            if column.is_geometry:
                plain = column.geometry_type.upper().rstrip("ZM")
                found[column.name] = {"$ref": geojson_schema.get(plain, geojson_schema["GEOMETRY"])}
            else:
                found[column.name] = {
                    "title": self.source_names.get(column.name, column.name),
                    "name": column.name,
                    "type": _json_type(column),
                }
        return found

    def cql_where(
        self,
        *args: Any,
        bbox: list[float] | None = None,
        datetime: list[str] | None = None,
        **kwargs: Any,
    ) -> Expr | None:
        """See tipg. A `bbox` may cross the antimeridian, and lie where the table's CRS has no place.

        Both ends of an interval are in it (OGC 17-069r4, section 7.15.4); in the library's, only one is.
        """
        first, *others = _halves(datetime)
        where: Expr | None = super().cql_where(*args, datetime=first, **kwargs)
        for other in others:
            where += super().cql_where(datetime=other, dt=kwargs.get("dt"))
        geometry = self.get_geometry_column(kwargs.get("geom"))
        if bbox is not None and not all(map(isfinite, bbox)):
            raise InvalidBBox("A number of the bbox is not finite.")
        if bbox is None or geometry is None:
            return where
        wanted = bbox_filter(bbox, column=geometry.name, srid=geometry.srid, data=self.bbox)
        return where + wanted if where else wanted

    def _sortby(self, sortby: str | None) -> str:
        """See tipg; equal values in the order of their ids, so that pages have each feature once."""
        sorts = self._sort_expressions(sortby)
        key = self.id_column
        if key is not None and key.name not in {name for name, _ in sorts}:
            sorts = [*sorts, *self._sort_expressions(key.name)]
        return f"ORDER BY {', '.join(text for _, text in sorts)}"

    async def get_tile(self, conn: Any, **asked: Any) -> bytes:
        """The Mapbox Vector Tile; see `triggers.serving.vector_tiles`.

        Raises:
            EmptyTile: the tile has no feature.
        """
        return await TileMaker(self, conn).tile(TileAsked.of(self, **asked))

    async def features(self, conn: Any, **asked: Any) -> Any:
        """See tipg."""
        geometry = self.get_geometry_column(asked.get("geom"))
        place = ["geometry"] if geometry is not None else []
        COLUMNS.set([*self.columns(asked.get("properties")), *place])
        return await super().features(conn, **asked)

    def _select_property_columns(self, properties: list[str] | None) -> list[str]:
        """See tipg; bytes as Base64 (RFC 4648), for JSON has none."""
        binary = {column.name for column in self.properties if column.type == "bytea"}
        return [
            _PARTS["bytes_as_text"].format(column=quoted) if name in binary else quoted
            for name, quoted in zip(
                self.columns(properties), super()._select_property_columns(properties), strict=True
            )
        ]

    def _select(self, **kwargs: Any) -> str:
        """See tipg, but for coordinates as they are stored."""
        geometry = self._geom_expr(kwargs["geometry_column"], kwargs["bbox_only"], kwargs["simplify"])
        statement: str = super()._select(**kwargs)
        return statement.replace(f"ST_AsGeoJSON({geometry})", f"ST_AsGeoJSON({geometry}, {_DIGITS})")

    async def _features_count_query(
        self, conn: Any, *, where: Expr | None = None, function_parameters: dict[str, str] | None
    ) -> int:
        if where is None and self.row_count is not None:
            return self.row_count
        key = where.to_sql() if where else ""
        if key not in self._counts:
            counted = await super()._features_count_query(
                conn, where=where, function_parameters=function_parameters
            )
            while len(self._counts) >= _MOST_COUNTS:
                del self._counts[next(iter(self._counts))]
            self._counts[key] = counted
        return self._counts[key]

    async def _features_query(self, conn: Any, **asked: Any) -> AsyncIterator[dict[str, Any]]:
        """See tipg; exact numbers stay exact."""
        exact = [column.name for column in self.properties if column.type == "numeric"]
        async for feature in super()._features_query(conn, **asked):
            if exact and not asked.get("geom_as_wkt"):
                feature["properties"].update(_numbers(feature["properties"], exact))
            yield feature


def _halves(datetime: list[str] | None) -> list[list[str] | None]:
    """A closed interval as two that are open on one side; anything else as it is.

    Raises:
        InvalidDatetime: it ends before it starts.
        ValueError: an end is no time of RFC 3339.
    """
    if datetime is None or len(datetime) != 2 or {"", ".."} & set(datetime):
        return [datetime]
    start, end = datetime
    if parse_rfc3339(start) > parse_rfc3339(end):
        raise InvalidDatetime("The interval ends before it starts.")
    return [[start, ".."], ["..", end]]


def _json_type(column: Column) -> str:
    return "integer" if column.type in ("bigint", "integer", "smallint") else str(column.json_type)


def _numbers(properties: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Decimals as JSON numbers, digit by digit."""
    return {
        name: orjson.Fragment(f"{value:f}") if isfinite(value) else None
        for name in names
        if isinstance(value := properties.get(name), Decimal)
    }


class TableCollections:
    """Published tables as tipg collections, each described once per revision."""

    def __init__(self, pool: Any, datasets: PublishedDatasets) -> None:
        self._pool = pool
        self._datasets = datasets
        self._layers = PublishedLayers(pool)
        self._described: dict[str, tuple[str, PublishedTable]] = {}
        self._listed: tuple[int, list[PublishedTable]] = (-1, [])

    async def layer(self, collection_id: str) -> PublishedLayer:
        """What is published under this name at this moment.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) nothing, or no table.
        """
        return await self._layers.get(collection_id)

    async def get(self, layer: PublishedLayer) -> PublishedTable:
        """The collection of a published layer.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) its table is gone: it was deleted just now.
        """
        collections = await self._describe([layer])
        if not collections:
            raise NotFound(
                f"The collection '{layer.collection_id}' is not published any more.",
                code="COLLECTION_NOT_FOUND",
            )
        return collections[0]

    async def all(self) -> list[PublishedTable]:
        """All collections, by name; read again when something was published since the last call."""
        version = await self._datasets.catalog_version()
        if version != self._listed[0]:
            layers = await self._layers.all()
            names = {layer.collection_id for layer in layers}
            self._described = {name: known for name, known in self._described.items() if name in names}
            self._listed = version, await self._describe(layers)
        return self._listed[1]

    async def _describe(self, layers: Sequence[PublishedLayer]) -> list[PublishedTable]:
        known = self._described
        new = {
            layer.table: layer
            for layer in layers
            if known.get(layer.collection_id, ("", None))[0] != layer.request_id
        }
        rows = await self._pool.fetch(QUERIES["describe_tables"], list(new)) if new else []
        for row in rows:
            layer = new[row["table_name"]]
            known[layer.collection_id] = (layer.request_id, _collection(layer, row))
        return [known[each.collection_id][1] for each in layers if each.collection_id in known]


def _collection(layer: PublishedLayer, row: Any) -> PublishedTable:
    columns = [Column(**_with_bounds(column, layer.bbox)) for column in row["columns"]]
    return PublishedTable(
        type="Table",
        id=layer.collection_id,
        table=row["table_name"],
        schema="geo",
        title=layer.title,
        description=layer.title,  # where collections are listed, the library shows nothing else of it
        table_columns=columns,
        properties=columns,
        id_column=next((column for column in columns if column.name == row["key_column"]), None),
        geometry_column=next((column for column in columns if column.is_geometry), None),
        datetime_column=next((column for column in columns if column.is_datetime), None),
        generalised=layer.generalised,
        overview=layer.overview,
        overview_zoom=layer.overview_zoom,
        bbox=layer.bbox,
        row_count=layer.row_count,
        has_own_ids=layer.has_own_ids,
        source_names=dict(layer.source_names),
    )


def _with_bounds(column: dict[str, Any], bbox: BoundingBox | None) -> dict[str, Any]:
    return {**column, "bounds": list(bbox)} if bbox and column["type"] == "geometry" else column
