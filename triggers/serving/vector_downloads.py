"""Downloads of tables of features: files that are there, or are made when somebody asks for them."""

import asyncio
from pathlib import PurePosixPath
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.errors import InvalidRequest
from core.models.results import ErrorClass
from core.task_models.vector_export import ExportFormat
from geo_platform.exports import Export
from triggers.problems import RETRY_AFTER_SECONDS, Problem
from triggers.serving.blob_answers import BlobFile, blob_answer
from triggers.serving.datasets import PublishedDataset
from triggers.serving.failures import problem_answer

_LOOK_SECONDS = 0.25
_FORMATS = tuple(ExportFormat)


async def vector_download(
    request: Request, dataset: PublishedDataset, kind: ExportFormat, *, collection: str, again: bool
) -> Response:
    """The file; 202 while it is being made, for longer than a client should wait.

    Raises:
        NotFound: (COLLECTION_NOT_FOUND) the dataset has no such collection.
        Unavailable: nobody can make it now.
    """
    export = await _awaited(request, dataset, kind, collection=collection, again=again)
    if export.file:
        file = BlobFile(
            export.file.blob_uri,
            PurePosixPath(export.file.blob_uri).name,
            export.file.media_type,
            etag=export.file.sha256[:32],
        )
        return await run_in_threadpool(blob_answer, request, file)
    if export.error:
        return _failed(request, export)
    return _being_made(request, export)


def rejects_file(dataset: PublishedDataset) -> BlobFile:
    """The features that are not in the tables.

    Raises:
        InvalidRequest: there are none.
    """
    uri = dataset.data_locations.get("rejects")
    if uri is None:
        raise InvalidRequest(
            "No feature of this dataset was rejected.", remedy=f"Use one of f={', '.join(_FORMATS)}."
        )
    name = f"{dataset.collection_id}_rejects{PurePosixPath(uri).suffix}"
    return BlobFile(uri, name, "application/geopackage+sqlite3")


async def _awaited(
    request: Request, dataset: PublishedDataset, kind: ExportFormat, *, collection: str, again: bool
) -> Export:
    """The export once its job has ended, or as it is after some seconds."""
    config = request.app.state.config
    ends = asyncio.get_running_loop().time() + config.export_wait_seconds

    def ask(*, again: bool = False) -> Export:
        export: Export = config.exports(dataset.request_id, kind, collection_id=collection, again=again)
        return export

    export = await run_in_threadpool(ask, again=again)
    while not (export.file or export.error) and asyncio.get_running_loop().time() < ends:
        if await request.is_disconnected():
            break
        await asyncio.sleep(_LOOK_SECONDS)
        export = await run_in_threadpool(ask)
    return export


def _being_made(request: Request, export: Export) -> Response:
    percent = round(100 * export.share)
    body: dict[str, Any] = {
        "export_id": export.export_id,
        "format": export.format,
        "status": "processing",
        "progress_percent": percent,
        "message": f"The file is being made: {percent} %. Ask again at the same address.",
        "links": [{"rel": "self", "href": str(request.url)}],
    }
    headers = {"retry-after": str(RETRY_AFTER_SECONDS), "cache-control": "no-store"}
    return JSONResponse(body, 202, headers)


def _failed(request: Request, export: Export) -> Response:
    error = export.error or {}
    retry = str(request.url.include_query_params(retry="true"))
    problem = Problem(
        status=503 if ErrorClass(error.get("error_class", ErrorClass.UNKNOWN)).is_retryable else 422,
        code=str(error.get("code", "EXPORT_FAILED")),
        detail=str(error.get("message", "The file could not be made.")),
        error_type="ExportFailed",
        remediation=str(error.get("remedy") or "Take another format, or have it tried again (links: retry)."),
        context=dict(error.get("context") or {}),
        links=({"rel": "retry", "href": retry},),
    )
    return problem_answer(problem, request.scope)
