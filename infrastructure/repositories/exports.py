"""`platform.exports`: the files of published tables, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("exports")


@dataclass(frozen=True, slots=True)
class ExportKey:
    """What a file is of: a revision, one of its collections (empty: all), and a format."""

    request_id: str
    collection_id: str
    format: str

    @property
    def values(self) -> dict[str, str]:
        """For statements."""
        return {"request_id": self.request_id, "collection_id": self.collection_id, "format": self.format}


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """One row of `platform.exports`; what describes the file is there once `state` is `ready`."""

    export_id: str
    request_id: str
    collection_id: str
    format: str
    state: str
    attempt: int
    job_id: str
    blob_uri: str | None
    size_bytes: int | None
    sha256: str | None
    media_type: str | None
    feature_count: int | None
    notes: Sequence[Mapping[str, Any]]
    error: Mapping[str, Any] | None

    @property
    def key(self) -> ExportKey:
        """What the file is of."""
        return ExportKey(self.request_id, self.collection_id, self.format)


@dataclass(frozen=True, slots=True)
class ExportableTable:
    """A published table as it stands in the schema `geo`; `columns` without `fid` and `geom`."""

    collection_id: str
    dataset_collection_id: str
    dataset_key: str
    revision: int
    client_id: str
    layer: str
    family: str | None
    title: str
    table_name: str
    geometry_type: str
    srid: int
    feature_count: int
    columns: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class ExportJob:
    """How the job of an export stands; `share` (0 to 1) is how far its task is."""

    status: str
    result: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    share: float


class ExportRepository:
    """Statements on exports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tables(self, request_id: str, collection_id: str = "") -> list[ExportableTable]:
        """The published tables of a revision in order: all, or that of one collection."""
        values = {"request_id": request_id, "collection_id": collection_id}
        return [ExportableTable(**row) for row in self._connection.execute(_SQL["tables"], values)]

    def find(self, key: ExportKey) -> ExportRecord | None:
        """The file, in whatever state."""
        row = self._connection.execute(_SQL["get"], key.values).fetchone()
        return ExportRecord(**row) if row else None

    def get(self, export_id: str) -> ExportRecord | None:
        """The file of this id."""
        row = self._connection.execute(_SQL["by_id"], {"export_id": export_id}).fetchone()
        return ExportRecord(**row) if row else None

    def of_request(self, request_id: str) -> list[ExportRecord]:
        """The files of a revision that somebody has asked for, oldest first, in whatever state."""
        rows = self._connection.execute(_SQL["of_request"], {"request_id": request_id})
        return [ExportRecord(**row) for row in rows]

    def begin(self, export_id: str, key: ExportKey, *, attempt: int, job_id: str) -> None:
        """Note that a job makes the file, for the first time or again."""
        values = {"export_id": export_id, "attempt": attempt, "job_id": job_id, **key.values}
        self._connection.execute(_SQL["begin"], values)

    def lock(self, export_id: str) -> None:
        """Wait for whoever begins the same file; until the end of the transaction."""
        self._connection.execute(_SQL["lock"], {"export_id": export_id})

    def job(self, job_id: str) -> ExportJob | None:
        """How a job stands."""
        row = self._connection.execute(_SQL["job"], {"job_id": job_id}).fetchone()
        return ExportJob(**row) if row else None

    def chain_job(self, request_id: str) -> tuple[str, Mapping[str, Any]] | None:
        """The job that wrote files of the revision before it was published, and its result."""
        row = self._connection.execute(_SQL["chain_job"], {"request_id": request_id}).fetchone()
        return (row["job_id"], row["result"] or {}) if row else None

    def finish(self, record: ExportRecord, file: Mapping[str, Any]) -> bool:
        """Publish the file that the job has made; False when it was swept, or its revision replaced."""
        export_id, job_id = record.export_id, record.job_id
        place = {"job_id": job_id, "blob_uri": file["blob_uri"], "request_id": record.request_id}
        self._connection.execute(_SQL["hold_publications"])
        if self._connection.execute(_SQL["publish"], place).fetchone() is None:
            return False
        named = ("blob_uri", "size_bytes", "sha256", "media_type", "feature_count")
        values = {name: file[name] for name in named} | {"notes": Jsonb(list(file["notes"]))}
        self._connection.execute(_SQL["finish"], {"export_id": export_id, "job_id": job_id, **values})
        return True

    def fail(self, export_id: str, *, job_id: str, error: Mapping[str, Any]) -> None:
        """Note that the job has failed, and why."""
        values = {"export_id": export_id, "job_id": job_id, "error": Jsonb(dict(error))}
        self._connection.execute(_SQL["fail"], values)
