"""The last step: every geometry in exactly the type of its table."""

import struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.vector.cleaning.canonical import replaced
from services.vector.cleaning.ledger import Sheet
from services.vector.cleaning.types import TableType, has_places
from services.vector.cleaning.walk import ORDINATES, POINT
from services.vector.cleaning.wkb import floats, resized

_HEADER = struct.Struct("<BII")
_NOTHING = float("nan")


def conformed(sheet: Sheet, table: TableType) -> Sheet:
    """The sheet in the dimensions and the type of the table.

    PostGIS has one set of dimensions for a column. A missing measure becomes NaN; a missing height 0, as JSON
    and most readers know no NaN. An empty geometry becomes the empty one of the table's type. In a table of
    the type `Geometry` every geometry keeps its own type. Empty points are NaN in every dimension, always by
    the same bits: so PostGIS hands them out again, and what is loaded can be compared with what was sent.
    """
    return _with_plain_nothing(_promoted(_in_dimensions(sheet, table.dims), table))


def _in_dimensions(sheet: Sheet, dims: int) -> Sheet:
    layout = sheet.layout
    if (layout.dims == dims).all():
        return sheet
    placed = has_places(layout)
    for bit, added, dropped in ((1, "height_zero", "height_dropped"), (2, "measure_nan", "measure_dropped")):
        has = (layout.dims & bit) > 0
        if dims & bit:
            sheet.ledger.count("dimensions", added, np.count_nonzero(~has & placed))
        else:
            sheet.ledger.count("dimensions", dropped, np.count_nonzero(has & placed))
    column = resized(layout, np.full(len(layout), dims), missing=(0.0, _NOTHING))
    return Sheet.of(sheet.rows, column, sheet.ledger)


def _promoted(sheet: Sheet, table: TableType) -> Sheet:
    if table.base == 0 or (sheet.layout.base == table.base).all():
        return sheet
    column, base, ledger = sheet.layout.column, sheet.layout.base, sheet.ledger
    other = np.flatnonzero(base != table.base)
    empty = other[~has_places(sheet.layout)[other]]
    column = replaced(column, empty, np.array([_empty(table)] * len(empty), dtype=object))
    single = np.setdiff1d(other, empty, assume_unique=True)
    if single.size:
        column = _wrapped(column, single, table)
        ledger.count("single_to_multi", "promoted", single.size)
    return Sheet.of(sheet.rows, column, ledger)


def _wrapped(column: pa.Array, rows: np.ndarray, table: TableType) -> pa.Array:
    """The column with a collection of one part around the geometries of some rows."""
    head = pa.scalar(_HEADER.pack(1, table.base + 1000 * table.dims, 1), pa.binary())
    nothing = pa.scalar(b"", pa.binary())
    if len(rows) == len(column):
        return pc.binary_join_element_wise(head, column, nothing)
    made = pc.binary_join_element_wise(head, column.take(pa.array(rows)), nothing)
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), made)


def _with_plain_nothing(sheet: Sheet) -> Sheet:
    layout = sheet.layout
    points = np.flatnonzero(layout.runs.kind == POINT)
    values, at = floats(layout.data), layout.runs.position[points]
    empty = points[np.isnan(values[at]) & np.isnan(values[at + 8])]
    return sheet.with_layout(layout.without_places(empty)) if empty.size else sheet


def _empty(table: TableType) -> bytes:
    code = table.base + 1000 * table.dims
    if table.base == POINT:
        ordinates = int(ORDINATES[table.dims])
        return struct.pack(f"<BI{ordinates}d", 1, code, *(_NOTHING,) * ordinates)
    return _HEADER.pack(1, code, 0)
