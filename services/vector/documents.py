"""Blobs that one task of an ingestion leaves for the next: announced before they are made, and temporary."""

from pathlib import Path

from pydantic import ValidationError

from core.errors import ContractViolation
from core.ports import BlobInfo, BlobStore
from core.task_models.vector import TablePlan, VectorPlan
from core.vector_ports import TableSpec
from services.context import TaskContext

ARROW = "application/vnd.apache.arrow.file"
_JSON = "application/json"


def announce(context: TaskContext, uri: str, *, temporary: bool = True) -> None:
    """Tell the artefact log that a blob is about to be made."""
    context.artefacts.stage_blob(
        uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt, temporary=temporary
    )


def keep(
    context: TaskContext, path: Path, uri: str, *, content_type: str, temporary: bool = True
) -> BlobInfo:
    """Make a blob of a file.

    Raises:
        Conflict: BLOB_EXISTS.
        TransientError: STORAGE_TIMEOUT.
    """
    announce(context, uri, temporary=temporary)
    return context.storage.upload_new(path, uri, content_type=content_type)


def write_plan(context: TaskContext, plan: VectorPlan) -> str:
    """Keep the plan; its URI."""
    uri = f"{plan.parameters.target_prefix.rstrip('/')}/{context.attempt_name}.json"
    path = context.workspace / "plan.json"
    path.write_text(plan.model_dump_json(), encoding="utf-8")
    keep(context, path, uri, content_type=_JSON)
    return uri


def read_plan(storage: BlobStore, uri: str) -> VectorPlan:
    """What `write_plan` kept.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        TransientError: STORAGE_TIMEOUT.
    """
    try:
        return VectorPlan.model_validate_json(b"".join(storage.open_range(uri)))
    except ValidationError as exc:
        raise ContractViolation(f"{uri} holds no plan") from exc


def spec_of(plan: TablePlan) -> TableSpec:
    """The planned table for the store."""
    return TableSpec(
        name=plan.table,
        geometry_type=plan.geometry_type,
        srid=int(plan.target_crs.removeprefix("EPSG:")),
        columns=tuple(column.as_column() for column in plan.columns),
    )
