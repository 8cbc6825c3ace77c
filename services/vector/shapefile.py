"""Zipped Shapefiles before GDAL: the right files, whole, and counted from their own headers.

GDAL reads a truncated .shp to its end with null geometries and reports success, so lengths and offsets
are checked here. Source: ESRI Shapefile Technical Description (1998); dBASE III header.
"""

import zipfile
from collections import defaultdict
from pathlib import Path, PurePosixPath

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat
from services import archive
from services.vector.layers import choose_layer
from services.vector.source import Census, SourceLayer

REQUIRED = (".shp", ".shx", ".dbf")
EXTRACTED = (*REQUIRED, ".prj", ".cpg")
# What tools put beside a Shapefile; never unpacked.
IGNORED = frozenset(
    {".sbn", ".sbx", ".qix", ".qpj", ".qmd", ".qml", ".sld", ".lyr", ".ain", ".aih", ".atx", ".ixs", ".mxs",
     ".fbn", ".fbx", ".idx", ".xml", ".txt", ".html", ".htm", ".md", ".pdf", ".csv", ".json", ".png", ".jpg"}
)  # fmt: skip
_HEADER_BYTES = 100
_INDEX_RECORD_BYTES = 8
_RECORD_HEADER_BYTES = 8
_NULL_SHAPE = 0
# Where the number of points (int32) stands in the content of a record, by family of shape type.
_POINT_COUNT_OFFSET = {3: 40, 5: 40, 8: 36, 13: 40, 15: 40, 18: 36, 23: 40, 25: 40, 28: 36}


def admit(path: Path, *, name: str, layer: str | None) -> SourceLayer:  # noqa: ARG001 (one shape for all)
    """The wanted Shapefile of an archive, or the only one, unpacked beside it as `in.shp` and so on.

    Raises:
        PermanentTaskError: ARCHIVE_UNSAFE, CONTENT_MISMATCH, UNSUPPORTED_FORMAT, GEOMETRY_UNREADABLE,
            LAYER_NOT_FOUND or AMBIGUOUS_LAYER.
    """
    with archive.opened(path) as opened:
        members = _members(archive.files(opened))
        layers = [stem for stem, parts in members.items() if ".shp" in parts]
        if not layers:
            raise _unsupported()
        chosen = choose_layer(layers, layer)
        _check_complete(members[chosen], chosen)
        for suffix, entry in members[chosen].items():
            archive.extract(opened, entry, path.with_name(f"in{suffix}"))
    shp = path.with_name("in.shp")
    return SourceLayer(
        format=VectorFormat.SHAPEFILE, path=shp, name=chosen, census=_census(shp), warnings=_warnings(shp)
    )


def _members(entries: list[zipfile.ZipInfo]) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """The parts of each Shapefile by its stem (with its folder) and by extension."""
    members: dict[str, dict[str, zipfile.ZipInfo]] = defaultdict(dict)
    for entry in entries:
        path = PurePosixPath(entry.filename)
        suffix = path.suffix.lower()
        if suffix in EXTRACTED:
            members[str(path.with_suffix(""))][suffix] = entry
        elif suffix and suffix not in IGNORED:
            raise archive.unsafe(f"The archive holds a {suffix[:20]} file.", entry=entry.filename[:255])
    return dict(members)


def _check_complete(parts: dict[str, zipfile.ZipInfo], name: str) -> None:
    missing = [suffix for suffix in REQUIRED if suffix not in parts]
    if missing:
        raise PermanentTaskError(
            f"The Shapefile {name!r} lacks {', '.join(missing)}.",
            code="CONTENT_MISMATCH",
            remedy="Zip all files of the Shapefile: .shp, .shx, .dbf, .prj and, if there is one, .cpg.",
            context={"missing": missing},
        )


def _unsupported() -> PermanentTaskError:
    return PermanentTaskError(
        "The archive holds no Shapefile.",
        code="UNSUPPORTED_FORMAT",
        remedy="Zip a Shapefile; submit GeoPackage and GeoJSON as they are.",
    )


def _census(shp: Path) -> Census:
    """Counts from the index and the record headers.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE: lengths or offsets contradict each other.
    """
    content = _as_bytes(shp)
    offsets, lengths = _index(shp.with_suffix(".shx"))
    feature_count = _dbf_record_count(shp.with_suffix(".dbf"))
    if _declared_bytes(content) > content.size or feature_count != offsets.size:
        raise _damaged("The parts of the Shapefile do not belong together or are cut off.")
    if offsets.size and int((offsets + _RECORD_HEADER_BYTES + lengths).max()) > content.size:
        raise _damaged("The index of the Shapefile points beyond its end.")
    if offsets.size and (int(offsets.min()) < _HEADER_BYTES or int(lengths.min()) < 4):
        raise _damaged("The index of the Shapefile is not valid.")
    types = _int32_at(content, offsets + _RECORD_HEADER_BYTES)
    return Census(
        feature_count=feature_count,
        null_geometry_limit=int(np.count_nonzero(types == _NULL_SHAPE)),
        empty_geometry_limit=_pointless(content, offsets, types),
    )


def _as_bytes(path: Path) -> np.ndarray:
    if path.stat().st_size < _HEADER_BYTES:
        raise _damaged(f"The {path.suffix} of the Shapefile is cut off.")
    return np.memmap(path, dtype=np.uint8, mode="r")


def _declared_bytes(content: np.ndarray) -> int:
    """The length that a .shp or .shx gives for itself: at byte 24, in 16-bit words, big-endian."""
    return 2 * int.from_bytes(content[24:28].tobytes(), "big")


def _index(shx: Path) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and content lengths of the records, in bytes."""
    content = _as_bytes(shx)
    end = _declared_bytes(content)  # some writers leave more behind it
    if not _HEADER_BYTES <= end <= content.size or (end - _HEADER_BYTES) % _INDEX_RECORD_BYTES:
        raise _damaged("The .shx of the Shapefile is cut off.")
    words = content[_HEADER_BYTES:end].view(">i4").reshape(-1, 2).astype(np.int64) * 2
    return words[:, 0], words[:, 1]


def _dbf_record_count(dbf: Path) -> int:
    """The number of records that a .dbf declares, if it is long enough to hold them."""
    with dbf.open("rb") as file:
        header = file.read(32)
    if len(header) < 32:
        raise _damaged("The .dbf of the Shapefile is cut off.")
    records, header_bytes, record_bytes = (
        int.from_bytes(header[start:end], "little") for start, end in ((4, 8), (8, 10), (10, 12))
    )
    if dbf.stat().st_size < header_bytes + records * record_bytes:
        raise _damaged("The .dbf of the Shapefile is cut off.")
    return records


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


def _warnings(shp: Path) -> tuple[str, ...]:
    if shp.with_suffix(".cpg").exists() or _is_ascii(shp.with_suffix(".dbf")):
        return ()
    return ("The Shapefile has no .cpg: its texts were read in the encoding of the .dbf header.",)


def _is_ascii(dbf: Path) -> bool:
    """Whether the header and the records of a .dbf hold ASCII only (byte 29 is the language driver)."""
    content = np.memmap(dbf, dtype=np.uint8, mode="r")
    return not bool((content[32:] > 127).any())


def _damaged(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="GEOMETRY_UNREADABLE",
        remedy="Upload the Shapefile again whole.",
    )
