"""Texts as every part behind the reading can take them: UTF-8, or an error with the rows that are not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from core.errors import PermanentTaskError

_LISTED_ROWS = 20
_UTF8 = "utf-8"


@dataclass(slots=True)
class Texts:
    """Decodes and proves the texts of batches. `encoding` is that of their bytes, as Python names it."""

    encoding: str | None
    _rows: int = 0

    def readable(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches with texts in UTF-8.

        Raises:
            PermanentTaskError: ENCODING_ERROR, with the column and the rows.
        """
        for batch in batches:
            arrays = [self._readable(name, batch.column(name)) for name in batch.schema.names]
            yield pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
            self._rows += batch.num_rows

    def _readable(self, name: str, array: pa.Array) -> pa.Array:
        if not _holds_texts(array.type):
            return array
        if self.encoding not in (None, _UTF8) and not _is_ascii(array):
            return self._decoded(name, array)
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as exc:
            raise self._damaged(name, array) from exc
        return array

    def _decoded(self, name: str, array: pa.Array) -> pa.Array:
        """Every different value is decoded once."""
        values = array.cast(pa.binary()).dictionary_encode()
        try:
            texts = [value.decode(self.encoding) for value in values.dictionary.to_pylist()]
        except UnicodeDecodeError as exc:
            raise self._damaged(name, array) from exc
        return pa.array(texts, pa.string()).take(values.indices)

    def _damaged(self, name: str, array: pa.Array) -> PermanentTaskError:
        encoding = self.encoding or _UTF8
        values = array.cast(pa.binary()).to_pylist() if _is_plain(array.type) else []
        rows = [
            self._rows + row
            for row, value in enumerate(values)
            if value is not None and not _can_be(value, encoding)
        ]
        return PermanentTaskError(
            f"Texts of the column {name!r} are not in the encoding {encoding}.",
            code="ENCODING_ERROR",
            remedy="Say the true encoding in processing_config.encoding (or in the .cpg of a Shapefile), or "
            "save the texts as UTF-8. Rows are counted from 0.",
            context={"column": name, "encoding": encoding, "rows": rows[:_LISTED_ROWS]},
        )


def _can_be(value: bytes, encoding: str) -> bool:
    try:
        value.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _holds_texts(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_texts(kind.storage_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _holds_texts(kind.value_type)
    return _is_plain(kind)


def _is_plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_ascii(array: pa.Array) -> bool:
    data = array.buffers()[-1]
    return data is None or not bool((np.frombuffer(data, np.uint8) & 0x80).any())
