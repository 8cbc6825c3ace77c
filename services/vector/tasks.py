"""The task handlers of `ingest_vector`."""

from contextlib import ExitStack, closing
from pathlib import Path

from core.crashpoints import crashpoint
from core.errors import PermanentTaskError
from core.ports import BlobInfo, TableSpec, TableSummary
from core.schema.queue import QueueRole
from core.task_models.vector import (
    IngestVectorParameters,
    IngestVectorResult,
    UploadVectorParameters,
    VectorPlan,
    VectorSource,
)
from services.context import TaskContext
from services.registry import register_task
from services.vector.admission import MAX_SOURCE_BYTES, admit, private_path
from services.vector.bounds import is_on_globe, normalised
from services.vector.inspect import Inspection, inspect_layer
from services.vector.load import table_batches
from services.vector.source import SourceLayer

_DOWNLOADED, _LOADED = 0.1, 0.9  # progress
_MEMORY_LIMIT_BYTES = 4 * 1024**3  # address space: a layer is read in batches, but a geometry in one piece


@register_task(
    "process_vector_prepare",
    queue=QueueRole.VECTOR_TASKS,
    isolated=True,
    memory_limit_bytes=_MEMORY_LIMIT_BYTES,
)
def prepare(parameters: IngestVectorParameters, context: TaskContext) -> VectorPlan:
    """Fetch the source, admit it, read it through, and say how it will be loaded.

    Raises:
        NotFound, PermanentTaskError: what is wrong with the source, with a remedy.
    """
    path, blob = _fetch(parameters.source_uri, parameters.source_etag, context)
    layer = admit(path, uri=parameters.source_uri, layer=parameters.layer)
    context.checkpoint(_DOWNLOADED)
    inspection = inspect_layer(
        layer,
        target_crs=parameters.target_crs,
        progress=lambda done: context.checkpoint(None if done is None else _between(_DOWNLOADED, done, 1.0)),
    )
    return _plan(parameters, blob=blob, layer=layer, inspection=inspection)


@register_task(
    "process_vector_upload",
    queue=QueueRole.VECTOR_TASKS,
    isolated=True,
    memory_limit_bytes=_MEMORY_LIMIT_BYTES,
)
def upload(parameters: UploadVectorParameters, context: TaskContext) -> IngestVectorResult:
    """Load the planned layer into `staging.<attempt name>` and prove that nothing is missing.

    A table that is not whole is dropped again, whatever the reason.

    Raises:
        PermanentTaskError: SOURCE_CHANGED since the plan was made, or the source cannot be read.
    """
    plan = parameters.plan
    path, _ = _fetch(plan.source.uri, plan.source.etag, context)
    layer = admit(path, uri=plan.source.uri, layer=plan.source.layer)
    context.checkpoint(_DOWNLOADED)
    spec = _table_spec(plan, name=context.attempt_name)
    context.artefacts.stage_table(
        spec.name, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt
    )
    crashpoint("table_announced_before_made")
    with ExitStack() as undo:
        undo.callback(context.vectors.drop_staging_table, spec.name)
        result = _load(layer, plan, spec=spec, context=context)
        undo.pop_all()
    crashpoint("table_made_before_recorded")
    return result


def _fetch(uri: str, etag: str | None, context: TaskContext) -> tuple[Path, BlobInfo]:
    """Download the source into a directory of its own, as the blob with this ETag."""
    blob = context.storage.info(uri)
    if blob.size_bytes > MAX_SOURCE_BYTES:
        raise PermanentTaskError(
            f"The source has {blob.size_bytes} bytes.",
            code="SOURCE_TOO_LARGE",
            remedy=f"Submit at most {MAX_SOURCE_BYTES} bytes; split the file.",
            context={"size_bytes": blob.size_bytes, "limit_bytes": MAX_SOURCE_BYTES},
        )
    directory = context.workspace / "source"
    directory.mkdir()
    path = private_path(uri, directory)
    return path, context.storage.download(uri, path, etag=etag or blob.etag)


def _plan(
    parameters: IngestVectorParameters, *, blob: BlobInfo, layer: SourceLayer, inspection: Inspection
) -> VectorPlan:
    return VectorPlan(
        source=VectorSource(
            uri=blob.uri,
            size_bytes=blob.size_bytes,
            etag=blob.etag,
            driver=layer.driver,
            layer=layer.name,
        ),
        format=layer.format,
        source_crs=inspection.way.source_crs,
        target_crs=parameters.target_crs,
        geometry_type=inspection.shape.sql_type,
        feature_count=inspection.feature_count,
        null_geometry_count=inspection.null_geometry_count,
        columns=inspection.columns,
        datetime_as_text=inspection.datetime_as_text,
        warnings=inspection.warnings,
    )


def _table_spec(plan: VectorPlan, *, name: str) -> TableSpec:
    return TableSpec(
        name=name,
        geometry_type=plan.geometry_type,
        srid=int(plan.target_crs.removeprefix("EPSG:")),
        columns=tuple(column.as_column() for column in plan.columns),
    )


def _load(
    layer: SourceLayer, plan: VectorPlan, *, spec: TableSpec, context: TaskContext
) -> IngestVectorResult:
    context.vectors.create_staging_table(spec)
    batches = table_batches(
        layer, plan, progress=lambda done: context.checkpoint(_between(_DOWNLOADED, done, _LOADED))
    )
    with closing(batches):  # the file is closed here, in this thread, whatever stopped the copy
        copied = context.vectors.copy_into(spec, batches)
    crashpoint("table_filled_before_finished")
    summary = context.vectors.finish_staging_table(spec)
    context.checkpoint(1.0)
    return IngestVectorResult(
        table=spec.name,
        srid=spec.srid,
        source_crs=plan.source_crs,
        geometry_type=spec.geometry_type,
        feature_count=summary.row_count,
        null_geometry_count=summary.null_geometry_count,
        bbox=_verified_bbox(plan, copied=copied, summary=summary),
        columns=plan.columns,
        source=plan.source,
        warnings=plan.warnings,
    )


def _verified_bbox(
    plan: VectorPlan, *, copied: int, summary: TableSummary
) -> tuple[float, float, float, float]:
    """The bounds of a table that holds what the source held.

    Raises:
        PermanentTaskError: GEOMETRY_UNREADABLE: it does not.
    """
    found = (copied, summary.row_count, summary.null_geometry_count)
    expected = (plan.feature_count, plan.feature_count, plan.null_geometry_count)
    if found != expected or summary.bbox is None or not is_on_globe(summary.bbox):
        raise PermanentTaskError(
            "The loaded table does not hold what the source holds.",
            code="GEOMETRY_UNREADABLE",
            remedy="Submit the file again; if it persists, tell support.",
            context={
                "copied": copied,
                "expected_features": plan.feature_count,
                "features": summary.row_count,
                "expected_without_geometry": plan.null_geometry_count,
                "without_geometry": summary.null_geometry_count,
                "bbox": summary.bbox,
            },
        )
    return normalised(summary.bbox)


def _between(start: float, fraction: float, end: float) -> float:
    return start + min(fraction, 1.0) * (end - start)
