"""What clients are told of the exports of a dataset, by any of its ids."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from core.errors import InvalidRequest, NotFound
from core.task_models.vector_export import ExportFormat, FormatNote
from geo_platform.endpoints import Urls
from geo_platform.errors import not_published
from geo_platform.exports import Export, ExportDesk
from geo_platform.models import Link
from geo_platform.ports import PlatformParts, Stores
from geo_platform.states import DataType, RequestStatus
from geo_platform.status import find_request
from infrastructure.repositories.requests import RequestRecord


class ExportError(BaseModel):
    """Why a file could not be made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    message: str
    remedy: str = ""
    context: dict[str, Any] = Field(default_factory=dict)


class ExportAnswer(BaseModel):
    """A file of a dataset: being made (`processing`), there (`completed`), or not to be made (`failed`).

    `collection_id` is null where it is of all collections. What describes the file is null until it is there;
    `notes` are the differences that its format forces on the data.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    export_id: str
    request_id: str
    dataset_key: str
    collection_id: str | None
    format: ExportFormat
    status: Literal["processing", "completed", "failed"]
    progress_percent: int = Field(ge=0, le=100)
    status_url: str
    download_url: str | None
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    feature_count: int | None
    notes: tuple[FormatNote, ...]
    error: ExportError | None
    links: tuple[Link, ...]


class ExportList(BaseModel):
    """The files of a dataset that are there, are being made or could not be made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_id: str
    dataset_key: str
    items: tuple[ExportAnswer, ...]
    links: tuple[Link, ...]


class DatasetExports:
    """The use-cases of `/api/datasets/{key}/exports`. All of them take any id that finds the status.

    Each raises NotFound (REQUEST_NOT_FOUND; GONE: its data were replaced or deleted), Conflict (NOT_READY:
    nothing is published yet), InvalidRequest (a raster has no exports) and Unavailable.
    """

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts
        self._desk = ExportDesk(parts)

    def ask(
        self, identifier: str, kind: ExportFormat, *, collection_id: str = "", again: bool = False
    ) -> ExportAnswer:
        """The file, which is begun if nobody has asked for it; see `ExportDesk.ask`."""
        request = self._published(identifier)
        export = self._desk.ask(request.request_id, kind, collection_id=collection_id, again=again)
        return _answer(export, request, self._urls)

    def of_dataset(self, identifier: str) -> ExportList:
        """Those that are there or were asked for."""
        request = self._published(identifier)
        made = self._desk.made(request.request_id)
        return ExportList(
            request_id=request.request_id,
            dataset_key=request.dataset_key,
            items=tuple(_answer(export, request, self._urls) for export in made),
            links=(Link(rel="self", href=self._urls.exports(request.dataset_key)),),
        )

    def one(self, identifier: str, export_id: str) -> ExportAnswer:
        """One of them.

        Raises:
            NotFound: (EXPORT_NOT_FOUND) nobody has asked for it, or its file was lost.
        """
        for answer in self.of_dataset(identifier).items:
            if answer.export_id == export_id.lower():
                return answer
        raise NotFound(
            "The dataset has no export with this id.",
            code="EXPORT_NOT_FOUND",
            remedy="Ask for the file again: POST to the exports of the dataset.",
        )

    @property
    def _urls(self) -> Urls:
        return self._parts.options.urls

    def _published(self, identifier: str) -> RequestRecord:
        with self._parts.transactions() as tx:
            request = find_request(Stores.of(tx), identifier)
        if request.status != RequestStatus.COMPLETED:
            raise not_published(request.request_id, request.status)
        if request.request_type != DataType.VECTOR:
            raise InvalidRequest(
                "Only tables of features are exported; a raster is published as the file that it is.",
                remedy=f"Download it: {self._urls.download(request.request_id)}",
                context={"request_id": request.request_id},
            )
        return request


def _answer(export: Export, request: RequestRecord, urls: Urls) -> ExportAnswer:
    file, status_url = export.file, urls.export(request.dataset_key, export.export_id)
    query = {"f": export.format.value, "collection": export.collection_id}
    asked = urlencode({name: value for name, value in query.items() if value})
    download_url = f"{urls.download(request.request_id)}?{asked}" if file else None
    links = [
        Link(rel="self", href=status_url),
        Link(rel="collection", href=urls.exports(request.dataset_key), title="All exports of the dataset"),
    ]
    if download_url:
        links.append(Link(rel="enclosure", href=download_url, title=export.format.label))
    return ExportAnswer(
        export_id=export.export_id,
        request_id=request.request_id,
        dataset_key=request.dataset_key,
        collection_id=export.collection_id or None,
        format=export.format,
        status="completed" if file else "failed" if export.error else "processing",
        progress_percent=round(100 * export.share),
        status_url=status_url,
        download_url=download_url,
        media_type=file.media_type if file else None,
        size_bytes=file.size_bytes if file else None,
        sha256=file.sha256 if file else None,
        feature_count=file.feature_count if file else None,
        notes=file.notes if file else (),
        error=_error(export.error) if export.error else None,
        links=tuple(links),
    )


def _error(stored: Mapping[str, Any]) -> ExportError:
    return ExportError(
        code=stored.get("code", "EXPORT_FAILED"),
        message=stored.get("message", "The file could not be made."),
        remedy=stored.get("remedy") or 'Take another format, or have it tried again: {"retry": true}.',
        context=stored.get("context") or {},
    )
