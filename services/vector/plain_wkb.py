"""Geometries as every part behind the reading can take them: little-endian ISO WKB of the seven plain types.

Curves (ISO 13249-3) become lines and polygons of chords of at most 4 degrees, as GDAL makes them; triangles,
TINs and polyhedral surfaces become polygons. Only rows that need it are taken apart; the others pass
byte for byte. Collections are taken apart to be looked at: they may hide curves, and ones in ones, deeper
than what reads them later can bear.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from core.errors import PermanentTaskError
from core.task_models.vector import StepCount
from services.vector import ogr_geometry
from services.vector.wkb_headers import extents, type_ids

_MULTI_POINT, _MULTI_POLYGON, _COLLECTION = 4, 6, 7
_HIGHEST_PLAIN, _HIGHEST_DIMENSION = 7, 3  # ids are dimension * 1000 + type
# A multi-geometry may hide a nested one too; it cannot be dangerously deep in fewer bytes (9 a level).
_LOOKED_INTO_BYTES = 32 * 2**10
_LISTED_ROWS = 20
_POLICIES = {"curves": "linearised", "surfaces": "linearised", "measures": "dropped"}


@dataclass(slots=True)
class PlainWkb:
    """Makes the geometry column of batches plain, and counts what it changed."""

    geometry_column: str
    _rows: int = 0
    _changes: Counter[str] = field(default_factory=Counter)

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema with the geometry as plain `binary`."""
        index = schema.get_field_index(self.geometry_column)
        return schema.set(index, pa.field(self.geometry_column, pa.binary()))

    def plain(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches with plain geometries.

        Raises:
            PermanentTaskError: GEOMETRY_UNREADABLE, with the rows.
        """
        for batch in batches:
            schema = self.schema(batch.schema)
            index = schema.get_field_index(self.geometry_column)
            array = batch.column(index)
            storage = array.storage if isinstance(array, pa.ExtensionArray) else array
            columns = [*batch.columns]
            columns[index] = self._plain(storage.cast(pa.binary()))
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            self._rows += batch.num_rows

    def steps(self) -> tuple[StepCount, ...]:
        """What was changed so far."""
        return tuple(
            StepCount(step=step, policy=_POLICIES[step], count=count, unit="geometries")
            for step, count in sorted(self._changes.items())
        )

    def _plain(self, array: pa.Array) -> pa.Array:
        chosen = np.flatnonzero(_needs_a_look(array))
        if not chosen.size:
            return array
        values = array.to_pylist()
        broken = []
        for row in chosen:
            try:
                found = ogr_geometry.plain(values[row])
            except ValueError:
                broken.append(self._rows + int(row))
            else:
                values[row] = found.wkb
                self._changes.update(found.changes)
        if broken:
            raise _unreadable(broken)
        return pa.array(values, pa.binary())


def _needs_a_look(array: pa.Array) -> np.ndarray:
    ids = type_ids(array)
    if ids.size and (ids == ids[0]).all() and _MULTI_POINT > ids[0] % 1000 > 0 and ids[0] // 1000 <= 3:
        return np.zeros(ids.size, dtype=bool)
    base, dimension = ids % 1000, ids // 1000
    odd = (ids != 0) & ((base < 1) | (base > _HIGHEST_PLAIN) | (dimension > _HIGHEST_DIMENSION) | (ids < 0))
    large = (base >= _MULTI_POINT) & (base <= _MULTI_POLYGON) & (extents(array)[1] > _LOOKED_INTO_BYTES)
    chosen: np.ndarray = odd | large | (base == _COLLECTION)
    return chosen


def _unreadable(rows: list[int]) -> PermanentTaskError:
    return PermanentTaskError(
        f"Geometries that cannot be read: {len(rows)} among those read so far.",
        code="GEOMETRY_UNREADABLE",
        remedy="Repair or re-export the features in the rows of the context (counted from 0).",
        context={"rows": rows[:_LISTED_ROWS]},
    )
