"""The HTTP API as data: which operations there are, what they take and what they answer.

`triggers.openapi` makes the OpenAPI document from this table; a test holds it against the functions.
"""

from typing import Any

from geo_platform.models import (
    DryRunAnswer,
    RasterRequest,
    RequestPage,
    StatusAnswer,
    SubmitAnswer,
    VectorRequest,
)
from geo_platform.states import RequestStatus
from triggers.api_operations import GEOJSON, MVT, PNG, Answer, Operation, Parameter, Tag, get

_FLAG = {"type": "boolean", "default": False}


def _whole(least: int, most: int, default: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most, "default": default}


_LIMIT, _OFFSET = (
    Parameter("limit", "The most to answer.", _whole(1, 200, 20)),
    Parameter("offset", "How many to leave out.", _whole(0, 1_000_000, 0)),
)
_BBOX = Parameter("bbox", "west,south,east,north in degrees.")
_FEATURE_LIMIT = Parameter("limit", "The most features to answer.", _whole(1, 10_000, 10))
_DATASET = Parameter("dataset", "The collection id of a published raster.")
_BIDX = Parameter(
    "bidx", "The bands to use, counted from 1.", {"type": "array", "items": {"type": "integer"}}
)
_RESCALE = Parameter("rescale", "min,max of the values to stretch over the colours.")
_COLORMAP = Parameter("colormap_name", "A colour map for a single band.")
_PICTURE = (_DATASET, _BIDX, _RESCALE, _COLORMAP)

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
            Parameter("limit", "The most to answer.", _whole(1, 200, 50)),
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
            Parameter("stage", "Only those of this stage.", _whole(1, 1000, 1)),
            Parameter("limit", "The most to answer.", _whole(1, 1000, 100)),
            _OFFSET,
        ),
        errors=(404, 422, 503),
    ),
    get("/api/job-types", "The job types with the schemas of their parameters", Tag.JOBS, "The registry."),
)

_COLLECTION = "/api/ogc/features/collections/{collectionId}"
_FEATURES = (
    get("/api/ogc/features/", "Landing page (OGC API - Common)", Tag.FEATURES, "Links."),
    get("/api/ogc/features/conformance", "The conformance classes", Tag.FEATURES, "URIs."),
    get(
        "/api/ogc/features/collections",
        "The published vector datasets",
        Tag.FEATURES,
        "Collections.",
        parameters=(_BBOX,),
        errors=(400, 503),
    ),
    get(_COLLECTION, "One dataset", Tag.FEATURES, "The collection.", errors=(404, 503)),
    get(
        f"{_COLLECTION}/queryables", "What can be asked for", Tag.FEATURES, "JSON Schema.", errors=(404, 503)
    ),
    get(
        f"{_COLLECTION}/items",
        "Features",
        Tag.FEATURES,
        "A FeatureCollection.",
        media_type=GEOJSON,
        parameters=(
            _FEATURE_LIMIT,
            Parameter("offset", "How many to leave out.", _whole(0, 2**31 - 1, 0)),
            _BBOX,
            Parameter("filter", "CQL2 text or JSON."),
        ),
        errors=(400, 404, 503),
    ),
    get(
        f"{_COLLECTION}/items/{{itemId}}",
        "One feature",
        Tag.FEATURES,
        "A Feature.",
        media_type=GEOJSON,
        errors=(404, 503),
    ),
    get(
        f"{_COLLECTION}/tiles/{{tileMatrixSetId}}/{{z}}/{{x}}/{{y}}",
        "A vector tile",
        Tag.FEATURES,
        "Mapbox Vector Tile.",
        media_type=MVT,
        errors=(400, 404, 503),
    ),
    get(
        f"{_COLLECTION}/tiles/{{tileMatrixSetId}}/tilejson.json",
        "TileJSON of a dataset",
        Tag.FEATURES,
        "TileJSON.",
        errors=(404, 503),
    ),
)

