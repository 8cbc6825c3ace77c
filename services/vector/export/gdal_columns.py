"""The columns of a table as those of a layer that GDAL writes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from services.vector.export.column_values import Abilities, ColumnWriter
from services.vector.export.source import GEOMETRY, TableSource

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class GdalColumns:
    """`schema` is that of the layer: `fid` (if it is kept), the columns under their names there, `geom`."""

    schema: "pa.Schema"
    writers: tuple[ColumnWriter, ...]
    fid: str | None = "fid"

    @classmethod
    def of(
        cls,
        source: TableSource,
        abilities: Abilities,
        *,
        names: Mapping[str, str] | None = None,
        fid: str = "fid",
    ) -> Self:
        """The columns of `source`; `names` are those in the file, where they differ."""
        import pyarrow as pa

        names = names or {}
        writers = tuple(
            ColumnWriter(column, names.get(column.name, column.name), abilities, source.notes)
            for column in source.table.columns
        )
        given = source.schema()
        fields = [writer.field(given.field(writer.column.name).type) for writer in writers]
        return cls(
            pa.schema([pa.field(fid, pa.int64()), *fields, pa.field(GEOMETRY, pa.binary())]), writers, fid
        )

    def batches(self, batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        """The rows as the layer takes them."""
        import pyarrow as pa

        for batch in batches:
            values = [writer.converted(batch[writer.column.name]) for writer in self.writers]
            arrays = [batch["fid"], *values, batch[GEOMETRY]]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)
