"""Columns of times of which only the text says whether they have a zone.

Arrow gives a column in which some times have a zone and some have none without zones, and drops the
offsets. So where GDAL names no zone for a whole column, the texts are looked at first.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from services.vector.findings import warning

_ZONED = r"(?:Z|[+-]\d\d(?::?\d\d)?)$"
_UTC = pa.timestamp("us", tz="UTC")


class Zone(StrEnum):
    """How many of the times of a column have a zone."""

    ALL = "all"
    NONE = "none"
    SOME = "some"


def without_zone(schema: pa.Schema) -> list[str]:
    """The columns of times for which no zone is named."""
    return [field.name for field in schema if pa.types.is_timestamp(field.type) and field.type.tz is None]


def zones(batches: Iterable[pa.RecordBatch], names: Iterable[str]) -> dict[str, Zone]:
    """What the texts of the columns say."""
    counts = {name: [0, 0] for name in names}
    for batch in batches:
        for name, count in counts.items():
            texts = batch.column(name)
            count[0] += len(texts) - texts.null_count
            count[1] += pc.sum(pc.match_substring_regex(texts, _ZONED)).as_py() or 0
    return {name: _zone(present, zoned) for name, (present, zoned) in counts.items()}


def _zone(present: int, zoned: int) -> Zone:
    if zoned == 0:
        return Zone.NONE
    return Zone.ALL if zoned == present else Zone.SOME


def schema_of(schema: pa.Schema, found: Mapping[str, Zone]) -> pa.Schema:
    """The schema in which the columns have the types that their texts ask for."""
    kinds = {Zone.ALL: _UTC, Zone.SOME: pa.string()}
    fields = [
        pa.field(field.name, kinds[found[field.name]]) if found.get(field.name) in kinds else field
        for field in schema
    ]
    return pa.schema(fields)


def converted(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The batches, whose times are texts, with the types of the schema."""
    for batch in batches:
        columns = [_converted(column, field) for column, field in zip(batch.columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _converted(texts: pa.Array, field: pa.Field) -> pa.Array:
    if texts.type.equals(field.type) or not pa.types.is_timestamp(field.type):
        return texts
    try:
        return pc.cast(texts, field.type)
    except pa.ArrowInvalid as exc:
        raise PermanentTaskError(
            f"The column {field.name!r} holds times that are none.",
            code="CONTENT_MISMATCH",
            remedy="Correct the times, or save the column as text.",
            context={"column": field.name},
        ) from exc


def findings_of(found: Mapping[str, Zone]) -> Iterator[Finding]:
    """What is to be said of columns that are not what they seem."""
    for name in (name for name, zone in sorted(found.items()) if zone is Zone.SOME):
        yield warning(
            "MIXED_TIME_ZONES",
            f"The column {name!r} mixes times with and without a zone; it was kept as text.",
            remedy="Give all times of the column a zone, or none.",
            column=name,
        )