_RASTERS = (
    get(
        "/api/cog/info",
        "The header of a published raster",
        Tag.RASTERS,
        "Bounds, bands, overviews.",
        parameters=(_DATASET,),
        errors=(404, 503),
    ),
    get(
        "/api/cog/statistics",
        "Statistics by band",
        Tag.RASTERS,
        "Statistics.",
        parameters=(_DATASET, _BIDX),
        errors=(404, 503),
    ),
    get(
        "/api/cog/point/{lon},{lat}",
        "The values at a place",
        Tag.RASTERS,
        "Values by band.",
        parameters=(_DATASET, _BIDX),
        errors=(400, 404, 503),
    ),
    get(
        "/api/cog/preview.{format}",
        "A small picture of the whole",
        Tag.RASTERS,
        "The picture.",
        media_type=PNG,
        parameters=_PICTURE,
        errors=(400, 404, 503),
    ),
    get(
        "/api/cog/tiles/{tileMatrixSetId}/{z}/{x}/{y}.{format}",
        "A tile",
        Tag.RASTERS,
        "The tile.",
        media_type=PNG,
        parameters=_PICTURE,
        errors=(400, 404, 503),
    ),
    get(
        "/api/cog/{tileMatrixSetId}/tilejson.json",
        "TileJSON of a raster",
        Tag.RASTERS,
        "TileJSON.",
        parameters=_PICTURE,
        errors=(400, 404, 503),
    ),
    get("/api/tileMatrixSets/", "The tile matrix sets", Tag.RASTERS, "Names and links."),
    get(
        "/api/tileMatrixSets/{tileMatrixSetId}",
        "One tile matrix set",
        Tag.RASTERS,
        "OGC Two Dimensional Tile Matrix Set.",
        errors=(404,),
    ),
    get("/api/colorMaps/", "The colour maps", Tag.RASTERS, "Names and links."),
    get("/api/colorMaps/{colorMapId}", "One colour map", Tag.RASTERS, "Colours by value.", errors=(404,)),
)

_STAC_COLLECTION = "/api/stac/collections/{collection_id}"
_STAC = (
    get("/api/stac/", "The catalogue", Tag.STAC, "A STAC Catalog."),
    get("/api/stac/conformance", "The conformance classes", Tag.STAC, "URIs."),
    get("/api/stac/collections", "The collections", Tag.STAC, "STAC Collections."),
    get(_STAC_COLLECTION, "One collection", Tag.STAC, "A STAC Collection.", errors=(404, 503)),
    get(
        f"{_STAC_COLLECTION}/items",
        "The items of a collection",
        Tag.STAC,
        "An ItemCollection.",
        media_type=GEOJSON,
        parameters=(_FEATURE_LIMIT, _BBOX),
        errors=(400, 404, 503),
    ),
    get(
        f"{_STAC_COLLECTION}/items/{{item_id}}",
        "One item",
        Tag.STAC,
        "A STAC Item.",
        media_type=GEOJSON,
        errors=(404, 503),
    ),
    get(
        "/api/stac/search",
        "Search for items",
        Tag.STAC,
        "An ItemCollection.",
        media_type=GEOJSON,
        parameters=(
            _BBOX,
            _FEATURE_LIMIT,
            Parameter("collections", "Ids, joined by commas."),
            Parameter("datetime", "An instant or an interval (RFC 3339)."),
        ),
        errors=(400, 503),
    ),
    Operation(
        "POST",
        "/api/stac/search",
        "Search for items by a body",
        Tag.STAC,
        {200: Answer("An ItemCollection.", media_type=GEOJSON)},
        takes_any_json=True,
        errors=(400, 503),
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
    get("/api/openapi.json", "This document", Tag.OPERATIONS, "OpenAPI 3.1."),
)

OPERATIONS: tuple[Operation, ...] = (*_PLATFORM, *_JOBS, *_FEATURES, *_RASTERS, *_STAC, *_OPERATIONS)
