"""FlatGeobuf before GDAL: how many features its header counts.

GDAL verifies the buffer of every feature, and fails where one is damaged or cut off. Source: the FlatGeobuf
specification 3.0 (header.fbs), and the FlatBuffers binary format.
"""

import struct
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat, VectorReading
from services.vector.layers import choose_layers
from services.vector.source import Census, SourceLayer

_MAGIC_BYTES = 8
_MAX_HEADER_BYTES = 2**24
_LENGTH_BYTES = 4
_LEAST_VTABLE_BYTES = 4
_AS_WRITTEN = (("OGR_FLATGEOBUF_STREAM_BASE_IMPL", "NO"),)  # the driver's own keeps texts, see `ogr`
_FEATURES_COUNT = 8  # the position of the field in the table `Header`


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The only layer of a FlatGeobuf file; it is named like the file.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH or LAYER_NOT_FOUND.
    """
    choose_layers([name], reading.layers)
    count = _feature_count(path) or None
    census = Census(feature_count=count, null_geometry_limit=None, empty_geometry_limit=None)
    layer = SourceLayer(
        format=VectorFormat.FLATGEOBUF, path=path, name=name, census=census, as_written=_AS_WRITTEN
    )
    return (layer,)


def _feature_count(path: Path) -> int:
    """What the header says; 0 where the writer did not know it.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: it is no header.
    """
    with path.open("rb") as file:
        file.seek(_MAGIC_BYTES)
        size = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        table = file.read(size) if size <= _MAX_HEADER_BYTES else b""
    try:
        return _field(table if len(table) == size else b"", _FEATURES_COUNT, "<Q", default=0)
    except struct.error as exc:
        raise PermanentTaskError(
            "The header of the FlatGeobuf file is damaged or cut off.",
            code="CONTENT_MISMATCH",
            remedy="Upload the file again whole.",
        ) from exc


def _field(buffer: bytes, number: int, kind: str, *, default: int) -> int:
    """A number from the root table of a FlatBuffer.

    Raises:
        struct.error: an offset leaves the buffer.
    """
    (root,) = struct.unpack_from("<I", buffer, 0)
    (distance,) = struct.unpack_from("<i", buffer, root)
    vtable = root - distance
    if vtable < 0:
        raise struct.error("offset before the buffer")
    (vtable_bytes,) = struct.unpack_from("<H", buffer, vtable)
    if vtable_bytes < _LEAST_VTABLE_BYTES:
        raise struct.error("no table")
    entry = 4 + 2 * number
    if entry >= vtable_bytes:
        return default
    (place,) = struct.unpack_from("<H", buffer, vtable + entry)
    return int(struct.unpack_from(kind, buffer, root + place)[0]) if place else default
