"""The task `process_vector_prepare`: a file is read once, and becomes chunks, empty tables, and a plan.

Nothing is judged here that the cleaning can judge: rows pass as they are. What is decided holds for a whole
table: its columns, its type, how its coordinates are transformed, which rows are copies of others.
"""

from collections.abc import Callable, Sequence

from core.crashpoints import crashpoint
from core.errors import PermanentTaskError
from core.ports import BlobInfo
from core.schema.queue import QueueRole
from core.task_models.finding import Finding
from core.task_models.vector import (
    IngestVectorParameters,
    PlannedTable,
    PreparedVector,
    TablePlan,
    VectorPlan,
    VectorSource,
)
from services.context import TaskContext
from services.registry import register_task
from services.turns import turn
from services.vector.admission import admit
from services.vector.chunks import ChunkSender
from services.vector.documents import spec_of, write_plan
from services.vector.drafts import Drafts
from services.vector.findings import warning
from services.vector.layer_rows import LayerRows
from services.vector.planning import LayerPlanner
from services.vector.reading import open_layer
from services.vector.source import SourceLayer
from services.vector.source_file import fetch

_MEMORY_LIMIT_BYTES = 4 * 1024**3  # of address space; what is in use is bounded by a chunk
_ADMITTED, _READ = 0.1, 0.95  # progress


@register_task(
    "process_vector_prepare",
    queue=QueueRole.VECTOR_TASKS,
    isolated=True,
    memory_limit_bytes=_MEMORY_LIMIT_BYTES,
    aliases=("handler_vector_prepare",),
)
def prepare(parameters: IngestVectorParameters, context: TaskContext) -> PreparedVector:
    """Fetch the source, admit it, read it through, and leave what the loading needs.

    Raises:
        NotFound, PermanentTaskError: what is wrong with the source, with a remedy.
        TransientError: STORAGE_TIMEOUT, DB_UNAVAILABLE.
    """
    path, blob = fetch(parameters, context)
    with (
        turn(context, "vector-reading"),
        ChunkSender(context, parameters.target_prefix) as sender,
    ):
        layers = admit(path, uri=parameters.source_uri, reading=parameters.reading)
        context.checkpoint(_ADMITTED)
        tables, findings = _read(layers, parameters, context=context, sender=sender)
    plan = VectorPlan(
        source=_source(blob, layers[0]), parameters=parameters, tables=tables, findings=findings
    )
    _create_tables(plan, context)
    return PreparedVector(
        plan_uri=write_plan(context, plan), tables=tuple(_planned(table) for table in plan.tables)
    )


def _read(
    layers: Sequence[SourceLayer],
    parameters: IngestVectorParameters,
    *,
    context: TaskContext,
    sender: ChunkSender,
) -> tuple[tuple[TablePlan, ...], tuple[Finding, ...]]:
    progress = _Progress(layers, context.checkpoint)
    planner = LayerPlanner(parameters, context)
    empty = []
    for layer in layers:
        if not _read_layer(layer, parameters, planner=planner, sender=sender, progress=progress):
            empty.append(layer.name)
    if not planner.tables:
        raise PermanentTaskError(
            "The source has no features.", code="NO_FEATURES", remedy="Submit a file with features."
        )
    planner.check_places()
    return tuple(planner.tables), tuple(_without_features(name) for name in empty)


def _read_layer(
    layer: SourceLayer,
    parameters: IngestVectorParameters,
    *,
    planner: LayerPlanner,
    sender: ChunkSender,
    progress: "_Progress",
) -> bool:
    """Whether it has features."""
    with open_layer(layer, reading=parameters.reading) as stream:
        planner.check_crs(stream.crs)
        rows = LayerRows.of(layer.name, stream, parameters.reading)
        drafts = Drafts(sender, rows.schema, parameters.cleaning)
        for batch in rows.batches():
            drafts.add(batch)
            progress.add(batch.num_rows)
        return planner.plan(layer, rows=rows, drafts=drafts.ended())


class _Progress:
    """How far the reading is, where the census has counted the features of every layer."""

    def __init__(self, layers: Sequence[SourceLayer], checkpoint: Callable[[float | None], None]) -> None:
        counts = [layer.census.feature_count for layer in layers]
        self._expected = None if None in counts else sum(count or 0 for count in counts)
        self._checkpoint = checkpoint
        self._done = 0

    def add(self, rows: int) -> None:
        self._done += rows
        if not self._expected:
            self._checkpoint(None)
            return
        self._checkpoint(_ADMITTED + (_READ - _ADMITTED) * min(self._done / self._expected, 1.0))


def _create_tables(plan: VectorPlan, context: TaskContext) -> None:
    for table in plan.tables:
        context.artefacts.stage_table(
            table.table, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt
        )
        crashpoint("table_announced_before_made")
        context.vectors.create_staging_table(spec_of(table))
        crashpoint("table_made_before_recorded")
    context.checkpoint(1.0)


def _source(blob: BlobInfo, layer: SourceLayer) -> VectorSource:
    return VectorSource(
        uri=blob.uri, size_bytes=blob.size_bytes, etag=blob.etag, format=layer.format, driver=layer.driver
    )


def _planned(table: TablePlan) -> PlannedTable:
    return PlannedTable(
        table=table.table,
        layer=table.layer,
        chunk_count=len(table.chunks),
        feature_count=table.feature_count,
    )


def _without_features(name: str) -> Finding:
    return warning(
        "LAYER_EMPTY",
        f"The layer {name!r} has no features; it was left out.",
        remedy="Nothing, if that is meant.",
        layer=name,
    )
