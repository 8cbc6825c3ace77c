"""Tables in the making: what is learnt of their rows while a layer is read, and the files that hold them."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from core.task_models.vector import BoundingBox, ChunkFile, CleaningOptions
from services.vector import digest
from services.vector.chunks import ROW, WKB, ChunkSender, ChunkWriter, row_digests
from services.vector.cleaning.types import family_of, type_ids_of
from services.vector.cleaning.wkb import Layout
from services.vector.wkb_headers import empty_count, type_ids

_COLLECTION = 7
WITHOUT_GEOMETRY = family_of(0)


class TableDraft:
    """The rows of a layer that go into one table: all of them, or those of one family of geometries."""

    def __init__(self, sender: ChunkSender, schema: pa.Schema, *, family: str | None = None) -> None:
        self.family = family
        self.rows = self.nulls = self.digest = 0
        self.type_counts: Counter[int] = Counter()
        self.bounds = Bounds()
        self._writer = ChunkWriter(sender, schema)
        self._digests: list[np.ndarray] = []
        self._rows: list[np.ndarray] = []
        self._taken_over: list[ChunkFile] = []

    def add(self, batch: pa.RecordBatch, types: np.ndarray) -> None:
        """Rows with the columns of a chunk, and the type id of each geometry."""
        digests = row_digests(batch)
        self._writer.add(batch, digests)
        self._digests.append(digests)
        if self.family is not None:  # otherwise row number n is the nth
            self._rows.append(batch.column(ROW).to_numpy())
        self.rows += batch.num_rows
        self.nulls += batch.column(WKB).null_count
        self.digest += digest.sum_of(digests)
        ids, counts = np.unique(types, return_counts=True)
        self.type_counts.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))
        self.bounds.add(batch.column(WKB))

    def take_over(self, other: "TableDraft") -> None:
        """Hold the rows of another draft as well; to be done when all have been read."""
        self.rows += other.rows
        self.nulls += other.nulls
        self.digest += other.digest
        self.type_counts.update(other.type_counts)
        self._digests += other._digests
        self._rows += other._rows
        self._taken_over += other.chunks()

    def chunks(self) -> tuple[ChunkFile, ...]:
        """The files, all written."""
        return (*self._writer.chunks(), *self._taken_over)

    @property
    def types(self) -> set[int]:
        """The type ids of the geometries that are somewhere."""
        return {number for number, count in self.type_counts.items() if number > 0 and count}

    def duplicates(self) -> np.ndarray:
        """The numbers (`__row`, sorted) of the rows that have equal ones before them."""
        digests = np.concatenate(self._digests)
        self._digests = [digests]
        ordered = np.sort(digests)
        again = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if not again.size:
            return np.zeros(0, dtype=np.int64)
        places = np.flatnonzero(np.isin(digests, again))
        rows = np.concatenate(self._rows)[places] if self._rows else places
        return _later_ones(digests[places], rows)


def _later_ones(digests: np.ndarray, rows: np.ndarray) -> np.ndarray:
    order = np.lexsort((rows, digests))
    is_later = np.zeros(len(order), dtype=bool)
    is_later[1:] = digests[order][1:] == digests[order][:-1]
    later: np.ndarray = np.sort(rows[order[is_later]])
    return later


class Bounds:
    """The bounds of all finite coordinates."""

    def __init__(self) -> None:
        self._low, self._high = np.full(2, np.inf), np.full(2, -np.inf)

    def add(self, column: pa.Array) -> None:
        """Geometries (ISO WKB or null)."""
        present = column.drop_null() if column.null_count else column
        if not len(present):
            return
        for number, values in enumerate(Layout(present).xy):
            low, high = _extremes(values)
            self._low[number] = min(self._low[number], low)
            self._high[number] = max(self._high[number], high)

    def box(self) -> BoundingBox | None:
        """Smallest x and y, greatest x and y; None without any."""
        if not np.isfinite([*self._low, *self._high]).all():
            return None
        return (*self._low.tolist(), *self._high.tolist())


def _extremes(values: np.ndarray) -> tuple[float, float]:
    if not values.size:
        return np.inf, -np.inf
    low, high = values.min(), values.max()
    if np.isfinite(low) and np.isfinite(high):
        return float(low), float(high)
    finite = values[np.isfinite(values)]
    return _extremes(finite)


@dataclass(slots=True)
class Drafts:
    """The tables of one layer: one, or with `mixed_geometry: split` one for each family."""

    sender: ChunkSender
    schema: pa.Schema
    options: CleaningOptions
    _by_family: dict[str | None, TableDraft] = field(default_factory=dict)

    def add(self, batch: pa.RecordBatch) -> None:
        """Rows with the columns of a chunk."""
        types = effective_types(batch.column(WKB), self.options)
        if self.options.mixed_geometry != "split":
            self._draft(None).add(batch, types)
            return
        ids, which = np.unique(types, return_inverse=True)
        families = np.array([family_of(number) for number in ids.tolist()])[which]
        for family in np.unique(families).tolist():
            here = families == family
            part = batch if here.all() else batch.filter(pa.array(here))
            self._draft(family).add(part, types[here])

    def ended(self) -> list[TableDraft]:
        """The drafts when all has been read. Features without a place stay with the only family there is."""
        if WITHOUT_GEOMETRY in self._by_family and len(self._by_family) == 2:
            without = self._by_family.pop(WITHOUT_GEOMETRY)
            (only,) = self._by_family.values()
            only.take_over(without)
        if len(self._by_family) == 1:
            (only,) = self._by_family.values()
            only.family = None
        return [self._by_family[family] for family in sorted(self._by_family, key=str)]

    def _draft(self, family: str | None) -> TableDraft:
        if family not in self._by_family:
            self._by_family[family] = TableDraft(self.sender, self.schema, family=family)
        return self._by_family[family]


def effective_types(wkb: pa.Array, options: CleaningOptions) -> np.ndarray:
    """The type ids as far as the table is concerned: what is empty takes any type.

    Only where there is something empty, or where types differ, what is inside is looked at.
    """
    ids = type_ids(wkb)
    found = np.unique(ids[ids != 0])
    if found.size == 1 and 0 < found[0] % 1000 < _COLLECTION and not empty_count(wkb):
        return ids
    return type_ids_of(wkb, options=options)


def names_of_types(counts: Counter[int]) -> dict[str, int]:
    """How many geometries of each type there are, by its name in WKT."""
    names = ("", "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
             "GEOMETRYCOLLECTION")  # fmt: skip
    dimensions = ("", " Z", " M", " ZM")
    return {
        names[number % 1000] + dimensions[number // 1000]: count
        for number, count in sorted(counts.items())
        if number > 0
    }
