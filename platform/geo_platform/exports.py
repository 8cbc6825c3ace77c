"""Files of published tables: made when somebody asks for them, and kept as long as the revision."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.errors import NotFound
from core.models.job import JobStatus
from core.submission import create_job
from core.task_models.vector import VectorColumn
from core.task_models.vector_export import (
    ExportedFile,
    ExportFormat,
    ExportTable,
    ExportVectorParameters,
    FormatNote,
)
from geo_platform.errors import not_published
from geo_platform.layer_collections import layer_names
from geo_platform.ports import PlatformParts, PlatformUnitOfWork
from infrastructure.repositories.exports import ExportableTable, ExportKey, ExportRecord, ExportRepository

_JOB_TYPE = "export_vector"
_ALL = ""  # collections


@dataclass(frozen=True, slots=True)
class Export:
    """A file that is there (`file`), is being made (neither), or cannot be made (`error`).

    `collection_id` is empty where the file is of all collections. `share` (0 to 1) is how far its job is;
    `error` has a code, a message and a remedy.
    """

    export_id: str
    format: ExportFormat
    collection_id: str = _ALL
    share: float = 0.0
    file: ExportedFile | None = None
    error: Mapping[str, Any] | None = field(default=None)


class ExportDesk:
    """Finds files of published tables, and has them made."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def ask(
        self, request_id: str, kind: ExportFormat, *, collection_id: str = _ALL, again: bool = False
    ) -> Export:
        """The file of a published revision, or of one of its collections; its job is begun if there is none.

        Whoever asks at the same time gets the same job. One that failed stays so until it is tried `again`.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) the revision has no such collection; (GONE) it was replaced.
            Unavailable: the database does not answer, or (NO_LISTENER_FOR_QUEUE) nobody would do the work.
        """
        with self._parts.transactions() as tx:
            exports = ExportRepository(tx.connection)
            tables = exports.tables(request_id)
            if not tables:
                raise not_published(request_id, "completed")
            key = ExportKey(request_id, _chosen(tables, collection_id), kind)
            found = _made_beforehand(exports, key) or self._current(exports, key, again=again)
        if found:
            return found
        self._parts.require_listeners([_JOB_TYPE])
        with self._parts.transactions() as tx:
            return self._begun(tx, key)

    def made(self, request_id: str) -> list[Export]:
        """The files of a published revision: those made beforehand, and those that were asked for.

        One that was lost is left out: it is begun again when somebody asks for it.

        Raises:
            NotFound: (GONE) it was replaced.
            Unavailable: the database does not answer.
        """
        with self._parts.transactions() as tx:
            exports = ExportRepository(tx.connection)
            if not exports.tables(request_id):
                raise not_published(request_id, "completed")
            asked = [_settled(exports, each) for each in exports.of_request(request_id)]
            return [
                *_of_chain(exports, request_id),
                *(_export(exports, record) for record in asked if record),
            ]

    def _current(self, exports: ExportRepository, key: ExportKey, *, again: bool) -> Export | None:
        """The file as its job has left it; None when a job is to be begun."""
        record = exports.find(key)
        if record is None or (record.state == "failed" and again):
            return None
        record = _settled(exports, record)
        return _export(exports, record) if record else None

    def _begun(self, tx: PlatformUnitOfWork, key: ExportKey) -> Export:
        exports = ExportRepository(tx.connection)
        export_id = _export_id(key)
        exports.lock(export_id)
        record = exports.find(key)
        if record and record.state != "failed" and (settled := _settled(exports, record)):
            return _export(exports, settled)  # somebody else has begun it meanwhile
        attempt = record.attempt + 1 if record else 1
        tables = exports.tables(key.request_id, key.collection_id)
        if not tables:
            raise not_published(key.request_id, "completed")
        job = create_job(
            tx,
            self._parts.jobs[_JOB_TYPE],
            self._parameters(key, tables, attempt=attempt).model_dump(mode="json"),
            seed={"export_id": export_id, "attempt": attempt},
            tenant=tables[0].client_id,
            # Without the request: what it makes is published and retired by itself, not with the chain's.
            dataset_key=tables[0].dataset_key,
        )
        exports.begin(export_id, key, attempt=attempt, job_id=job.job_id)
        return Export(export_id, ExportFormat(key.format), key.collection_id)

    def _parameters(
        self, key: ExportKey, tables: list[ExportableTable], *, attempt: int
    ) -> ExportVectorParameters:
        first = tables[0]
        container = self._parts.options.published_container
        return ExportVectorParameters(
            tables=_export_tables(tables),
            formats=(ExportFormat(key.format),),
            target_prefix=f"azure://{container}/vectors/{first.dataset_collection_id}/r{first.revision}",
            request_id=key.request_id,
            name=key.collection_id or first.dataset_collection_id,
            is_required=True,
            attempt=attempt,
        )


