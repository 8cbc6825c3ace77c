"""The first door: what the bytes are, before GDAL sees them.

The name of the blob declares a format, the first bytes must agree, and every format has a check of its
own that reads the file without GDAL. Names of clients never reach GDAL: what is opened lies in a private
directory under a name of ours (`/vsicurl/...`, `PG:...` and XML are all valid "file names" to it).
"""

from pathlib import Path, PurePosixPath

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat
from services.vector import geojson, geopackage, shapefile
from services.vector.source import SourceLayer

MAX_SOURCE_BYTES = 8 * 2**30

_FORMATS = {
    ".gpkg": VectorFormat.GEOPACKAGE,
    ".geojson": VectorFormat.GEOJSON,
    ".json": VectorFormat.GEOJSON,
    ".zip": VectorFormat.SHAPEFILE,
}
_PRIVATE_NAMES = {
    VectorFormat.GEOPACKAGE: "in.gpkg",
    VectorFormat.GEOJSON: "in.geojson",
    VectorFormat.SHAPEFILE: "in.zip",
}
_ADMIT = {
    VectorFormat.GEOPACKAGE: geopackage.admit,
    VectorFormat.GEOJSON: geojson.admit,
    VectorFormat.SHAPEFILE: shapefile.admit,
}
_UTF8_BOM = b"\xef\xbb\xbf"
_SNIFFED_BYTES = 4096


def declared_format(uri: str) -> VectorFormat:
    """The format that the name of a blob promises.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT.
    """
    suffix = PurePosixPath(uri).suffix.lower()
    if suffix not in _FORMATS:
        raise PermanentTaskError(
            f"Files named {suffix or 'without an extension'} are not read as vector data.",
            code="UNSUPPORTED_FORMAT",
            remedy="Submit a GeoPackage (.gpkg), GeoJSON (.geojson, .json) or zipped Shapefile (.zip).",
            context={"extension": suffix, "supported": sorted(_FORMATS)},
        )
    return _FORMATS[suffix]


def sniffed_format(path: Path) -> VectorFormat | None:
    """The format that the first bytes of a file show, or None."""
    with path.open("rb") as file:
        head = file.read(_SNIFFED_BYTES)
    # 68..71: the application id in the header of an SQLite file (GeoPackage 1.3, requirement 2)
    if head.startswith(b"SQLite format 3\0") and head[68:72] in (b"GPKG", b"GP10", b"GP11"):
        return VectorFormat.GEOPACKAGE
    if head.startswith(b"PK\x03\x04"):
        return VectorFormat.SHAPEFILE
    if head.removeprefix(_UTF8_BOM).lstrip(b" \t\r\n").startswith(b"{"):
        return VectorFormat.GEOJSON
    return None


def private_path(uri: str, directory: Path) -> Path:
    """Where a source is downloaded to: a name of ours in `directory`, which must be empty.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT.
    """
    return directory / _PRIVATE_NAMES[declared_format(uri)]


def admit(path: Path, *, uri: str, layer: str | None) -> SourceLayer:
    """The layer to read of a downloaded file. `uri` gives its name, `layer` the client's choice.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH, UNSUPPORTED_FORMAT, ARCHIVE_UNSAFE, ENCODING_ERROR,
            LAYER_NOT_FOUND, AMBIGUOUS_LAYER, CRS_UNKNOWN or GEOMETRY_UNREADABLE.
    """
    declared = declared_format(uri)
    if sniffed_format(path) is not declared:
        raise PermanentTaskError(
            f"The content is not {declared.value}, which the name promises.",
            code="CONTENT_MISMATCH",
            remedy="Give the file the extension of its true format, or convert it.",
            context={"declared": declared.value},
        )
    return _ADMIT[declared](path, name=PurePosixPath(uri).stem, layer=layer)
