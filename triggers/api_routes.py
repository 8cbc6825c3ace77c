"""The HTTP API as data: which operations there are, what they take and what they answer.

`triggers.openapi` makes the OpenAPI document from this table; a test holds it against the functions.
"""

from geo_platform.bodies import (
    LargeRasterRequest,
    RasterCollectionRequest,
    RasterRequest,
    VectorRequest,
)
from geo_platform.export_answers import ExportAnswer, ExportList
from geo_platform.models import (
    DryRunAnswer,
    ReportAnswer,
    RequestPage,
    RetryAnswer,
    StatusAnswer,
    SubmitAnswer,
)
from geo_platform.states import DATA_TYPE_ALIASES, DataType, RequestStatus
from triggers.api_examples import SUBMISSIONS
from triggers.api_job_routes import JOB_OPERATIONS
from triggers.api_operations import HTML, Answer, Operation, Parameter, Tag, get, whole
from triggers.api_serving_routes import FEATURES, RASTERS, STAC
from triggers.exports import ExportBody
from triggers.retry_bodies import RequestRetryBody, ResubmitBody

_FLAG = {"type": "boolean", "default": False}
_TIME = {"type": "string", "format": "date-time"}
_LISTED = (
    Parameter(
        "status",
        "Only those in this state.",
        {"type": "string", "enum": [status.value for status in RequestStatus]},
    ),
    Parameter("client", "Only those of this client."),
    Parameter(
        "data_type",
        "Only those for this type of data.",
        {"type": "string", "enum": [*(each.value for each in DataType), *DATA_TYPE_ALIASES]},
    ),
    Parameter("q", "Only those with this text in one of their names."),
    Parameter("since", "Only those made at this time or later.", _TIME),
    Parameter("until", "Only those made before this time.", _TIME),
    Parameter("limit", "The most to answer.", whole(1, 200, 50)),
    Parameter("cursor", "Where to go on; follow `next`."),
)
_RETRIED = {
    202: Answer("Begun: poll `status_url`.", (RetryAnswer,)),
    200: Answer("With these options it was tried before (`Idempotent-Replay: true`).", (RetryAnswer,)),
}
_RETRY_ERRORS = (400, 404, 409, 413, 415, 422, 503)


