"""GeoJSON properties with values of several types, of which GDAL makes texts.

What is left of a number, a truth value or a text is a text; objects and arrays are JSON still. Which of them
a text was cannot be told any more, so all are JSON texts, and the finding says so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from core.task_models.finding import Finding
from services.vector.findings import warning
from services.vector.json_values import json_text

_NESTED = r"^[\[{]"


@dataclass(slots=True)
class MixedTypes:
    """Makes JSON of such columns. What it has to say is complete behind the last batch."""

    _columns: set[str] = field(default_factory=set)

    def as_json(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, with JSON documents in columns of JSON."""
        for batch in batches:
            columns = [
                self._documents(name, column) if isinstance(column.type, pa.JsonType) else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def findings(self) -> Iterator[Finding]:
        """Which columns hold more than objects and arrays."""
        if self._columns:
            yield warning(
                "MIXED_TYPES",
                "Some properties have values of several types; the numbers and truth values in them became "
                "texts.",
                remedy="Give a property values of one type.",
                columns=sorted(self._columns),
            )

    def _documents(self, name: str, column: pa.Array) -> pa.Array:
        is_plain = pc.invert(pc.match_substring_regex(column.storage, _NESTED))
        if not pc.any(is_plain).as_py():
            return column
        self._columns.add(name)
        values = column.storage.filter(is_plain.fill_null(False))
        texts = pa.array([json_text(value) for value in values.to_pylist()], pa.string())
        documents = pc.replace_with_mask(column.storage, is_plain.fill_null(False), texts)
        return pa.ExtensionArray.from_storage(column.type, documents)
