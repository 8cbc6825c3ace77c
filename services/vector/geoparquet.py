"""GeoParquet: read by Arrow itself, row group by row group, in the memory of a batch.

What a Parquet file declares of itself (rows, sizes, statistics) is not believed further than it can be
checked: damaged pages raise, and memory beyond the task's limit ends the task. Source: GeoParquet 1.1.0;
the Apache Parquet format.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import shapely

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services.vector.distinct_names import distinct, renaming_findings
from services.vector.geoarrow import as_wkb, is_native
from services.vector.geoparquet_metadata import GeoMetadata, crs_of, findings_of, geo_metadata, unsupported
from services.vector.layers import choose_layers
from services.vector.plain_types import plain_array, plain_type
from services.vector.source import Census, SourceLayer
from services.vector.stream import LayerStream

if TYPE_CHECKING:
    import pyarrow.parquet as pq

MAX_ROWS = 500_000_000
_MAX_BATCH_ROWS, _BATCH_BYTES = 16_384, 32 * 2**20
_FOOTER_BYTES, _FOOTER_ITEMS = 64 * 2**20, 10_000_000  # of one text, and of one list, in the footer
_READ_BYTES = 2**20
_KEY = b"geo"


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The one layer of a GeoParquet file; it is named like the file.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH, UNSUPPORTED_FORMAT, CRS_UNKNOWN, SOURCE_TOO_LARGE or
            LAYER_NOT_FOUND.
    """
    choose_layers([name], reading.layers)
    with _opened(path) as file:
        metadata = _metadata(file)
        layer = SourceLayer(
            format=VectorFormat.GEOPARQUET,
            path=path,
            name=name,
            census=_census(file, metadata),
            declared_crs=crs_of(metadata.primary),
            findings=findings_of(metadata),
        )
    return (layer,)


@contextmanager
def read(
    layer: SourceLayer,
    *,
    reading: VectorReading,  # noqa: ARG001 (one shape for all)
) -> Iterator[LayerStream]:
    """Open the layer; see `LayerStream`. Other geometry columns than the primary one become WKT.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE, also while the batches are read.
    """
    with _opened(layer.path) as file:
        metadata = _metadata(file)
        schema = _schema(file.schema_arrow, metadata)
        yield LayerStream(
            crs=layer.declared_crs,
            geometry_column=metadata.primary_column,
            schema=schema,
            fid_column=None,
            batches=_batches(file, metadata, schema),
            findings=lambda: _renamed(file, metadata, schema),
        )


@contextmanager
def _opened(path: Path) -> "Iterator[pq.ParquetFile]":
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(
            path,
            pre_buffer=False,
            buffer_size=_READ_BYTES,
            page_checksum_verification=True,
            thrift_string_size_limit=_FOOTER_BYTES,
            thrift_container_size_limit=_FOOTER_ITEMS,
        ) as file:
            yield file
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, OSError) as exc:
        raise PermanentTaskError(
            "The Parquet file is damaged, encrypted or cut off.",
            code="GEOMETRY_UNREADABLE",
            remedy="Upload the file again whole, or write it again.",
        ) from exc


def _metadata(file: "pq.ParquetFile") -> GeoMetadata:
    if file.metadata.num_rows > MAX_ROWS:
        raise PermanentTaskError(
            f"The file declares {file.metadata.num_rows} rows; {MAX_ROWS} are taken.",
            code="SOURCE_TOO_LARGE",
            remedy="Split the file.",
        )
    found = geo_metadata((file.metadata.metadata or {}).get(_KEY))
    _check_columns(file.schema_arrow, found)
    return found


