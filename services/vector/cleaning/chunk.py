"""Cleaning a chunk of a layer: what goes into its table and how, what does not and why."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from core.task_models.vector import (
    BoundingBox,
    CleaningOptions,
    RejectReason,
    RepairNote,
    StepCount,
    TablePlan,
)
from services.vector.cleaning import cells, extraction, places, rings, validity, values
from services.vector.cleaning.canonical import canonical
from services.vector.cleaning.conform import conformed
from services.vector.cleaning.ledger import Ledger, Sheet
from services.vector.cleaning.types import TableType, has_places
from services.vector.crs import planned_reprojection
from services.vector.grid import extent_of

_ROW, _FID, _WKB = "__row", "__fid", "__wkb"


@dataclass(frozen=True, slots=True)
class CleanedChunk:
    """What became of the rows of a chunk: every one is either loaded or rejected.

    Attributes:
        loaded: `fid`, the columns under their SQL names, and `geom`: little-endian ISO WKB of exactly the
            type of the table, in its CRS, null where there is no geometry.
        loaded_rows, rejected_rows: indices into the batch, ascending.
        reasons, details: for each rejected row; a detail is a sentence for people.
        steps: what was done how often.
        repairs, area_change: the largest ten, and the sum of absolute changes, in square units of the CRS.
        bbox: of the loaded geometries, in the CRS of the table.
        cells: the touched cells of the grid (see `services.vector.grid`).
        size_bytes: of the geometries as EWKB.
    """

    loaded: pa.RecordBatch
    loaded_rows: np.ndarray
    rejected_rows: np.ndarray
    reasons: tuple[RejectReason, ...]
    details: tuple[str, ...]
    steps: tuple[StepCount, ...]
    repairs: tuple[RepairNote, ...]
    area_change: float
    bbox: BoundingBox | None
    cells: str
    null_geometry_count: int
    vertex_count: int
    largest_vertex_count: int
    size_bytes: int


def clean(
    batch: pa.RecordBatch, *, plan: TablePlan, options: CleaningOptions, duplicates: np.ndarray | None
) -> CleanedChunk:
    """Clean the rows of a chunk (the columns of `ChunkFile`) by these options.

    `duplicates` are the `__row`s of copies, sorted. WKB that needs no change is passed on byte for byte.
    Geometries are made valid in the CRS of the table, as they are stored.
    """
    ledger = Ledger(row=batch.column(_ROW).to_numpy(), fid=batch.column(_FID).to_numpy())
    _without_duplicates(batch, ledger, options=options, duplicates=duplicates)
    batch = _with_possible_values(batch, ledger, plan=plan, options=options)
    present = _present(batch, ledger, options)
    rows = np.flatnonzero(ledger.is_alive & present)
    sheet = _cleaned(_sheet(batch, rows, ledger), plan, options)
    return _result(batch, sheet, plan, extent_of(plan, options))


def _without_duplicates(
    batch: pa.RecordBatch, ledger: Ledger, *, options: CleaningOptions, duplicates: np.ndarray | None
) -> None:
    if duplicates is None or not len(duplicates):
        return
    copies = np.flatnonzero(np.isin(batch.column(_ROW).to_numpy(), duplicates))
    if options.duplicates == "drop":
        ledger.reject(
            copies, RejectReason.DUPLICATE, "equal to an earlier feature in geometry and attributes"
        )
    ledger.count("duplicates", "dropped" if options.duplicates == "drop" else "kept", copies.size)


def _with_possible_values(
    batch: pa.RecordBatch, ledger: Ledger, *, plan: TablePlan, options: CleaningOptions
) -> pa.RecordBatch:
    for name, bad in values.impossible(batch, plan.columns):
        bad &= ledger.is_alive
        if options.invalid_values == "null":
            ledger.count("invalid_values", "null", np.count_nonzero(bad), unit="values")
            batch = batch.set_column(
                batch.schema.get_field_index(name), name, values.nulled(batch.column(name), bad)
            )
        else:
            ledger.count("invalid_values", "rejected", np.count_nonzero(bad), unit="values")
            ledger.reject(
                np.flatnonzero(bad),
                RejectReason.VALUE_OUT_OF_RANGE,
                f"{name}: a date or time beyond the calendar, or a text with U+0000",
            )
    return batch


def _present(batch: pa.RecordBatch, ledger: Ledger, options: CleaningOptions) -> np.ndarray:
    wkb = batch.column(_WKB)
    if not wkb.null_count:
        return np.ones(len(wkb), dtype=bool)
    present: np.ndarray = wkb.is_valid().to_numpy(zero_copy_only=False)
    missing = ~present & ledger.is_alive
    is_rejected = options.null_geometry == "reject"
    ledger.count("null_geometry", "rejected" if is_rejected else "kept", np.count_nonzero(missing))
    if is_rejected:
        ledger.reject(np.flatnonzero(missing), RejectReason.NULL_GEOMETRY, "no geometry")
    return present


def _sheet(batch: pa.RecordBatch, rows: np.ndarray, ledger: Ledger) -> Sheet:
    wkb = batch.column(_WKB)
    column = wkb if len(rows) == len(wkb) else wkb.take(pa.array(rows))
    sheet = Sheet.of(rows, canonical(column), ledger)
    unreadable = ~sheet.layout.is_readable
    ledger.count("broken_geometry", "rejected", np.count_nonzero(unreadable))
    return sheet.without(unreadable, RejectReason.BROKEN_GEOMETRY, "no well-known binary of a simple feature")


def _cleaned(sheet: Sheet, plan: TablePlan, options: CleaningOptions) -> Sheet:
    way, table = planned_reprojection(plan), TableType.of(plan.geometry_type)
    sheet = places.possible(_without_empty(sheet, options), way, options)
    sheet = extraction.extracted(validity.sound(sheet, options), options)
    sheet = validity.valid(places.placed(sheet, way, options), options)
    return conformed(rings.oriented(sheet, options), table)


def _without_empty(sheet: Sheet, options: CleaningOptions) -> Sheet:
    empty = ~has_places(sheet.layout)
    is_rejected = options.empty_geometry == "reject"
    sheet.ledger.count("empty_geometry", "rejected" if is_rejected else "kept", np.count_nonzero(empty))
    return sheet.without(empty, RejectReason.EMPTY_GEOMETRY, "an empty geometry") if is_rejected else sheet


def _result(batch: pa.RecordBatch, sheet: Sheet, plan: TablePlan, extent: BoundingBox) -> CleanedChunk:
    ledger, layout = sheet.ledger, sheet.layout
    loaded_rows = np.flatnonzero(ledger.is_alive)
    rejected_rows, reasons, details = ledger.rejected()
    vertices = np.bincount(layout.runs.row, weights=layout.runs.count, minlength=len(sheet)).astype(np.int64)
    return CleanedChunk(
        loaded=_loaded(batch, loaded_rows, _geometries(sheet, loaded_rows), plan),
        loaded_rows=loaded_rows,
        rejected_rows=rejected_rows,
        reasons=reasons,
        details=details,
        steps=ledger.steps,
        repairs=ledger.repairs,
        area_change=ledger.area_change,
        bbox=_bbox(sheet),
        cells=cells.touched(layout, extent),
        null_geometry_count=len(loaded_rows) - len(sheet),
        vertex_count=int(vertices.sum()),
        largest_vertex_count=int(vertices.max(initial=0)),
        size_bytes=int((layout.ends - layout.starts).sum()) + 4 * len(sheet),
    )


def _geometries(sheet: Sheet, loaded_rows: np.ndarray) -> pa.Array:
    """One geometry for each loaded row, null for those that are not on the sheet."""
    if len(sheet) == len(loaded_rows):
        return sheet.layout.column
    indices = np.searchsorted(sheet.rows, loaded_rows)
    inside = indices < len(sheet)
    inside[inside] = sheet.rows[indices[inside]] == loaded_rows[inside]
    return sheet.layout.column.take(pa.array(indices, mask=~inside))


def _loaded(batch: pa.RecordBatch, rows: np.ndarray, geometries: pa.Array, plan: TablePlan) -> pa.RecordBatch:
    names = [column.name for column in plan.columns]
    kept = batch.select([_FID, *names])
    if len(rows) < batch.num_rows:
        kept = kept.take(pa.array(rows))
    return pa.RecordBatch.from_arrays([*kept.columns, geometries], names=["fid", *names, "geom"])


def _bbox(sheet: Sheet) -> BoundingBox | None:
    x, y = sheet.layout.xy
    if not len(x):
        return None
    if np.isnan(x.min()):  # empty points are NaN
        x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    return (float(x.min()), float(y.min()), float(x.max()), float(y.max())) if len(x) else None
