"""The task `export_vector_file`: tables of features as one file."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from core.schema.queue import QueueRole
from core.task_models.vector_export import ExportedFile, ExportFileParameters, ExportFormat
from services.context import TaskContext
from services.registry import register_task
from services.turns import processors, turn
from services.vector.export.csv import write_csv
from services.vector.export.flatgeobuf import write_flatgeobuf
from services.vector.export.geojson import write_geojson
from services.vector.export.geopackage import write_geopackage
from services.vector.export.geoparquet import write_geoparquet
from services.vector.export.notes import Notes
from services.vector.export.places import MEDIA_TYPES, ZIP_TYPE, file_names, zipped
from services.vector.export.pmtiles import write_pmtiles
from services.vector.export.shapefile import write_shapefile
from services.vector.export.source import Progress, TableSource
from services.vector.layer_names import layer_names

_MEMORY_LIMIT_BYTES = 4 * 1024**3  # address space; rows come in batches, tiles one by one
_OF_ONE_TABLE: Mapping[ExportFormat, Callable[[TableSource, Path], None]] = {
    ExportFormat.FLATGEOBUF: write_flatgeobuf,
    ExportFormat.GEOPARQUET: write_geoparquet,
    ExportFormat.GEOJSON: write_geojson,
    ExportFormat.CSV: write_csv,
}


@register_task(
    "export_vector_file",
    queue=QueueRole.VECTOR_TASKS,
    isolated=True,
    memory_limit_bytes=_MEMORY_LIMIT_BYTES,
    time_limit=timedelta(hours=3),
)
def export_file(parameters: ExportFileParameters, context: TaskContext) -> ExportedFile:
    """Write the tables in one format, and store the file under a name of this attempt's.

    Raises:
        PermanentTaskError: EXPORT_FAILED, FORMAT_LIMIT, UNPLACEABLE, or GONE: the tables were dropped.
        TransientError: DB_UNAVAILABLE, STORAGE_TIMEOUT.
    """
    sources = _sources(parameters, context)
    with turn(context, "vector-writing", places=2 * processors()):
        path, media_type = _written(parameters, sources, context.workspace)
    uri = f"{parameters.target_prefix.rstrip('/')}/exports/{context.attempt_name}/{path.name}"
    context.checkpoint(0.95)
    context.artefacts.stage_blob(uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt)
    uploaded = context.storage.upload_new(path, uri, content_type=media_type)
    return ExportedFile(
        format=parameters.format,
        blob_uri=uploaded.uri,
        size_bytes=uploaded.size_bytes,
        sha256=_sha256(path),
        media_type=media_type,
        feature_count=sum(source.row_count for source in sources),
        notes=sources[0].notes.all(),
    )


def _sources(parameters: ExportFileParameters, context: TaskContext) -> list[TableSource]:
    expected = sum(table.feature_count for table in parameters.tables)
    progress, notes = Progress(context, expected), Notes()
    names = _names([table.name for table in parameters.tables], parameters.format, notes)
    reader = context.vectors.reader
    return [
        TableSource(table, name, reader, progress, notes)
        for table, name in zip(parameters.tables, names, strict=True)
    ]


def _names(wanted: list[str], kind: ExportFormat, notes: Notes) -> list[str]:
    """Names of files, or of layers within the one file."""
    if kind is ExportFormat.PMTILES:
        return wanted  # whatever they are
    if kind is not ExportFormat.GEOPACKAGE:
        return file_names(wanted)
    names = list(layer_names(wanted))
    if changed := [f"'{old}' is '{new}'" for old, new in zip(wanted, names, strict=True) if old != new]:
        notes.say("LAYER_RENAMED", f"A GeoPackage cannot have layers of these names: {', '.join(changed)}.")
    return names


def _written(
    parameters: ExportFileParameters, sources: list[TableSource], workspace: Path
) -> tuple[Path, str]:
    """The file, and what it is."""
    [stem] = file_names([parameters.name])
    ending, media_type = parameters.format.value, MEDIA_TYPES[parameters.format]
    target = workspace / f"{stem}.{ending}"
    if parameters.format is ExportFormat.GEOPACKAGE:
        write_geopackage(sources, target)
    elif parameters.format is ExportFormat.PMTILES:
        write_pmtiles(sources, target, name=parameters.name)
    elif parameters.format is ExportFormat.SHAPEFILE:
        return _archive(parameters, sources, workspace / f"{stem}_shp.zip"), ZIP_TYPE
    elif len(sources) == 1:
        _OF_ONE_TABLE[parameters.format](sources[0], target)
    else:
        return _archive(parameters, sources, workspace / f"{stem}_{ending}.zip"), ZIP_TYPE
    return target, media_type


def _archive(parameters: ExportFileParameters, sources: list[TableSource], target: Path) -> Path:
    directory = target.parent / "files"
    directory.mkdir()
    for source in sources:
        if parameters.format is ExportFormat.SHAPEFILE:
            write_shapefile(source, directory)
        else:
            path = directory / f"{source.name}.{parameters.format.value}"
            _OF_ONE_TABLE[parameters.format](source, path)
    zipped(directory, target)
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
