"""ISO WKB as the extended WKB that PostGIS answers: heights and measures are flags, in every part.

PostGIS reads both. Only what it would write itself can be compared with what it has stored, byte for byte.
Source: https://postgis.net/docs/using_postgis_dbmanagement.html#EWKB_EWKT
"""

import numpy as np
import pyarrow as pa

from services.vector.cleaning.walk import RING, words
from services.vector.cleaning.wkb import Layout, binary

_FLAGS = np.array([0, 0x80000000, 0x40000000, 0xC0000000], dtype=np.uint32)  # none, Z, M, both


def extended(column: pa.Array) -> pa.Array:
    """The same geometries; nulls stay. Without Z and M nothing is to be done."""
    present = column.drop_null() if column.null_count else column
    if not len(present):
        return column
    layout = Layout(present)
    if not layout.dims.any():
        return column
    made = _written(layout)
    if len(made) == len(column):
        return made
    places = np.cumsum(column.is_valid().to_numpy(zero_copy_only=False)) - 1
    return made.take(pa.array(places, mask=column.is_null().to_numpy(zero_copy_only=False)))


def _written(layout: Layout) -> pa.Array:
    data = layout.data.copy()
    headers = layout.headers
    is_geometry = headers.code != RING
    codes = headers.code[is_geometry] % 1000
    flags = _FLAGS[layout.dims[headers.row[is_geometry]]]
    words(data)[headers.position[is_geometry] + 1] = codes.astype(np.uint32) | flags
    return binary(data, np.append(layout.starts, layout.ends[-1:]))
