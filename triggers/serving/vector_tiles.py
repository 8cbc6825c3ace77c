"""Vector tiles of published tables that no client has to wait for, and that lack nothing unsaid.

A tile has at most `MOST_BYTES` before compression, and `MOST_FEATURES`. One that would have more loses detail
first (coordinates on a coarser grid, simpler shapes, shorter texts), and then the features that are least
seen: the smallest ones, and of points all but one in each cell of a grid. The answer says so in the header
`Tile-Reduction`: `grid=1024, features=8000`. The same tile of a revision is always reduced in the same way.

Reference: Mapbox Vector Tile 2.1; PostGIS ST_AsMVT, ST_AsMVTGeom.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from morecantile import Tile, TileMatrixSet
from tipg.collections import Column
from tipg.errors import InvalidGeometryColumnName, InvalidLimit, InvalidPropertyName

from triggers.serving.tile_statements import FULL_GRID, OVERVIEW_CELLS, TilePlace, TileStatement

if TYPE_CHECKING:
    from triggers.serving.tables import PublishedTable

MOST_BYTES = 500_000
MOST_FEATURES = 10_000
REDUCTION_HEADER = "tile-reduction"
LAYER = "default"
ANSWER_HEADERS: ContextVar[MutableMapping[str, str] | None] = ContextVar("answer_headers", default=None)
_COARSER = {FULL_GRID: 1024, 1024: 512}
_COARSEST = 64
_HEADROOM = 0.85
_MOST_KEPT = 1024


class EmptyTile(Exception):
    """No feature of the collection touches the tile."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """How much a tile is to be reduced.

    Attributes:
        grid: coordinates on a side of the tile.
        most: features.
        is_chosen: the features that are seen best are chosen; otherwise all are there, or it is tried again.
        is_crowded: there are more than `MOST_FEATURES`.
        cells: of points, on a side of the tile: each holds one.
    """

    grid: int = FULL_GRID
    most: int = MOST_FEATURES + 1
    is_chosen: bool = False
    is_crowded: bool = False
    cells: int = OVERVIEW_CELLS

    def next_of(self, made: _Made, *, is_of_points: bool) -> Reduction:
        """The next try, when a tile is too large or has too many features."""
        is_crowded = self.is_crowded or made.chosen_count > MOST_FEATURES
        chosen = replace(self, is_chosen=True, is_crowded=is_crowded, most=min(self.most, MOST_FEATURES))
        if len(made.content) <= MOST_BYTES:
            return chosen
        if self.grid in _COARSER and not (is_of_points and self.is_chosen):
            return replace(chosen, grid=_COARSER[self.grid])
        share = _HEADROOM * MOST_BYTES / len(made.content)
        if made.shown_count <= 1:
            return replace(chosen, grid=self.grid // 2)
        if is_of_points and self.is_chosen:
            chosen = replace(chosen, cells=max(int(self.cells * share**0.5), 1))
        return replace(chosen, most=max(int(made.chosen_count * share), 1))


@dataclass(frozen=True, slots=True)
class _Made:
    content: bytes
    chosen_count: int
    shown_count: int

    def fits(self, reduction: Reduction) -> bool:
        has_all = reduction.is_chosen or self.chosen_count < reduction.most
        return has_all and (len(self.content) <= MOST_BYTES or reduction.grid <= _COARSEST)


@dataclass(frozen=True, slots=True)
class TileAsked:
    """What a client asks of a tile, in the words of SQL.

    Attributes:
        columns: those that go into the tile.
        where, order, choice: conditions; the order within the tile; and by what features are chosen where the
            client says how many it wants, or in which order.
    """

    tile: Tile
    tms: TileMatrixSet
    geometry: Column
    is_main_geometry: bool
    fid: str
    columns: tuple[Column, ...]
    where: str
    order: str
    choice: str
    limit: int | None
    simplify: float | None

    @classmethod
    def of(
        cls,
        table: PublishedTable,
        *,
        tms: TileMatrixSet,
        tile: Tile,
        ids_filter: list[str] | None = None,
        bbox_filter: list[float] | None = None,
        datetime_filter: list[str] | None = None,
        properties_filter: list[tuple[str, str]] | None = None,
        function_parameters: dict[str, str] | None = None,  # noqa: ARG003  tables have none
        cql_filter: Any = None,
        sortby: str | None = None,
        properties: list[str] | None = None,
        geom: str | None = None,
        dt: str | None = None,
        limit: int | None = None,
        simplify: float | None = None,
    ) -> Self:
        """From what tipg's route hands on.

        Raises:
            InvalidGeometryColumnName, InvalidLimit, InvalidPropertyName: there is no such thing.
        """
        geometry = table.get_geometry_column(geom)
        if geometry is None:
            raise InvalidGeometryColumnName(f"Invalid Geometry Column Name {geom}")
        if limit and limit > MOST_FEATURES:
            raise InvalidLimit(f"The limit is above {MOST_FEATURES}.")
        where = table.cql_where(
            ids=ids_filter,
            datetime=datetime_filter,
            bbox=bbox_filter,
            properties=properties_filter,
            cql=cql_filter,
            geom=geom,
            dt=dt,
        )
        columns = attributes_of(table, properties)
        sorts = table._sort_expressions(sortby)
        names = {column.name for column in columns}
        if missing := [name for name, _ in sorts if sortby and name not in names]:
            raise InvalidPropertyName(
                f"Cannot sort by {', '.join(missing)}: not in the selected `properties`."
            )
        order = ", ".join(text for _, text in sorts)
        return cls(
            tile=tile,
            tms=tms,
            geometry=geometry,
            is_main_geometry=geometry is table.geometry_column,
            fid=table.id_column.name,
            columns=columns,
            where=where.to_sql() if where else "",
            order=f'{order}, "tile fid"' if sortby else "",
            choice=f'{order}, "tile fid"' if sortby else '"tile fid"',
            limit=limit or None,
            simplify=simplify,
        )

    @property
    def has_own_order(self) -> bool:
        """Whether the client says which features it wants, if not all."""
        return bool(self.order or self.limit)

    @property
    def first_try(self) -> Reduction:
        """All features, or as many as are asked for."""
        return Reduction(most=self.limit, is_chosen=True) if self.limit else Reduction()


def attributes_of(table: PublishedTable, properties: list[str] | None) -> tuple[Column, ...]:
    """What tiles tell of a feature besides its id, which is an attribute only if the source brought it."""
    names = set(table.columns(properties))
    if properties is None and not table.has_own_ids:
        names.discard(table.id_column.name)
    return tuple(column for column in table.properties if column.name in names and column.type != "bytea")


class TileMaker:
    """Makes tiles of a table on a connection."""

    def __init__(self, table: PublishedTable, connection: Any) -> None:
        self._table, self._connection = table, connection

    async def tile(self, asked: TileAsked) -> bytes:
        """The tile; one statement, unless it has to be reduced.

        Raises:
            EmptyTile: there is nothing on it.
        """
        place = TilePlace.of(asked.tile, asked.tms, table_srid=asked.geometry.srid, data=self._table.bbox)
        if place.boxes == ():
            raise EmptyTile
        statement = TileStatement(self._table, asked, place)
        known, key = self._table.reductions, hash(statement.text(asked.first_try))
        reduction = known.get(key, asked.first_try)
        made = await self._made(statement, reduction)
        while not made.fits(reduction):
            reduction = reduction.next_of(made, is_of_points=statement.is_of_points)
            made = await self._made(statement, reduction)
        if reduction != asked.first_try:
            _keep(known, key, reduction)
            _tell(reduction, made)
        if not made.content:
            raise EmptyTile
        return made.content

    async def _made(self, statement: TileStatement, reduction: Reduction) -> _Made:
        row = await self._connection.fetchrow(statement.text(reduction), LAYER)
        return _Made(bytes(row["content"]), row["chosen_count"], row["shown_count"])


def _keep(known: dict[int, Reduction], key: int, reduction: Reduction) -> None:
    """The next request for the tile need not find it out again."""
    while len(known) >= _MOST_KEPT:
        del known[next(iter(known))]
    known[key] = reduction


def _tell(reduction: Reduction, made: _Made) -> None:
    headers = ANSWER_HEADERS.get()
    if headers is not None:
        headers[REDUCTION_HEADER] = f"grid={reduction.grid}, features={made.shown_count}"
