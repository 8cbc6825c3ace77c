"""The first door: what the bytes are, before GDAL sees them.

The name of the blob declares a format, the first bytes must agree, and every format has a check of its
own that reads the file without GDAL. Names of clients never reach GDAL: what is opened lies in a private
directory under a name of ours (`/vsicurl/...`, `PG:...` and XML are all valid "file names" to it).
"""

from collections.abc import Callable
from pathlib import Path

from core.task_models.vector import VectorFormat, VectorReading
from services.vector import (
    csv_text,
    dxf,
    filegdb,
    flatgeobuf,
    geojson,
    geojsonseq,
    geopackage,
    geoparquet,
    gml,
    kml,
    shapefile,
    topojson,
)
from services.vector.archived import Kind, unpacked
from services.vector.declared import ZIPPED, declared_format, extension_of, name_of
from services.vector.sniffing import check_zip, confirmed
from services.vector.source import SourceLayer

__all__ = ["MAX_SOURCE_BYTES", "admit", "declared_format", "private_path"]

MAX_SOURCE_BYTES = 8 * 2**30

_ADMIT: dict[VectorFormat, Callable[..., tuple[SourceLayer, ...]]] = {
    VectorFormat.CSV: csv_text.admit,
    VectorFormat.DXF: dxf.admit,
    VectorFormat.FLATGEOBUF: flatgeobuf.admit,
    VectorFormat.GEOJSON: geojson.admit,
    VectorFormat.GEOJSONSEQ: geojsonseq.admit,
    VectorFormat.GEOPACKAGE: geopackage.admit,
    VectorFormat.GEOPARQUET: geoparquet.admit,
    VectorFormat.GML: gml.admit,
    VectorFormat.KML: kml.admit,
    VectorFormat.TOPOJSON: topojson.admit,
}


def private_path(uri: str, directory: Path, *, extra_formats: bool = False) -> Path:
    """Where a source is downloaded to: a name of ours in `directory`, which must be empty.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT.
    """
    declared_format(uri, extra_formats=extra_formats)
    return directory / f"in{extension_of(uri)}"


def admit(path: Path, *, uri: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The wanted layers of a downloaded file with geometries, in its order. `uri` gives its name.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH, UNSUPPORTED_FORMAT, ARCHIVE_UNSAFE, ENCODING_ERROR,
            LAYER_NOT_FOUND, LAYER_LIMIT, CRS_UNKNOWN, GEOMETRY_UNREADABLE, and what a format adds.
    """
    declared = declared_format(uri, extra_formats=reading.extra_formats)
    extension = extension_of(uri)
    if extension in ZIPPED:
        check_zip(path)
        return _admit_archive(path, name=name_of(uri), reading=reading)
    found = confirmed(path, declared, extension=extension)
    return _ADMIT[found](path, name=name_of(uri), reading=reading)


def _admit_archive(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    contents = unpacked(path, reading=reading)
    if contents.kind is Kind.SHAPEFILES:
        return shapefile.admit(contents.members, reading=reading)
    if contents.kind is Kind.FILE_GEODATABASE:
        return filegdb.admit(contents.path, name=name, reading=reading)
    return admit(contents.path, uri=contents.name, reading=reading)
