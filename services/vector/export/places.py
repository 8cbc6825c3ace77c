"""Where exported files lie and what they are called."""

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from core.task_models.vector_export import ExportFormat

MEDIA_TYPES = {
    ExportFormat.GEOPACKAGE: "application/geopackage+sqlite3",
    ExportFormat.FLATGEOBUF: "application/vnd.flatgeobuf",
    ExportFormat.GEOPARQUET: "application/vnd.apache.parquet",
    ExportFormat.GEOJSON: "application/geo+json",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.SHAPEFILE: "application/zip",
    ExportFormat.PMTILES: "application/vnd.pmtiles",
}
ZIP_TYPE = "application/zip"
_UNSAFE = re.compile(r"[^\w.-]+")
_MOST_CHARACTERS = 60
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the same files give the same archive
_CHUNK_BYTES = 2**20


def file_names(names: Iterable[str]) -> list[str]:
    """Names of files, without an ending, for the names of layers: no two are equal, whatever the case."""
    found: list[str] = []
    for name in names:
        plain = _UNSAFE.sub("_", name).strip("._")[:_MOST_CHARACTERS] or "layer"
        taken = {each.casefold() for each in found}
        numbered = (plain if number == 1 else f"{plain}_{number}" for number in range(1, len(found) + 2))
        found.append(next(each for each in numbered if each.casefold() not in taken))
    return found


def zipped(directory: Path, target: Path) -> None:
    """All files of a directory as one archive."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(directory.iterdir()):
            entry = zipfile.ZipInfo(path.name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with path.open("rb") as file, archive.open(entry, "w", force_zip64=True) as inside:
                while chunk := file.read(_CHUNK_BYTES):
                    inside.write(chunk)
