"""What the name of a blob promises."""

from pathlib import PurePosixPath

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat

ZIPPED = frozenset({".zip", ".gdb.zip"})
EXTRA_FORMATS = frozenset({VectorFormat.GML, VectorFormat.DXF})
EXTENSIONS = {
    ".gpkg": VectorFormat.GEOPACKAGE,
    ".geojson": VectorFormat.GEOJSON,
    ".json": VectorFormat.GEOJSON,
    ".geojsonl": VectorFormat.GEOJSONSEQ,
    ".geojsons": VectorFormat.GEOJSONSEQ,
    ".ndjson": VectorFormat.GEOJSONSEQ,
    ".jsonl": VectorFormat.GEOJSONSEQ,
    ".topojson": VectorFormat.TOPOJSON,
    ".fgb": VectorFormat.FLATGEOBUF,
    ".parquet": VectorFormat.GEOPARQUET,
    ".geoparquet": VectorFormat.GEOPARQUET,
    ".kml": VectorFormat.KML,
    ".kmz": VectorFormat.KML,
    ".gml": VectorFormat.GML,
    ".csv": VectorFormat.CSV,
    ".tsv": VectorFormat.CSV,
    ".dxf": VectorFormat.DXF,
    ".zip": VectorFormat.SHAPEFILE,
    ".gdb.zip": VectorFormat.FILEGDB,
}


def extension_of(uri: str) -> str:
    """The extension of a name in small letters, `.gdb.zip` as one."""
    name = PurePosixPath(uri).name.lower()
    return ".gdb.zip" if name.endswith(".gdb.zip") else PurePosixPath(name).suffix


def name_of(uri: str) -> str:
    """The name without its folders and its extension."""
    name = PurePosixPath(uri).name
    return name[: len(name) - len(extension_of(uri))]


def declared_format(uri: str, *, extra_formats: bool = False) -> VectorFormat:
    """The format that the name of a blob promises; of a `.zip`, the one that it holds most often.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT.
    """
    extension = extension_of(uri)
    found = EXTENSIONS.get(extension)
    if found is None or (found in EXTRA_FORMATS and not extra_formats):
        raise _unsupported(extension, extra_formats=extra_formats)
    return found


def _unsupported(extension: str, *, extra_formats: bool) -> PermanentTaskError:
    supported = sorted(
        each for each, found in EXTENSIONS.items() if extra_formats or found not in EXTRA_FORMATS
    )
    return PermanentTaskError(
        f"Files named {extension or 'without an extension'} are not read as vector data.",
        code="UNSUPPORTED_FORMAT",
        remedy=f"Convert the file to one of {', '.join(supported)}.",
        context={"extension": extension, "supported": supported},
    )
