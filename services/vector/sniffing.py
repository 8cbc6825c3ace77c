"""What the first bytes of a file show."""

import re
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat
from services.vector.json_scan import JsonScan

_UTF8_BOM = b"\xef\xbb\xbf"
_SNIFFED_BYTES = 2**16
_ZIP = b"PK\x03\x04"
_RECORD_SEPARATOR = b"\x1e"  # RFC 8142
_BINARY = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"SQLite format 3\0",
    b"PAR1",
    b"fgb",
    b"II*\0",
    b"MM\0*",
    b"\x1f\x8b",
)
_TOPOLOGY = re.compile(rb'"type"\s*:\s*"Topology"')


def check_zip(path: Path) -> None:
    """Refuse what is no zip archive.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH.
    """
    if not _head(path).startswith(_ZIP):
        raise _mismatch("a zip archive")


def confirmed(path: Path, declared: VectorFormat, *, extension: str) -> VectorFormat:
    """The declared format, if the first bytes agree; of a `.json`, the one of two that it is.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH.
    """
    head = _head(path)
    if extension == ".json" and _is_topology(path, head):
        return VectorFormat.TOPOJSON
    if not _agrees(head, declared, extension):
        raise _mismatch(declared.value)
    return declared


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SNIFFED_BYTES)


def _agrees(head: bytes, declared: VectorFormat, extension: str) -> bool:
    text = head.removeprefix(_UTF8_BOM).lstrip(b" \t\r\n")
    match declared:
        case VectorFormat.GEOPACKAGE:
            # 68..71: the application id in the header of an SQLite file (GeoPackage 1.3, requirement 2)
            return head.startswith(b"SQLite format 3\0") and head[68:72] in (b"GPKG", b"GP10", b"GP11")
        case VectorFormat.GEOJSON | VectorFormat.TOPOJSON:
            return text.startswith(b"{")
        case VectorFormat.GEOJSONSEQ:
            return text.startswith((b"{", _RECORD_SEPARATOR))
        case VectorFormat.FLATGEOBUF:
            return head[:3] == b"fgb" and head[4:7] == b"fgb"
        case VectorFormat.GEOPARQUET:
            return head.startswith(b"PAR1")
        case VectorFormat.KML if extension == ".kmz":
            return head.startswith(_ZIP)
        case VectorFormat.KML | VectorFormat.GML:
            return text.startswith(b"<") or head.startswith((b"\xff\xfe", b"\xfe\xff"))
        case _:  # texts without a signature: their own checks say more
            return bool(text) and not head.startswith(_BINARY) and not text.startswith((b"<", b"{", b"["))


def _is_topology(path: Path, head: bytes) -> bool:
    """Whether the type of the document, which may stand at its end, is `Topology`."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _SNIFFED_BYTES))
        tail = file.read()
    if not _TOPOLOGY.search(head) and not _TOPOLOGY.search(tail):
        return False
    return any(
        _TOPOLOGY.match(block.content, int(place))
        for block in JsonScan(path).blocks()
        for place in block.places(b'"', depth=1)
    )


def _mismatch(promised: str) -> PermanentTaskError:
    return PermanentTaskError(
        f"The content is not {promised}, which the name promises.",
        code="CONTENT_MISMATCH",
        remedy="Give the file the extension of its true format, or convert it.",
        context={"declared": promised},
    )
