"""Blobs of lines of JSON (jsonlines.org): lists that are too long for a row, read and written in passing."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import ContractViolation
from core.ports import BlobStore
from services.context import TaskContext

CONTENT_TYPE = "application/jsonl"
Line = TypeVar("Line", bound=BaseModel)


def write_lines(
    context: TaskContext, uri: str, lines: Iterable[BaseModel], *, temporary: bool = False
) -> int:
    """Write one model per line as a new blob, which is announced before; the number of lines.

    A `temporary` blob serves the later tasks of the request and is never published.

    Raises:
        Conflict: BLOB_EXISTS.
        TransientError: STORAGE_TIMEOUT.
    """
    path, count = context.workspace / "lines.jsonl", 0
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(f"{line.model_dump_json()}\n")
            count += 1
    context.artefacts.stage_blob(
        uri, job_id=context.job_id, task_id=context.task_id, attempt=context.attempt, temporary=temporary
    )
    context.storage.upload_new(path, uri, content_type=CONTENT_TYPE)
    path.unlink()
    return count


def read_lines(storage: BlobStore, uri: str, model: type[Line]) -> Iterator[Line]:
    """The models of a blob of lines, chunk by chunk.

    Raises:
        NotFound: SOURCE_NOT_FOUND.
        ContractViolation: a line is none of `model`.
        TransientError: STORAGE_TIMEOUT.
    """
    rest = b""
    for chunk in storage.open_range(uri):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (_parsed(line, uri, model) for line in lines)
    if rest:
        yield _parsed(rest, uri, model)


def _parsed(line: bytes, uri: str, model: type[Line]) -> Line:
    try:
        return model.model_validate_json(line)
    except ValidationError as exc:
        raise ContractViolation(f"a line of {uri} is no {model.__name__}") from exc
