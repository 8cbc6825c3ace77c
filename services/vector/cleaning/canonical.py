"""Any flavour of well-known binary as the one that is worked with: little-endian ISO."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

_MARKS = np.uint32(0xE0000000)  # Z, M and SRID in EWKB, and Z in the old flavour of OGR ("2.5D")


def canonical(column: pa.Array) -> pa.Array:
    """The column (binary, without nulls) with every geometry in ISO WKB, little-endian.

    What is so already stays byte for byte; only the heads are looked at. What cannot be read stays too.
    """
    column = column.cast(pa.binary()) if column.type != pa.binary() else column
    return rewritten(column, _is_foreign(column))


def rewritten(column: pa.Array, foreign: np.ndarray) -> pa.Array:
    """The column with the rows that `foreign` marks read and written anew by GEOS, where it can."""
    if not foreign.any():
        return column
    rows = np.flatnonzero(foreign)
    written = to_wkb(parsed(column.take(pa.array(rows))))
    readable = np.array([each is not None for each in written])
    return replaced(column, rows[readable], written[readable])


def to_wkb(geometries: np.ndarray) -> np.ndarray:
    """ISO WKB, little-endian, with Z and M where they are; None for None."""
    wkb: np.ndarray = shapely.to_wkb(geometries, output_dimension=4, byte_order=1, flavor="iso")
    return wkb


def from_wkb(column: pa.Array) -> np.ndarray:
    """Geometries of readable, sound WKB."""
    geometries: np.ndarray = shapely.from_wkb(column.to_numpy(zero_copy_only=False))
    return geometries


def replaced(column: pa.Array, rows: np.ndarray, wkb: np.ndarray) -> pa.Array:
    """The column with other values in some rows (ascending indices)."""
    if not len(rows):
        return column
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), pa.array(wkb, type=pa.binary()))


def parsed(column: pa.Array) -> np.ndarray:
    """Geometries, None where GEOS (or shapely: curves) cannot read them."""
    given = column.to_numpy(zero_copy_only=False)
    try:
        geometries: np.ndarray = shapely.from_wkb(given, on_invalid="ignore")
    except NotImplementedError:
        return np.array([_parsed_one(each) for each in given], dtype=object)
    return geometries


def _parsed_one(wkb: bytes) -> shapely.Geometry | None:
    try:
        return shapely.from_wkb(wkb, on_invalid="ignore")
    except NotImplementedError:
        return None


def _is_foreign(column: pa.Array) -> np.ndarray:
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    starts, sizes = offsets[:-1].astype(np.int64), np.diff(offsets)
    long_enough = sizes >= 5
    foreign = ~long_enough
    data = np.frombuffer(column.buffers()[2] or b"", np.uint8)
    at = starts[long_enough]
    if at.size:
        codes = np.ndarray((data.size - 3,), dtype="<u4", buffer=data, strides=(1,))[at + 1]
        foreign[long_enough] = (data[at] != 1) | ((codes & _MARKS) != 0)
    return foreign