def _chosen(tables: list[ExportableTable], collection_id: str) -> str:
    """The collection, or all where there is only one.

    Raises:
        NotFound: see `ExportDesk.ask`.
    """
    known = [table.collection_id for table in tables]
    if collection_id and collection_id not in known:
        raise NotFound(
            f"The dataset has no collection '{collection_id[:80]}'.",
            code="COLLECTION_NOT_FOUND",
            remedy=f"Use one of {', '.join(known[:10])}, or none for all.",
        )
    return collection_id if len(known) > 1 else _ALL


def _made_beforehand(exports: ExportRepository, key: ExportKey) -> Export | None:
    """The file that the chain has published together with the tables."""
    if key.collection_id:
        return None
    made = _of_chain(exports, key.request_id)
    return next((export for export in made if export.format == key.format), None)


def _of_chain(exports: ExportRepository, request_id: str) -> Iterator[Export]:
    _, result = exports.chain_job(request_id) or ("", {})
    for each in result.get("exports", ()):
        file = ExportedFile.model_validate(each)
        key = ExportKey(request_id, _ALL, file.format)
        yield Export(_export_id(key), file.format, share=1.0, file=file)


def _settled(exports: ExportRepository, record: ExportRecord) -> ExportRecord | None:
    """The record once its job's end is noted; None when the job is lost, or what it has made."""
    if record.state != "building":
        return record
    job = exports.job(record.job_id)
    if job is None:
        return None
    status = JobStatus(job.status)
    if status is JobStatus.COMPLETED:
        made = (job.result or {}).get("exports", ())
        if not made or not exports.finish(record, made[0]):
            return None
    elif status.is_terminal:
        exports.fail(record.export_id, job_id=record.job_id, error=job.error or _cancelled())
    return exports.get(record.export_id)


def _export(exports: ExportRepository, record: ExportRecord) -> Export:
    export = Export(record.export_id, ExportFormat(record.format), record.collection_id)
    if record.state == "failed":
        return replace(export, error=record.error)
    if record.state == "building":
        job = exports.job(record.job_id)
        return replace(export, share=job.share if job else 0.0)
    return replace(export, share=1.0, file=file_of(record))


def file_of(record: ExportRecord) -> ExportedFile:
    """The file of a record that is `ready`."""
    return ExportedFile(
        format=ExportFormat(record.format),
        blob_uri=record.blob_uri or "",
        size_bytes=record.size_bytes or 0,
        sha256=record.sha256 or "",
        media_type=record.media_type or "",
        feature_count=record.feature_count or 0,
        notes=tuple(FormatNote.model_validate(note) for note in record.notes),
    )


def _export_tables(tables: list[ExportableTable]) -> tuple[ExportTable, ...]:
    names = layer_names({"layer": table.layer, "family": table.family} for table in tables)
    return tuple(
        ExportTable(
            db_schema="geo",
            table=table.table_name,
            name=name,
            collection_id=table.collection_id,
            title=table.title,
            srid=table.srid,
            geometry_type=table.geometry_type,
            feature_count=table.feature_count,
            columns=tuple(VectorColumn.model_validate(column) for column in table.columns),
        )
        for table, name in zip(tables, names, strict=True)
    )


def _export_id(key: ExportKey) -> str:
    canonical = json.dumps(key.values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]


def _cancelled() -> dict[str, str]:
    return {"code": "CANCELLED", "message": "The export was cancelled."}
