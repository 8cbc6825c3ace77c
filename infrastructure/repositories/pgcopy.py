"""Arrow batches as PostgreSQL's binary COPY format, packed column by column and never row by row.

A row is the number of its fields, and for each field its length and its bytes, all big-endian; -1 for null.
Source: https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format". Geometries are EWKB
(https://postgis.net/docs/ST_AsEWKB.html).

The bytes of a row are also what PostgreSQL sends when the row is read back: `RowImages` of what was sent and
of what is stored are compared by their digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infrastructure.repositories import pgcopy_values

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_NULL = -1
_DAYS_TO_2000 = 10_957
_MICROSECONDS_TO_2000 = _DAYS_TO_2000 * 86_400_000_000
_WITH_SRID = 0x20000000
_WKB_HEADER_BYTES = 5
_BYTES_AT_ONCE = 4 * 2**20

_FIXED = {
    "boolean": "u1",
    "smallint": ">i2",
    "integer": ">i4",
    "bigint": ">i8",
    "real": ">f4",
    "double precision": ">f8",
    "date": ">i4",
    "time": ">i8",
    "timestamp": ">i8",
    "timestamptz": ">i8",
}
_ORIGINS = {
    "date": _DAYS_TO_2000,
    "timestamp": _MICROSECONDS_TO_2000,
    "timestamptz": _MICROSECONDS_TO_2000,
}


@dataclass(frozen=True, slots=True)
class RowImages:
    """Rows as COPY sends them, in `content` (uint8), from their `offsets` (n + 1)."""

    content: np.ndarray
    offsets: np.ndarray


def packed(batch: pa.RecordBatch, sql_types: Sequence[str], *, srid: int) -> RowImages:
    """The rows of a batch; the last column is the geometry, as little-endian EWKB without SRID.

    `sql_types` are those of the other columns, in their order.
    """
    rows = _Rows(batch.num_rows)
    rows.fixed(">i2", batch.num_columns)
    for column, sql_type in zip(batch.columns[:-1], sql_types, strict=True):
        _add(rows, column, sql_type)
    _add_geometry(rows, batch.columns[-1], srid)
    return rows.images()


def received(messages: Iterable[bytes | bytearray | memoryview]) -> Iterator[RowImages]:
    """The rows that PostgreSQL sends, from the messages of a COPY TO: one for each row.

    The first begins with the header; the last is the trailer.
    """
    # Gathered at once: a list of a libpq buffer for each row costs three times as much.
    content, lengths = bytearray(), list[int]()
    start = len(HEADER)
    for message in messages:
        content += message
        lengths.append(len(message))
        if len(content) >= _BYTES_AT_ONCE:
            yield _images(content, lengths, start=start)
            content, lengths, start = bytearray(), [], 0
    if content[-len(TRAILER) :] == TRAILER and lengths[-1] == len(TRAILER):
        lengths.pop()
    yield _images(content, lengths, start=start)


def _images(content: bytearray, lengths: list[int], *, start: int) -> RowImages:
    import numpy as np

    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    offsets[0] = min(start, offsets[-1])
    return RowImages(np.frombuffer(content, dtype=np.uint8), offsets)


# -- columns ----------------------------------------------------------------------------------------


def _add(rows: _Rows, column: pa.Array, sql_type: str) -> None:
    import pyarrow as pa

    present = _presence(column)
    if dtype := _FIXED.get(sql_type):
        values = _numbers(column, sql_type)
        rows.fixed(">i4", _lengths(values.dtype.itemsize, present))
        rows.fixed(dtype, values, present)
        return
    if sql_type == "jsonb":
        payload = pa.array(map(pgcopy_values.jsonb, column.to_pylist()), pa.binary())
    elif sql_type.startswith("numeric"):
        payload = pa.array(map(pgcopy_values.numeric, column.to_pylist()), pa.binary())
    else:
        payload = column.cast(pa.binary())
    rows.fixed(">i4", _lengths(_sizes(payload), present))
    rows.variable(payload if present is None else payload.fill_null(b""))


def _add_geometry(rows: _Rows, column: pa.Array, srid: int) -> None:
    """With the SRID, which stands behind the type; a bit of the type says that it does."""
    import numpy as np

    present = _presence(column)
    wkb = column if present is None else column.fill_null(b"\1" + bytes(4))
    starts, sizes = _extents(wkb)
    content = np.frombuffer(wkb.buffers()[2], dtype=np.uint8)
    anywhere = np.ndarray((max(content.size - 3, 0),), dtype="<u4", buffer=content.data, strides=(1,))
    rows.fixed(">i4", _lengths(sizes + 4, present))
    rows.fixed("u1", 1, present)
    rows.fixed("<u4", anywhere[starts + 1] | np.uint32(_WITH_SRID), present)
    rows.fixed("<i4", srid, present)
    if present is None and sizes.size and (sizes == sizes[0]).all() and sizes[0] > _WKB_HEADER_BYTES:
        rest = np.ndarray(
            (sizes.size,),
            dtype=f"V{sizes[0] - _WKB_HEADER_BYTES}",
            buffer=content.data,
            offset=int(starts[0]) + _WKB_HEADER_BYTES,
            strides=(int(sizes[0]),),
        )
        rows.fixed(rest.dtype.str, rest)
    else:
        rows.variable(_without_header(wkb))


def _without_header(wkb: pa.Array) -> pa.Array:
    """Every second of the parts that the values are cut into (binary_slice of Arrow 26 fails on some)."""
    import numpy as np
    import pyarrow as pa

    starts, sizes = _extents(wkb)
    cuts = np.empty(2 * len(wkb) + 1, dtype=np.int32)
    cuts[0:-1:2], cuts[1::2], cuts[-1] = starts, starts + _WKB_HEADER_BYTES, starts[-1] + sizes[-1]
    parts = pa.Array.from_buffers(pa.binary(), len(cuts) - 1, [None, pa.py_buffer(cuts), wkb.buffers()[2]])
    return parts.take(pa.array(np.arange(1, len(cuts), 2)))


def _presence(column: pa.Array) -> np.ndarray | None:
    """Which values are there; None when all are."""
    if not column.null_count:
        return None
    present: np.ndarray = column.is_valid().to_numpy(zero_copy_only=False)
    return present


def _lengths(sizes: np.ndarray | int, present: np.ndarray | None) -> np.ndarray | int:
    import numpy as np

    return sizes if present is None else np.where(present, sizes, _NULL)


def _numbers(column: pa.Array, sql_type: str) -> np.ndarray:
    """The values of a column of one width in PostgreSQL's units; anything where there is none."""
    import numpy as np
    import pyarrow as pa

    if sql_type == "boolean":
        column = column.cast(pa.uint8())
    width = column.type.bit_width // 8
    kind = "f" if pa.types.is_floating(column.type) else "u" if sql_type == "boolean" else "i"
    content = np.frombuffer(column.buffers()[1], dtype=f"<{kind}{width}")
    values = content[column.offset : column.offset + len(column)]
    return values - np.asarray(_ORIGINS[sql_type], dtype=values.dtype) if sql_type in _ORIGINS else values


