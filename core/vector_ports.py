"""What tasks ask of the store of features. `infrastructure/repositories/vectors.py` implements it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a vector table: the SQL name, the type, and the name that the source gave it."""

    name: str
    sql_type: str
    source_name: str


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table to be loaded. The geometry column is `geom`, the key `fid` (bigint, from 1)."""

    name: str
    geometry_type: str
    srid: int
    columns: tuple[Column, ...]


RowDigests = Callable[["np.ndarray", "np.ndarray"], "np.ndarray"]
"""Digests (uint64) of rows that lie one after the other in a content (uint8), from their offsets (n + 1)."""


@dataclass(frozen=True, slots=True)
class SentRows:
    """What was sent to a table: how many rows, and the sum of their digests modulo 2^64."""

    row_count: int
    digest: int


@dataclass(frozen=True, slots=True)
class TableFinish:
    """What a loaded table gets besides its key and its spatial index: columns by their SQL names."""

    index: tuple[str, ...] = ()
    text_search: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What PostgreSQL's sample says of a column; values as text.

    `distinct_count` below 0 is a share of the rows, negated. Fractions are of all rows; `common_values`
    are the most common ones, `bounds` cut the others into parts of as many rows each.
    """

    name: str
    null_fraction: float
    distinct_count: float
    common_values: tuple[str, ...]
    common_fractions: tuple[float, ...]
    bounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableReading:
    """A table to be read whole, `db_schema` being `staging` or `geo`.

    `geometry_srid` is the CRS that geometries are brought to; None leaves them where they are.
    """

    db_schema: str
    table: str
    columns: tuple[Column, ...]
    geometry_srid: int | None = None


@dataclass(frozen=True, slots=True)
class TileExtent:
    """What a table holds, in Web Mercator (metres): `bounds` are west, south, east, north.

    `spacing` is how far apart neighbouring vertices are; None of points.
    """

    feature_count: int
    spacing: float | None
    bounds: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class TileRow:
    """A vector tile of WebMercatorQuad. `is_thinned`: it has the most features allowed, and may lack some.

    `feature_count` of them are drawn; it is 0 where features are near, but nothing of them is to be seen.
    """

    x: int
    y: int
    content: bytes
    feature_count: int
    is_thinned: bool


class TileTable(Protocol):
    """A table as vector tiles."""

    def extent(self) -> TileExtent:
        """How much there is, and how fine."""

    def tiles(
        self,
        zoom: int,
        places: Sequence[tuple[int, int]],
        *,
        layer: str,
        most: int,
        most_letters: int | None = None,
    ) -> Iterator[TileRow]:
        """Those of the tiles (x, y) that features are near, with at most `most` of them each.

        Texts have at most `most_letters`.
        """


class VectorReader(Protocol):
    """Tables of features that do not change any more, read along their key.

    Raises:
        PermanentTaskError: GONE: the table was dropped meanwhile; UNPLACEABLE: `geometry_srid` has no place
            for a coordinate.
        TransientError: DB_UNAVAILABLE.
    """

    def batches(self, reading: TableReading) -> "Iterator[pa.RecordBatch]":
        """All rows by `fid`, in batches bounded by rows and bytes: `fid`, the columns, `geom` (ISO WKB)."""

    def schema(self, reading: TableReading) -> "pa.Schema":
        """What all those batches are made of."""

    def features(self, reading: TableReading) -> Iterator[tuple[int, bytes]]:
        """All rows by `fid` as GeoJSON features in EPSG:4326, joined by commas: how many, and the bytes."""

    def has_gaps(self, reading: TableReading) -> bool:
        """Whether rows have no geometry, or an empty one."""

    def tiling(self, readings: Sequence[TableReading]) -> AbstractContextManager[Sequence[TileTable]]:
        """The tables as vector tiles; within the block."""


class VectorStore(Protocol):
    """Tables of features: loaded in the schema `staging`, published to `geo` by the Platform."""

    @property
    def reader(self) -> VectorReader:
        """Reads them."""

    def create_staging_table(self, spec: TableSpec) -> None:
        """Create `staging.<name>`; an existing table of that name is replaced (same attempt, run again)."""

    def load_chunk(
        self,
        spec: TableSpec,
        *,
        chunk_index: int,
        batches: "Iterable[pa.RecordBatch]",
        digests: RowDigests,
        result: Callable[[SentRows], Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        """Load a chunk exactly once: its rows and its result, in one transaction, or nothing.

        Each batch has `fid`, the columns in order, and `geom` (little-endian EWKB without SRID). `result` is
        asked when all have been sent. A chunk that is loaded already is not read: the stored result is
        returned. Several chunks of a table may be loaded side by side.

        Raises:
            PermanentTaskError: VALUE_REFUSED: PostgreSQL cannot hold a value; STAGING_TABLE_GONE.
            TransientError: DB_UNAVAILABLE, also when another attempt at this chunk is under way.
        """

    def chunk_results(self, table: str) -> list[Mapping[str, Any]]:
        """The results of the chunks that are loaded, by index."""

    def finish_staging_table(self, spec: TableSpec, options: TableFinish, *, digests: RowDigests) -> SentRows:
        """Index and analyse a loaded table, and read its rows back; the same once more changes nothing.

        The rows are digested as they were when they were sent: equal sums mean equal rows.

        Raises:
            PermanentTaskError: DUPLICATE_ID: two rows have one `fid`; STAGING_TABLE_GONE.
        """

    def generalise(self, spec: TableSpec, *, companion: str) -> None:
        """Build the companion of a finished table for tiles of low zooms, `staging.<companion>`."""

    def add_overview(
        self, spec: TableSpec, *, overview: str, world: tuple[float, float], feature_count: int
    ) -> int:
        """Build the overview of a finished table with very many features, `staging.<overview>`.

        `world` is the width and height of the tile of zoom 0, in units of the table's CRS. Answers the last
        zoom that the overview is for.
        """

    def statistics(self, spec: TableSpec) -> list[ColumnStatistics]:
        """What PostgreSQL knows of the columns of a finished table, without those it knows nothing of."""

    def drop_staging_table(self, name: str) -> None:
        """Remove `staging.<name>` if it is there, and what is known of its chunks."""