def _check_columns(schema: pa.Schema, metadata: GeoMetadata) -> None:
    """Every geometry column is there once, and of the type that its encoding asks for."""
    for name, column in metadata.columns.items():
        positions = schema.get_all_field_indices(name)
        if len(positions) != 1:
            raise PermanentTaskError(
                f"The file has {len(positions)} columns named {name!r}; its metadata describe one.",
                code="CONTENT_MISMATCH",
                remedy="Write the file again with a current GDAL, GeoPandas or DuckDB.",
            )
        kind = plain_type(schema.field(positions[0]).type)
        is_wkb = column.encoding == "WKB" and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
        if not is_wkb and not is_native(column.encoding, schema.field(positions[0]).type):
            raise unsupported(f"The geometries of {name!r} are encoded as {column.encoding[:40]!r}.")


def _census(file: "pq.ParquetFile", metadata: GeoMetadata) -> Census:
    """Rows by the footer; nulls by its statistics, where every row group has them."""
    rows = file.metadata.num_rows
    position = file.schema_arrow.get_field_index(metadata.primary_column)
    nulls = rows
    if (
        metadata.primary.encoding == "WKB"
        and file.schema_arrow.field(position).name == metadata.primary_column
    ):
        nulls = _null_count(file.metadata, metadata.primary_column, unknown=rows)
    return Census(feature_count=rows, null_geometry_limit=nulls, empty_geometry_limit=rows)


def _null_count(footer: "pq.FileMetaData", name: str, *, unknown: int) -> int:
    leaf = next((i for i in range(footer.num_columns) if footer.schema.column(i).path == name), None)
    if leaf is None:
        return unknown
    total = 0
    for group in range(footer.num_row_groups):
        statistics = footer.row_group(group).column(leaf).statistics
        if statistics is None or not statistics.has_null_count:
            return unknown
        total += statistics.null_count
    return total


def _schema(schema: pa.Schema, metadata: GeoMetadata) -> pa.Schema:
    """What the batches will have: the primary geometry as WKB, other ones as text, no bounding boxes."""
    kept = [field for field in schema if field.name != metadata.covering_column]
    fields = []
    for field, name in zip(kept, distinct(tuple(field.name for field in kept)), strict=True):
        kind = plain_type(field.type)
        if field.name in metadata.columns:
            kind = pa.binary() if field.name == metadata.primary_column else pa.string()
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def _renamed(file: "pq.ParquetFile", metadata: GeoMetadata, schema: pa.Schema) -> tuple[Finding, ...]:
    names = tuple(name for name in file.schema_arrow.names if name != metadata.covering_column)
    return renaming_findings(names, tuple(schema.names))


def _batches(file: "pq.ParquetFile", metadata: GeoMetadata, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    kept = [i for i, field in enumerate(file.schema_arrow) if field.name != metadata.covering_column]
    for batch in file.iter_batches(batch_size=_batch_rows(file.metadata)):
        columns = [
            _plain(batch.column(position), field, metadata)
            for position, field in zip(kept, schema, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _batch_rows(footer: "pq.FileMetaData") -> int:
    """As many rows as make a batch of about 32 MB, by what the row groups declare."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    largest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1.0)
    return int(np.clip(_BATCH_BYTES / max(largest, 1.0), 1, _MAX_BATCH_ROWS))


def _plain(array: pa.Array, field: pa.Field, metadata: GeoMetadata) -> pa.Array:
    geometry = metadata.columns.get(field.name)
    if geometry is None:
        return plain_array(array, field.type)
    native = geometry.encoding != "WKB"
    wkb = as_wkb(array, encoding=geometry.encoding) if native else plain_array(array, pa.binary())
    return wkb if field.name == metadata.primary_column else _wkt(wkb, column=field.name)


def _wkt(wkb: pa.Array, *, column: str) -> pa.Array:
    try:
        geometries = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False))
    except shapely.errors.GEOSException as exc:
        raise PermanentTaskError(
            f"The geometries of {column!r}, which is not the primary column, are damaged.",
            code="GEOMETRY_UNREADABLE",
            remedy="Remove the column, or repair its geometries.",
        ) from exc
    texts: Any = shapely.to_wkt(geometries, rounding_precision=-1)
    return pa.array(texts, pa.string())
