"""A table on its way into a file: read once or more, with progress, and stopped when it is cancelled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from core.task_models.vector_export import ExportTable
from core.vector_ports import TableReading, VectorReader
from services.context import TaskContext
from services.vector.export.notes import Notes

if TYPE_CHECKING:
    import pyarrow as pa

Page = TypeVar("Page")
GEOMETRY = "geom"


@dataclass(slots=True)
class Progress:
    """Counts features of all tables of a file, and reports them up to `until`."""

    context: TaskContext
    expected: int
    until: float = 0.9
    done: int = 0

    def add(self, features: int) -> None:
        """Some more are written.

        Raises:
            TaskCancelled, TransientError: the task is to stop.
        """
        self.done += features
        self.context.checkpoint(min(self.done / max(self.expected, 1), 1.0) * self.until)


@dataclass(slots=True)
class TableSource:
    """One table. `name` is what its layer or file is called, unique within the export.

    `row_count` is how many rows were read by the last reading.
    """

    table: ExportTable
    name: str
    reader: VectorReader
    progress: Progress
    notes: Notes
    row_count: int = field(default=0)

    @property
    def geometry_type(self) -> str:
        """The type of the geometries without dimensions, for example `MultiPolygon` or `Geometry`."""
        return self.table.geometry_type.rstrip("ZM")

    @property
    def has_z(self) -> bool:
        """Whether geometries have heights."""
        return "Z" in self.dimensions

    @property
    def has_m(self) -> bool:
        """Whether geometries have measures."""
        return "M" in self.dimensions

    @property
    def dimensions(self) -> str:
        """`Z`, `M`, `ZM` or nothing."""
        return self.table.geometry_type[len(self.geometry_type) :]

    @property
    def crs(self) -> str:
        """As a code."""
        return f"EPSG:{self.table.srid}"

    def reading(self) -> TableReading:
        """How the store is asked for the table."""
        columns = tuple(column.as_column() for column in self.table.columns)
        return TableReading(self.table.db_schema, self.table.table, columns)

    def schema(self) -> "pa.Schema":
        """Of the batches: `fid`, the columns, `geom`."""
        return self.reader.schema(self.reading())

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """All rows by `fid`."""
        return self._counted(self.reader.batches(self.reading()), lambda batch: batch.num_rows)

    def features(self) -> Iterator[bytes]:
        """All rows by `fid` as GeoJSON in EPSG:4326, with commas between them, in pieces."""
        pages = self._counted(self.reader.features(self.reading()), lambda page: page[0])
        return (content for _, content in pages)

    def has_gaps(self) -> bool:
        """Whether rows have no geometry, or an empty one."""
        return self.reader.has_gaps(self.reading())

    def _counted(self, pages: Iterator[Page], count: Callable[[Page], int]) -> Iterator[Page]:
        self.row_count = 0
        for page in pages:
            yield page
            self.row_count += count(page)
            self.progress.add(count(page))