_PLATFORM = (
    Operation(
        "POST",
        "/api/platform/submit",
        "Submit a vector or raster file, or a collection of rasters, to be published",
        Tag.PLATFORM,
        {
            202: Answer("Accepted: poll `status_url`.", (SubmitAnswer,)),
            200: Answer(
                "Known already (`Idempotent-Replay: true`), or the plan of a dry run.",
                (SubmitAnswer, DryRunAnswer),
            ),
        },
        body=(VectorRequest, RasterRequest, LargeRasterRequest, RasterCollectionRequest),
        body_examples=SUBMISSIONS,
        parameters=(
            Parameter("dry_run", "Check and plan, and store nothing.", _FLAG),
            Parameter("retry_failed", "Run a request again that has failed.", _FLAG),
        ),
        errors=(400, 404, 409, 413, 415, 422, 503),
    ),
    Operation(
        "GET",
        "/api/platform/status/{id}",
        "How a request stands, by request id, dataset key or job id",
        Tag.PLATFORM,
        {
            200: Answer("The status, with endpoints once it is completed.", (StatusAnswer,)),
            304: Answer("It has not changed.", media_type=None),
        },
        parameters=(Parameter("If-None-Match", "The ETag of the last answer.", place="header"),),
        errors=(404, 503),
    ),
    get(
        "/api/status/{id}",
        "How a request stands: the short spelling",
        Tag.PLATFORM,
        "The status.",
        model=StatusAnswer,
        errors=(404, 503),
    ),
    get(
        "/api/platform/status",
        "The requests, newest first",
        Tag.PLATFORM,
        "A page.",
        model=RequestPage,
        parameters=_LISTED,
        errors=(422, 503),
    ),
    get(
        "/api/platform/requests",
        "The same",
        Tag.PLATFORM,
        "A page.",
        model=RequestPage,
        parameters=_LISTED,
        errors=(422, 503),
    ),
    Operation(
        "POST",
        "/api/platform/requests/{id}/retry",
        "Try a failed request again: where it stopped, from an earlier stage, or with other options",
        Tag.PLATFORM,
        _RETRIED,
        body=(RequestRetryBody,),
        body_is_optional=True,
        errors=_RETRY_ERRORS,
    ),
    Operation(
        "POST",
        "/api/platform/resubmit",
        "The same, with the request named in the body",
        Tag.PLATFORM,
        _RETRIED,
        body=(ResubmitBody,),
        errors=_RETRY_ERRORS,
    ),
    Operation(
        "GET",
        "/api/platform/requests/{id}/report",
        "What was found out about the data of a request, and what was done with them",
        Tag.PLATFORM,
        {
            200: Answer(
                "The report, as data or as a page for people; it grows while the request runs.",
                (ReportAnswer,),
                also=(HTML,),
            ),
            304: Answer("It has not changed.", media_type=None),
        },
        parameters=(
            Parameter(
                "f",
                "The form; without it, what `Accept` likes best.",
                {"type": "string", "enum": ["json", "html"]},
            ),
            Parameter("If-None-Match", "The ETag of the last answer.", place="header"),
        ),
        errors=(404, 406, 422, 503),
    ),
    Operation(
        "POST",
        "/api/datasets/{key}/exports",
        "Have a file made of a vector dataset, by dataset key, request id or job id",
        Tag.PLATFORM,
        {
            200: Answer("The file is there, or cannot be made.", (ExportAnswer,)),
            202: Answer("It is being made: poll `status_url`.", (ExportAnswer,)),
        },
        body=(ExportBody,),
        body_examples={"a GeoPackage": {"format": "gpkg"}},
        errors=(400, 404, 409, 410, 413, 415, 422, 503),
    ),
    Operation(
        "GET",
        "/api/datasets/{key}/exports",
        "The files of a vector dataset, with what their formats could not hold",
        Tag.PLATFORM,
        {
            200: Answer("Those that are there, are being made or could not be made.", (ExportList,)),
            304: Answer("They have not changed.", media_type=None),
        },
        errors=(404, 409, 410, 422, 503),
    ),
    Operation(
        "GET",
        "/api/datasets/{key}/exports/{export_id}",
        "How the making of a file stands",
        Tag.PLATFORM,
        {
            200: Answer("The file, how far it is, or why it cannot be made.", (ExportAnswer,)),
            304: Answer("It has not changed.", media_type=None),
        },
        errors=(404, 409, 410, 422, 503),
    ),
    Operation(
        "GET",
        "/api/platform/data/{request_id}/download",
        "Download what a request has published, as a file",
        Tag.PLATFORM,
        {
            200: Answer("The file.", media_type="application/octet-stream"),
            202: Answer("It is being made: ask again after `Retry-After` seconds."),
            206: Answer("The range asked for.", media_type="application/octet-stream"),
            304: Answer("It has not changed.", media_type=None),
        },
        parameters=(
            Parameter(
                "f",
                "Of a vector `gpkg`, `fgb`, `parquet`, `geojson`, `csv`, `shp`, `pmtiles` or `rejects`;"
                " of a raster `cog`, `mosaicjson`, `scheme`, `pmtiles` or a product. It may be left out.",
            ),
            Parameter("collection", "One of several tables of features; without it, all of them."),
            Parameter("retry", "Have a file made again that could not be made.", _FLAG),
            Parameter("Range", "bytes=first-last", place="header"),
            Parameter("If-None-Match", "The ETag of the last answer.", place="header"),
        ),
        errors=(404, 409, 410, 416, 422, 503),
    ),
)

_OPERATIONS = (
    Operation(
        "GET",
        "/api/health",
        "The state of every part",
        Tag.OPERATIONS,
        {200: Answer("Healthy or degraded."), 503: Answer("Unhealthy: the report says which part.")},
    ),
    get("/api/livez", "Is the process alive?", Tag.OPERATIONS, "It is."),
    Operation(
        "GET",
        "/api/readyz",
        "May it get work?",
        Tag.OPERATIONS,
        {200: Answer("It may."), 503: Answer("Not now: the report says why.")},
    ),
    get(
        "/api/admin/workers",
        "The living apps, and who listens to which queue",
        Tag.OPERATIONS,
        "Processes and queues.",
        errors=(503,),
    ),
    get(
        "/api/admin/queues",
        "The queues: what waits, what is out, and the dead letters of the last day",
        Tag.OPERATIONS,
        "Counts by queue.",
        errors=(503,),
    ),
    get(
        "/api/admin/queues/{queue}/dead-letter",
        "The dead letters of a queue, and what was done about each",
        Tag.OPERATIONS,
        "Dead letters, newest first.",
        parameters=(
            Parameter("limit", "The most to answer.", whole(1, 200, 20)),
            Parameter("before", "Go on from `next_before` of the page before.", whole(0, 999_999_999, 0)),
        ),
        errors=(404, 422, 503),
    ),
    get("/api/openapi.json", "This document", Tag.OPERATIONS, "OpenAPI 3.1."),
    get(
        "/",
        "A page for people: what was published last, on a map",
        Tag.OPERATIONS,
        "HTML.",
        media_type=HTML,
        parameters=(Parameter("dataset", "The collection id of the dataset to show."),),
    ),
    get(
        "/static/{path}",
        "A file of the page",
        Tag.OPERATIONS,
        "The file.",
        media_type="*/*",
        errors=(404,),
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *_PLATFORM,
    *JOB_OPERATIONS,
    *FEATURES,
    *RASTERS,
    *STAC,
    *_OPERATIONS,
)