def _extents(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    offsets = np.frombuffer(column.buffers()[1], dtype=np.int32)
    offsets = offsets[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return offsets[:-1], np.diff(offsets)


def _sizes(column: pa.Array) -> np.ndarray:
    return _extents(column)[1]


# -- rows -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Run:
    """Fields of one width each that stand beside each other; some rows may lack some of them."""

    dtypes: list[str] = field(default_factory=list)
    values: list[np.ndarray | int] = field(default_factory=list)
    present: list[np.ndarray | None] = field(default_factory=list)

    def array(self, count: int) -> pa.Array:
        """The bytes of each row as a `binary` array."""
        import numpy as np
        import pyarrow as pa

        record = np.empty(count, dtype=[(f"f{n}", dtype) for n, dtype in enumerate(self.dtypes)])
        for number, values in enumerate(self.values):
            record[f"f{number}"] = values
        table = record.view(np.uint8).reshape(count, record.dtype.itemsize)
        lengths = np.full(count, record.dtype.itemsize, dtype=np.int32)
        content = table
        if any(present is not None for present in self.present):
            kept = self._kept(record.dtype, count)
            content, lengths = table[kept], kept.sum(axis=1, dtype=np.int32)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(content))]
        return pa.Array.from_buffers(pa.binary(), count, buffers)

    def _kept(self, dtype: np.dtype, count: int) -> np.ndarray:
        import numpy as np

        kept = np.ones((count, dtype.itemsize), dtype=bool)
        for number, present in enumerate(self.present):
            if present is not None:
                field_type, start = dtype.fields[f"f{number}"][:2]  # type: ignore[index]
                kept[~present, start : start + field_type.itemsize] = False
        return kept


class _Rows:
    """Collects the parts of rows from left to right."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._run = _Run()
        self._parts: list[pa.Array] = []

    def fixed(self, dtype: str, values: np.ndarray | int, present: np.ndarray | None = None) -> None:
        """A part of one width; a row without `present` has nothing here."""
        self._run.dtypes.append(dtype)
        self._run.values.append(values)
        self._run.present.append(present)

    def variable(self, values: pa.Array) -> None:
        """A part of any length; no nulls."""
        self._end_run()
        self._parts.append(values)

    def images(self) -> RowImages:
        """All together."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        self._end_run()
        joined = self._parts[0]
        if len(self._parts) > 1:
            joined = pc.binary_join_element_wise(*self._parts, pa.scalar(b"", pa.binary()))
        starts, sizes = _extents(joined)
        offsets = np.concatenate([starts, [starts[-1] + sizes[-1]]]) if starts.size else np.zeros(1, np.int64)
        return RowImages(np.frombuffer(joined.buffers()[2] or b"", dtype=np.uint8), offsets)

    def _end_run(self) -> None:
        if self._run.dtypes:
            self._parts.append(self._run.array(self._count))
        self._run = _Run()
