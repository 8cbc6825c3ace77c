"""The HTTP API as data: which operations there are, what they take and what they answer.

`triggers.openapi` makes the OpenAPI document from this table; a test holds it against the functions.
"""

from geo_platform.models import (
    DryRunAnswer,
    RasterRequest,
    RequestPage,
    StatusAnswer,
    SubmitAnswer,
    VectorRequest,
)
from geo_platform.states import RequestStatus
from triggers.api_operations import HTML, Answer, Operation, Parameter, Tag, get, whole
from triggers.api_serving_routes import FEATURES, RASTERS, STAC

_FLAG = {"type": "boolean", "default": False}


_LIMIT, _OFFSET = (
    Parameter("limit", "The most to answer.", whole(1, 200, 20)),
    Parameter("offset", "How many to leave out.", whole(0, 1_000_000, 0)),
)

_PLATFORM = (
    Operation(
        "POST",
        "/api/platform/submit",
        "Submit a vector or raster file to be published",
        Tag.PLATFORM,
        {
            202: Answer("Accepted: poll `status_url`.", (SubmitAnswer,)),
            200: Answer(
                "Known already (`Idempotent-Replay: true`), or the plan of a dry run.",
                (SubmitAnswer, DryRunAnswer),
            ),
        },
        body=(VectorRequest, RasterRequest),
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
        parameters=(
            Parameter(
                "status",
                "Only those in this state.",
                {"type": "string", "enum": [status.value for status in RequestStatus]},
            ),
            Parameter("limit", "The most to answer.", whole(1, 200, 50)),
            Parameter("cursor", "Where to go on; follow `next`."),
        ),
        errors=(422, 503),
    ),
    Operation(
        "GET",
        "/api/platform/data/{request_id}/download",
        "Download what a request has published: GeoJSON of features, or the Cloud Optimized GeoTIFF",
        Tag.PLATFORM,
        {
            200: Answer("The file.", media_type="application/octet-stream"),
            206: Answer("The range asked for.", media_type="application/octet-stream"),
        },
        parameters=(Parameter("Range", "bytes=first-last", place="header"),),
        errors=(404, 409, 503),
    ),
)

_JOBS = (
    Operation(
        "POST",
        "/api/jobs/submit/{job_type}",
        "Run a job that serves no dataset",
        Tag.JOBS,
        {201: Answer("Created."), 200: Answer("A job with these parameters exists already.")},
        takes_any_json=True,
        errors=(400, 404, 415, 422, 503),
    ),
    get(
        "/api/jobs",
        "The jobs, newest first",
        Tag.JOBS,
        "A page.",
        parameters=(_LIMIT, _OFFSET),
        errors=(422, 503),
    ),
    get("/api/jobs/{job_id}", "A job with its stages and tasks", Tag.JOBS, "The job.", errors=(404, 503)),
    get(
        "/api/jobs/{job_id}/tasks",
        "The tasks of a job",
        Tag.JOBS,
        "A page.",
        parameters=(
            Parameter("stage", "Only those of this stage.", whole(1, 1000, 1)),
            Parameter("limit", "The most to answer.", whole(1, 1000, 100)),
            _OFFSET,
        ),
        errors=(404, 422, 503),
    ),
    get("/api/job-types", "The job types with the schemas of their parameters", Tag.JOBS, "The registry."),
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

OPERATIONS: tuple[Operation, ...] = (*_PLATFORM, *_JOBS, *FEATURES, *RASTERS, *STAC, *_OPERATIONS)
