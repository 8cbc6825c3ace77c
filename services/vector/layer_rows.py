"""The rows of a layer as chunks hold them: numbered, with the ids and under the names of their table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from core.errors import PermanentTaskError
from core.task_models.vector import VectorColumn, VectorReading
from services.vector.chunks import PREFIX_FIELDS
from services.vector.columns import arrow_type, as_column_type, plan_columns
from services.vector.stream import LayerStream

_LISTED = 20
Ids = Literal["position", "format", "column"]


@dataclass(slots=True)
class LayerRows:
    """Turns the batches of an open layer into batches of the schema of its chunks. `count`: those so far."""

    layer: str
    stream: LayerStream
    id_column: str | None
    columns: tuple[VectorColumn, ...]
    schema: pa.Schema
    count: int = 0
    _ids: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, layer: str, stream: LayerStream, reading: VectorReading) -> "LayerRows":
        """The rows of that layer.

        Raises:
            PermanentTaskError: COLUMN_LIMIT, ID_COLUMN_INVALID.
        """
        special = (stream.geometry_column, stream.fid_column)
        fields = [each for each in stream.schema if each.name not in special]
        columns = plan_columns(fields)
        if reading.id_column is not None:
            _check_id_column(layer, reading.id_column, fields)
        schema = pa.schema([*PREFIX_FIELDS, *(pa.field(each.name, arrow_type(each)) for each in columns)])
        return cls(layer=layer, stream=stream, id_column=reading.id_column, columns=columns, schema=schema)

    @property
    def ids(self) -> Ids:
        """Where the ids of features come from."""
        if self.id_column is not None:
            return "column"
        return "position" if self.stream.fid_column is None else "format"

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, once.

        Raises:
            PermanentTaskError: ENCODING_ERROR; ID_COLUMN_INVALID, at the latest behind the last one.
        """
        for batch in self.stream.batches:
            rows = np.arange(self.count, self.count + batch.num_rows)
            values = [as_column_type(batch.column(each.source_name), each) for each in self.columns]
            special = [
                pa.array(rows),
                self._feature_ids(batch, rows),
                batch.column(self.stream.geometry_column),
            ]
            yield pa.RecordBatch.from_arrays([*special, *values], schema=self.schema)
            self.count += batch.num_rows
        self._check_ids()

    def _feature_ids(self, batch: pa.RecordBatch, rows: np.ndarray) -> pa.Array:
        name = self.id_column or self.stream.fid_column
        if name is None:
            return pa.array(rows + 1)
        given = batch.column(name)
        if given.null_count:
            missing = rows[given.is_null().to_numpy(zero_copy_only=False)]
            raise self._wrong("has no value in some rows", rows=missing[:_LISTED].tolist())
        ids = given.cast(pa.int64())
        self._ids.append(ids.to_numpy().copy())  # a view would keep the whole batch alive
        return ids

    def _check_ids(self) -> None:
        """Ids are all different. Those of 20 million features take 320 MB for a moment."""
        if not self._ids:
            return
        ids = np.concatenate(self._ids)
        self._ids.clear()
        ids.sort()
        again = np.unique(ids[1:][ids[1:] == ids[:-1]])
        if again.size:
            raise self._wrong("has values that occur more than once", values=again[:_LISTED].tolist())

    def _wrong(self, what: str, **context: object) -> PermanentTaskError:
        name = self.id_column or self.stream.fid_column or ""
        return _invalid_id_column(f"The column {name!r} of the layer {self.layer!r} {what}.", name, **context)


def _check_id_column(layer: str, name: str, fields: list[pa.Field]) -> None:
    kinds = {each.name: each.type for each in fields}
    if name not in kinds:
        listed = sorted(kinds)[:_LISTED]
        raise _invalid_id_column(f"The layer {layer!r} has no column {name!r}.", name, columns=listed)
    if not pa.types.is_integer(kinds[name]) or pa.types.is_uint64(kinds[name]):
        message = f"The column {name!r} of the layer {layer!r} holds no whole numbers."
        raise _invalid_id_column(message, name, type=str(kinds[name]))


def _invalid_id_column(message: str, name: str, **context: object) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="ID_COLUMN_INVALID",
        remedy="Name a column of whole numbers, all there and all different, or leave id_column out.",
        context={"column": name, **context},
    )
