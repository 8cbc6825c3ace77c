"""What was read, compared with what the census counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from core.errors import PermanentTaskError
from services.vector.source import Census
from services.vector.wkb_headers import empty_count


@dataclass(slots=True)
class Losses:
    """Counts what passes, and raises at the end when features or geometries are missing."""

    census: Census
    geometry_column: str
    _rows: int = 0
    _nulls: int = 0
    _empties: int = 0

    def compared(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches.

        Raises:
            PermanentTaskError: GEOMETRY_UNREADABLE, behind the last one.
        """
        for batch in batches:
            geometries = batch.column(self.geometry_column)
            self._rows += batch.num_rows
            self._nulls += geometries.null_count
            self._empties += empty_count(geometries)
            yield batch
        self._compare()

    def _compare(self) -> None:
        census = self.census
        nulls = _limit(census.null_geometry_limit, self._nulls)
        empties = _limit(census.empty_geometry_limit, self._empties)
        is_whole = census.feature_count in (None, self._rows)
        if is_whole and self._nulls <= nulls and self._empties <= empties:
            return
        raise PermanentTaskError(
            "Features or geometries are lost when read: the file is damaged, or features have no geometry "
            "member.",
            code="GEOMETRY_UNREADABLE",
            remedy="Repair or re-export the file.",
            context={
                "features": census.feature_count,
                "features_read": self._rows,
                "without_geometry": nulls,
                "without_geometry_read": self._nulls,
                "empty": empties,
                "empty_read": self._empties,
            },
        )


def _limit(limit: int | Callable[[], int] | None, found: int) -> int:
    """An unknown limit is what was found; one that costs something is asked for when it matters."""
    if limit is None or found == 0:
        return found
    return limit() if callable(limit) else limit
