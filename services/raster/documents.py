"""Small blobs of text: written as a whole under a name used once, read as a whole."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import ContractViolation
from core.ports import BlobInfo, BlobStore
from services.context import TaskContext

JSON = "application/json"
GEOJSON = "application/geo+json"
Document = TypeVar("Document", bound=BaseModel)


def write_document(
    context: TaskContext, uri: str, text: str, *, content_type: str = JSON, temporary: bool = False
) -> BlobInfo:
    """Write a new blob, which is announced before.

    A `temporary` blob serves the later tasks of the request and is never published.

    Raises:
        Conflict: BLOB_EXISTS.
        TransientError: STORAGE_TIMEOUT.
    """
    path = context.workspace / "document"
    path.write_text(text, encoding="utf-8")
    context.artefacts.stage_blob(
        uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt, temporary=temporary
    )
    written = context.storage.upload_new(path, uri, content_type=content_type)
    path.unlink()
    return written


def read_document(storage: BlobStore, uri: str, model: type[Document]) -> Document:
    """The model that a blob of JSON holds.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        ContractViolation: it holds something else.
        TransientError: STORAGE_TIMEOUT.
    """
    try:
        return model.model_validate_json(b"".join(storage.open_range(uri)))
    except ValidationError as exc:
        raise ContractViolation(f"{uri} holds no {model.__name__}") from exc
