"""Reading a layer once, whole, and changing nothing: what is in it, and whether it can be loaded.

The first stage of ingestion. Whatever would stop the load (a broken geometry, a coordinate off the globe)
stops here, before a table exists.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import shapely

from core.errors import PermanentTaskError
from core.task_models.vector import VectorColumn
from services.vector import geometry, ogr
from services.vector.columns import plan_columns
from services.vector.crs import Reprojection, reprojection
from services.vector.source import Census, SourceLayer

_ZONED = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")


@dataclass(slots=True)
class _Tally:
    """What has been seen so far."""

    rows: int = 0
    nulls: int = 0
    empties: int = 0
    invalid: int = 0
    with_z: int = 0
    with_m: int = 0
    type_names: set[str] = field(default_factory=set)

    def add(self, geometries: np.ndarray) -> None:
        self.rows += len(geometries)
        present = geometries[~shapely.is_missing(geometries)]
        self.nulls += len(geometries) - len(present)
        self.empties += int(np.count_nonzero(shapely.is_empty(present)))
        self.invalid += int(np.count_nonzero(~shapely.is_valid(present)))
        self.with_z += int(np.count_nonzero(shapely.has_z(present)))
        self.with_m += int(np.count_nonzero(shapely.has_m(present)))
        self.type_names |= geometry.type_names(present)

    @property
    def present(self) -> int:
        """Rows with a geometry."""
        return self.rows - self.nulls


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a layer holds and how it will be loaded."""

    way: Reprojection
    shape: geometry.GeometryShape
    feature_count: int
    null_geometry_count: int
    columns: tuple[VectorColumn, ...]
    datetime_as_text: bool
    warnings: tuple[str, ...]


def inspect_layer(
    layer: SourceLayer, *, target_crs: str, progress: Callable[[float | None], None]
) -> Inspection:
    """Read the geometries of a layer and plan its columns. `progress` may raise to stop.

    Raises:
        PermanentTaskError: CRS_MISSING, CRS_UNKNOWN, NO_FEATURES, ALL_GEOMETRY_NULL, COLUMN_LIMIT,
            GEOMETRY_UNREADABLE, COORDINATES_OUT_OF_RANGE, ENCODING_ERROR or CONTENT_MISMATCH.
    """
    way, fields = _describe(layer, target_crs=target_crs)
    columns = plan_columns(fields)
    tally = _tally(layer, way, progress)
    _check(tally, layer.census)
    mixed = _columns_mixing_zones(layer, columns)
    return Inspection(
        way=way,
        shape=geometry.GeometryShape(family=geometry.table_family(tally.type_names), has_z=tally.with_z > 0),
        feature_count=tally.rows,
        null_geometry_count=tally.nulls,
        columns=tuple(_as_text(column) if column.source_name in mixed else column for column in columns),
        datetime_as_text=bool(mixed),
        warnings=(*layer.warnings, *_warnings(tally), *_zone_warnings(mixed)),
    )


def _describe(layer: SourceLayer, *, target_crs: str) -> tuple[Reprojection, list[pa.Field]]:
    with ogr.open_layer(layer) as stream:
        fields = [each for each in stream.schema if each.name != stream.geometry_column]
        return reprojection(stream.crs, target_crs, declared=layer.declared_crs), fields


def _tally(layer: SourceLayer, way: Reprojection, progress: Callable[[float | None], None]) -> _Tally:
    tally = _Tally()
    expected = layer.census.feature_count
    with ogr.open_layer(layer, columns=()) as stream:
        for batch in stream.batches:
            geometries = geometry.parse(batch.column(stream.geometry_column), first_row=tally.rows)
            geometry.reproject(geometries, way, first_row=tally.rows)
            tally.add(geometries)
            progress(min(tally.rows / expected, 1.0) if expected else None)
    return tally


def _check(tally: _Tally, census: Census) -> None:
    if tally.rows == 0 and not census.feature_count:
        raise PermanentTaskError(
            "The layer has no features.", code="NO_FEATURES", remedy="Submit a layer with features."
        )
    lost = (
        (census.feature_count is not None and tally.rows != census.feature_count)
        or tally.nulls > census.null_geometry_limit
        or tally.empties > census.empty_geometry_limit
    )
    if lost:
        raise PermanentTaskError(
            "Some geometries are lost when read: the file is damaged, or features have no geometry member.",
            code="GEOMETRY_UNREADABLE",
            remedy="Repair or re-export the file.",
            context={
                "features": census.feature_count,
                "features_read": tally.rows,
                "without_geometry": census.null_geometry_limit,
                "without_geometry_read": tally.nulls,
                "empty": census.empty_geometry_limit,
                "empty_read": tally.empties,
            },
        )
    if tally.nulls + tally.empties == tally.rows:
        raise PermanentTaskError(
            "No feature has a geometry.",
            code="ALL_GEOMETRY_NULL",
            remedy="Submit features with geometries, or a table without them elsewhere.",
            context={"features": tally.rows},
        )


def _columns_mixing_zones(layer: SourceLayer, columns: tuple[VectorColumn, ...]) -> set[str]:
    """The columns with times some of which have a zone and some have none.

    Arrow gives such a column without zones, and drops the offsets; only the text still has them.
    """
    suspects = [column.source_name for column in columns if column.sql_type == "timestamp"]
    if not suspects:
        return set()
    mixed: set[str] = set()
    with ogr.open_layer(layer, columns=suspects, datetime_as_text=True) as stream:
        for batch in stream.batches:
            mixed |= {
                name
                for name in suspects
                if any(value and _ZONED.search(value) for value in batch.column(name).to_pylist())
            }
    return mixed


def _as_text(column: VectorColumn) -> VectorColumn:
    return column.model_copy(update={"sql_type": "text"})


def _warnings(tally: _Tally) -> tuple[str, ...]:
    without_z = tally.present - tally.with_z
    counted = (
        (tally.nulls, "Features without a geometry: {}; they were kept."),
        (tally.empties, "Features with an empty geometry: {}; they were kept."),
        (
            tally.invalid,
            "Geometries that are not valid: {}; they were kept as they are, repair is not offered yet.",
        ),
        (tally.with_m, "Geometries that lost their measures (M): {}."),
        (
            without_z if tally.with_z else 0,
            "Geometries that were given the height 0, beside others with heights: {}.",
        ),
    )
    return tuple(text.format(count) for count, text in counted if count)


def _zone_warnings(mixed: set[str]) -> tuple[str, ...]:
    return tuple(
        f"The column {name!r} mixes times with and without a zone; it was kept as text."
        for name in sorted(mixed)
    )
