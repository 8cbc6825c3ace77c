"""The task `process_vector_finish`: the loaded tables are proved to be whole, indexed, and described."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.crashpoints import crashpoint
from core.errors import ContractViolation
from core.schema.queue import QueueRole
from core.task_models.finding import Finding, Severity
from core.task_models.vector import (
    BoundingBox,
    ChunkResult,
    CleaningOptions,
    FinishVectorParameters,
    TableOptions,
    TablePlan,
    VectorPlan,
)
from core.task_models.vector_tables import IngestVectorResult, VectorTable
from core.vector_ports import Column, SentRows, TableFinish
from services.context import TaskContext
from services.registry import register_task
from services.vector import digest
from services.vector.bounds import together
from services.vector.documents import read_plan, spec_of
from services.vector.findings import warning
from services.vector.footprint import degrees_bbox, footprint
from services.vector.grid import extent_of
from services.vector.outcomes import Outcome, added_up, summed_steps
from services.vector.overview import world_in
from services.vector.profiles import profiles
from services.vector.rejected import Rejected, kept, refuse_too_many

_MEMORY_LIMIT_BYTES = 4 * 1024**3  # of address space
# Above any, drawing a whole map from the true geometries takes seconds.
_HUGE_VERTEX_COUNT, _HUGE_MEAN_VERTEX_COUNT, _MANY_FEATURES = 2_000, 200, 200_000


@register_task(
    "process_vector_finish",
    queue=QueueRole.VECTOR_TASKS,
    isolated=True,
    memory_limit_bytes=_MEMORY_LIMIT_BYTES,
)
def finish(parameters: FinishVectorParameters, context: TaskContext) -> IngestVectorResult:
    """Check that nothing is missing, and make the tables ready to be published.

    Raises:
        PermanentTaskError: FEATURES_REJECTED: more than the submission allows; DUPLICATE_ID.
        ContractViolation: LOAD_MISMATCH: a table does not hold what was read.
        TransientError: STORAGE_TIMEOUT, DB_UNAVAILABLE.
    """
    plan = read_plan(context.storage, parameters.plan_uri)
    loaded = [_loaded(table, context) for table in plan.tables]
    refuse_too_many(plan, [each.rejected for each in loaded], context)
    tables = []
    for number, each in enumerate(loaded):
        tables.append(_finished(each, plan, context))
        context.checkpoint((number + 1) / (len(loaded) + 1))
    rejects_uri = kept([each.rejected for each in loaded], plan, context)
    context.checkpoint(1.0)
    return _result(plan, tables, rejects_uri)


@dataclass(frozen=True, slots=True)
class _LoadedTable:
    """A table whose chunks are all in it."""

    plan: TablePlan
    outcome: Outcome
    stored: SentRows
    rejected: Rejected


def _loaded(plan: TablePlan, context: TaskContext) -> _LoadedTable:
    """What the ledger of a table says.

    Raises:
        ContractViolation: LOAD_MISMATCH: it is not complete, or it does not add up to what was read.
    """
    results = [ChunkResult.model_validate(each) for each in context.vectors.chunk_results(plan.table)]
    if [each.chunk_index for each in results] != list(range(len(plan.chunks))):
        raise _mismatch("chunks are missing", plan)
    outcome = added_up([Outcome.stored_as(each) for each in results])
    found = digest.total(outcome.loaded_digest, outcome.rejected_digest)
    if outcome.loaded + outcome.rejected != plan.feature_count or found != plan.digest:
        raise _mismatch("loaded and rejected features are not those of the source", plan)
    stored = digest.total(*(digest.value_of(each.stored_digest) for each in results))
    uris = tuple(each.rejects_uri for each in results if each.rejects_uri is not None)
    return _LoadedTable(
        plan=plan,
        outcome=outcome,
        stored=SentRows(outcome.loaded, digest.value_of(stored)),
        rejected=Rejected(plan=plan, count=outcome.rejected, reasons=outcome.reasons, uris=uris),
    )


def _finished(loaded: _LoadedTable, plan: VectorPlan, context: TaskContext) -> VectorTable:
    table, outcome, spec = loaded.plan, loaded.outcome, spec_of(loaded.plan)
    crashpoint("table_filled_before_finished")
    options, findings = _table_options(table, plan.parameters.tables, spec.columns)
    found = context.vectors.finish_staging_table(spec, options, digests=digest.range_digests)
    if found != loaded.stored:
        raise _mismatch("the stored rows are not those that were sent", table)
    place = _Place.of(loaded, plan.parameters.cleaning)
    overview, overview_zoom = _overview(loaded, place.bbox, context)
    return VectorTable(
        table=table.table,
        layer=table.layer,
        family=table.family,
        srid=spec.srid,
        source_crs=table.source_crs,
        operation=table.operation,
        accuracy=table.accuracy,
        geometry_type=table.geometry_type,
        read_count=table.feature_count,
        feature_count=outcome.loaded,
        rejected_count=outcome.rejected,
        null_geometry_count=outcome.null_geometry_count,
        bbox=place.bbox,
        footprint=place.footprint,
        columns=table.columns,
        ids=table.ids,
        digest=digest.total(found.digest),
        vertex_count=outcome.vertex_count,
        largest_vertex_count=outcome.largest_vertex_count,
        size_bytes=outcome.size_bytes,
        generalised=_generalised(loaded, context),
        overview=overview,
        overview_zoom=overview_zoom,
        steps=summed_steps((*table.measured, *outcome.steps)),
        reasons=outcome.reasons,
        repairs=outcome.repairs,
        area_change=outcome.area_change,
        profiles=profiles(table.columns, context.vectors.statistics(spec), row_count=outcome.loaded),
        findings=(*table.findings, *findings),
    )


def _table_options(
    table: TablePlan, wanted: TableOptions, columns: Sequence[Column]
) -> tuple[TableFinish, tuple[Finding, ...]]:
    """The columns to index, by either of their names. A layer that lacks one goes without, and says so."""
    names = {column.source_name: column.name for column in columns} | {
        each.name: each.name for each in columns
    }
    missing = sorted({*wanted.index, *wanted.text_search} - {*names})
    finding = warning(
        "INDEX_COLUMN_MISSING",
        f"The layer {table.layer!r} has no column to index by the name of {', '.join(missing)}.",
        remedy="Check the names in index and text_search.",
        layer=table.layer,
        columns=missing,
    )
    options = TableFinish(
        index=tuple(dict.fromkeys(names[name] for name in wanted.index if name in names)),
        text_search=tuple(dict.fromkeys(names[name] for name in wanted.text_search if name in names)),
    )
    return options, (finding,) if missing else ()


def _generalised(loaded: _LoadedTable, context: TaskContext) -> str | None:
    """The companion of a table with huge geometries."""
    outcome = loaded.outcome
    mean = outcome.vertex_count / max(outcome.loaded, 1)
    if outcome.largest_vertex_count <= _HUGE_VERTEX_COUNT and mean <= _HUGE_MEAN_VERTEX_COUNT:
        return None
    name = _staged(f"{loaded.plan.table}_g", context)
    context.vectors.generalise(spec_of(loaded.plan), companion=name)
    return name


def _overview(
    loaded: _LoadedTable, bbox: BoundingBox | None, context: TaskContext
) -> tuple[str | None, int | None]:
    """The table of the features that are seen at low zooms, and the last of these zooms."""
    count = loaded.outcome.loaded
    if count <= _MANY_FEATURES:
        return None, None
    spec, name = spec_of(loaded.plan), _staged(f"{loaded.plan.table}_o", context)
    world = world_in(spec.srid, bbox)
    return name, context.vectors.add_overview(spec, overview=name, world=world, feature_count=count)


def _staged(table: str, context: TaskContext) -> str:
    """The name of a table in `staging`, noted so that an attempt that fails leaves nothing."""
    context.artefacts.stage_table(
        table, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt
    )
    return table


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a table is, in degrees."""

    bbox: BoundingBox | None = None
    footprint: dict[str, object] | None = None

    @classmethod
    def of(cls, loaded: _LoadedTable, cleaning: CleaningOptions) -> "_Place":
        bbox, srid = loaded.outcome.bbox, spec_of(loaded.plan).srid
        if bbox is None:
            return cls()
        cells, extent = loaded.outcome.cells, extent_of(loaded.plan, cleaning)
        return cls(
            bbox=degrees_bbox(cells, extent=extent, srid=srid, bbox=bbox),
            footprint=footprint(cells, extent=extent, srid=srid, bbox=bbox),
        )


def _result(plan: VectorPlan, tables: Sequence[VectorTable], rejects_uri: str | None) -> IngestVectorResult:
    findings = (*plan.findings, *(finding for table in tables for finding in table.findings))
    return IngestVectorResult(
        tables=tuple(tables),
        feature_count=sum(table.feature_count for table in tables),
        rejected_count=sum(table.rejected_count for table in tables),
        null_geometry_count=sum(table.null_geometry_count for table in tables),
        bbox=together(table.bbox for table in tables),
        source=plan.source,
        rejects_uri=rejects_uri,
        findings=plan.findings,
        warnings=tuple(each.message for each in findings if each.severity is Severity.WARNING),
    )


def _mismatch(what: str, table: TablePlan) -> ContractViolation:
    return ContractViolation(
        f"The table of the layer {table.layer!r} is not what was read: {what}.",
        code="LOAD_MISMATCH",
        context={"table": table.table},
    )
