"""Shapefiles before GDAL: whole, and counted from their own headers.

GDAL reads a truncated .shp to its end with null geometries and reports success, so lengths and offsets
are checked here. Source: ESRI Shapefile Technical Description (1998).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import dbf, dbf_dates
from services.vector.findings import warning
from services.vector.source import Census, SourceLayer

_HEADER_BYTES = 100
_INDEX_RECORD_BYTES = 8
_RECORD_HEADER_BYTES = 8
_NULL_SHAPE = 0
_RECORDS_AT_ONCE = 2**18
# Where the number of points (int32) stands in the content of a record, by family of shape type.
_POINT_COUNT_OFFSET = {3: 40, 5: 40, 8: 36, 13: 40, 15: 40, 18: 36, 23: 40, 25: 40, 28: 36}


def admit(members: Mapping[str, Path], *, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The Shapefiles that lie unpacked at these paths (`.shp`), by the names that people gave them.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE, ENCODING_ERROR or CONTENT_MISMATCH.
    """
    return tuple(_layer(name, shp, reading=reading) for name, shp in members.items())


def _layer(name: str, shp: Path, *, reading: VectorReading) -> SourceLayer:
    census = _census(shp)
    texts = dbf.encoding(shp.with_suffix(".dbf"), cpg=shp.with_suffix(".cpg"), wanted=reading.encoding)
    dbf_dates.check_dates(shp.with_suffix(".dbf"), encoding=texts.name)
    return SourceLayer(
        format=VectorFormat.SHAPEFILE,
        path=shp,
        name=name,
        census=census,
        encoding=texts.name,
        findings=tuple(_findings(texts)),
    )


def _findings(texts: dbf.TextEncoding) -> Iterator[Finding]:
    if texts.is_assumed:
        yield warning(
            "ENCODING_ASSUMED",
            f"The Shapefile does not say the encoding of its texts; they were read as {texts.name}.",
            remedy="Add a .cpg file with the name of the encoding, or say it in processing_config.encoding.",
            encoding=texts.name,
        )


def _census(shp: Path) -> Census:
    """Counts from the index and the record headers, some records at a time.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE: lengths or offsets contradict each other.
    """
    content, index = _as_bytes(shp), _index(shp.with_suffix(".shx"))
    records = dbf.records(shp.with_suffix(".dbf"))
    if records is None:
        raise _damaged("The .dbf of the Shapefile is cut off.")
    if _declared_bytes(content) > content.size or records.count != len(index):
        raise _damaged("The parts of the Shapefile do not belong together or are cut off.")
    nulls, pointless = 0, 0
    for start in range(0, len(index), _RECORDS_AT_ONCE):
        offsets, types = _records(content, index[start : start + _RECORDS_AT_ONCE])
        nulls += int(np.count_nonzero(types == _NULL_SHAPE))
        pointless += _pointless(content, offsets, types)
    return Census(
        feature_count=records.count - records.deleted,
        null_geometry_limit=nulls,
        empty_geometry_limit=pointless,
    )


def _records(content: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where records begin, and their shape types.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE.
    """
    words = index.astype(np.int64) * 2
    offsets, lengths = words[:, 0], words[:, 1]
    if int((offsets + _RECORD_HEADER_BYTES + lengths).max()) > content.size:
        raise _damaged("The index of the Shapefile points beyond its end.")
    if int(offsets.min()) < _HEADER_BYTES or int(lengths.min()) < 4:
        raise _damaged("The index of the Shapefile is not valid.")
    return offsets, _int32_at(content, offsets + _RECORD_HEADER_BYTES)


def _as_bytes(path: Path) -> np.ndarray:
    if path.stat().st_size < _HEADER_BYTES:
        raise _damaged(f"The {path.suffix} of the Shapefile is cut off.")
    return np.memmap(path, dtype=np.uint8, mode="r")


def _declared_bytes(content: np.ndarray) -> int:
    """The length that a .shp or .shx gives for itself: at byte 24, in 16-bit words, big-endian."""
    return 2 * int.from_bytes(content[24:28].tobytes(), "big")


def _index(shx: Path) -> np.ndarray:
    """Offsets and content lengths of the records, in words of 16 bits."""
    content = _as_bytes(shx)
    end = _declared_bytes(content)  # some writers leave more behind it
    if not _HEADER_BYTES <= end <= content.size or (end - _HEADER_BYTES) % _INDEX_RECORD_BYTES:
        raise _damaged("The .shx of the Shapefile is cut off.")
    return content[_HEADER_BYTES:end].view(">i4").reshape(-1, 2)


def _int32_at(content: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Little-endian int32 values at byte positions."""
    windows = np.lib.stride_tricks.sliding_window_view(content, 4)
    values: np.ndarray = windows[positions].view("<i4").ravel()
    return values


def _pointless(content: np.ndarray, offsets: np.ndarray, types: np.ndarray) -> int:
    """How many records have a shape without a point."""
    total = 0
    for shape_type, position in _POINT_COUNT_OFFSET.items():
        chosen = offsets[types == shape_type] + _RECORD_HEADER_BYTES + position
        total += int(np.count_nonzero(_int32_at(content, chosen[chosen + 4 <= content.size]) == 0))
    return total


def _damaged(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="GEOMETRY_UNREADABLE",
        remedy="Upload the Shapefile again whole.",
    )
