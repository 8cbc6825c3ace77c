"""Rejected features of a job: whether there are too many, and a file with all of them for their owner."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import PermanentTaskError
from core.task_models.vector import RejectReason, TablePlan, VectorPlan
from services.context import TaskContext
from services.vector.chunks import DETAIL, FID, REASON, ROW, read_chunk
from services.vector.documents import keep
from services.vector.rejects import write_rejects

_LISTED = 20
_GEOPACKAGE = "application/geopackage+sqlite3"


@dataclass(frozen=True, slots=True)
class Rejected:
    """The rejected rows of a table: `uris` are Arrow files (see `ChunkResult.rejects_uri`)."""

    plan: TablePlan
    count: int
    reasons: Mapping[RejectReason, int] = field(default_factory=dict)
    uris: tuple[str, ...] = ()


def refuse_too_many(plan: VectorPlan, rejected: Sequence[Rejected], context: TaskContext) -> None:
    """Compare each layer with what the submission allows.

    Raises:
        PermanentTaskError: FEATURES_REJECTED: too many of one, or all of them.
    """
    for layer in dict.fromkeys(each.plan.layer for each in rejected):
        tables = [each for each in rejected if each.plan.layer == layer]
        count = sum(each.count for each in tables)
        total = sum(each.plan.feature_count for each in tables)
        if count == total or count > plan.parameters.max_failed_fraction * total:
            raise _too_many(layer, tables, count=count, total=total, context=context)


def kept(rejected: Sequence[Rejected], plan: VectorPlan, context: TaskContext) -> str | None:
    """Publish the rejected features as a GeoPackage; its URI. None when there are none."""
    given = [each for each in rejected if each.count]
    if not given:
        return None
    files = [(each.plan, list(_downloaded(each, context))) for each in given]
    path = context.workspace / "rejects.gpkg"
    write_rejects(files, path)
    uri = f"{plan.parameters.target_prefix.rstrip('/')}/{context.attempt_name}_rejects.gpkg"
    keep(context, path, uri, content_type=_GEOPACKAGE, temporary=False)
    return uri


def _downloaded(rejected: Rejected, context: TaskContext) -> Iterator[Path]:
    for uri in rejected.uris:
        path = context.workspace / uri.rpartition("/")[2]
        if not path.exists():
            context.storage.download(uri, path)
        context.checkpoint()
        yield path


def _too_many(
    layer: str, tables: Sequence[Rejected], *, count: int, total: int, context: TaskContext
) -> PermanentTaskError:
    reasons = sum((Counter(each.reasons) for each in tables), Counter[RejectReason]())
    return PermanentTaskError(
        f"{count} of {total} features of the layer {layer!r} cannot be taken.",
        code="FEATURES_REJECTED",
        remedy="Correct the features; or allow a share with max_failed_fraction, or another policy of the "
        "cleaning. Rows are counted from 0.",
        context={
            "layer": layer,
            "rejected": count,
            "features": total,
            "reasons": {str(reason): number for reason, number in reasons.most_common()},
            "first": list(islice(_rows(tables, context), _LISTED)),
        },
    )


def _rows(tables: Sequence[Rejected], context: TaskContext) -> Iterator[dict[str, Any]]:
    """The rejected rows in words, from the first on."""
    for table in tables:
        for path in _downloaded(table, context):
            for batch in read_chunk(path):
                found = batch.select([ROW, FID, REASON, DETAIL]).slice(0, _LISTED).to_pylist()
                for row in found:
                    yield {name.removeprefix("__"): value for name, value in row.items()}
