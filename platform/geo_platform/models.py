"""What clients send and get: the models of the Platform's HTTP contract."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from core.task_models.raster import Compression
from geo_platform.source import normalise_source
from geo_platform.states import DataType, RequestStatus

# -- requests -------------------------------------------------------------------------------------


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _no_callback(url: str | None) -> str | None:
    if url is not None:
        raise PydanticCustomError("callback_not_supported", "webhooks are not offered yet")
    return None


_Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)]


class VectorProcessing(_Body):
    """How a vector source is to be read: the layer (needed if there are several), the CRS to store it in."""

    layer: str | None = Field(default=None, min_length=1, max_length=255)
    target_crs: str = Field(default="EPSG:4326", pattern=r"^EPSG:[1-9][0-9]{3,5}$")


class RasterProcessing(_Body):
    """How the COG is to be written; `tile_size` in pixels."""

    compression: Compression = Compression.DEFLATE
    tile_size: int = Field(default=512, ge=128, le=1024, multiple_of=16)


class SubmissionBody(_Body):
    """The fields that a request has whatever its type."""

    dataset_id: _Identifier
    resource_id: _Identifier
    version_id: Annotated[_Identifier, Field(max_length=50)]
    source_path: Annotated[str, AfterValidator(normalise_source)] = Field(
        description="`bronze/<path>` or `azure://bronze/<path>` of the blob to be published",
    )
    client_request_id: str | None = Field(default=None, max_length=255)
    callback_url: Annotated[str | None, AfterValidator(_no_callback)] = Field(
        default=None, description="Not supported yet: poll the status URL."
    )


class VectorRequest(SubmissionBody):
    """Publish a vector file: GeoPackage, GeoJSON, zipped Shapefile."""

    request_type: Literal[DataType.VECTOR]
    processing_config: VectorProcessing = VectorProcessing()


class RasterRequest(SubmissionBody):
    """Publish a raster file: GeoTIFF."""

    request_type: Literal[DataType.RASTER]
    processing_config: RasterProcessing = RasterProcessing()


DDHRequest = VectorRequest | RasterRequest
REQUEST_MODELS: dict[DataType, type[VectorRequest] | type[RasterRequest]] = {
    DataType.VECTOR: VectorRequest,
    DataType.RASTER: RasterRequest,
}

# -- answers --------------------------------------------------------------------------------------


class Link(BaseModel):
    """A link as in RFC 8288; `method` where it is not GET."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rel: str
    href: str
    title: str | None = None
    method: Literal["GET", "POST"] = "GET"


class Estimate(BaseModel):
    """How long requests of this type took lately, in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds_p50: float
    seconds_p90: float


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    request_id: str
    platform_request_id: str
    dataset_key: str


class SubmitAnswer(_Answer):
    """The answer to a submission. `status` is `accepted` for a new one; URLs that do not exist are null."""

    status: Literal["accepted"] | RequestStatus
    status_url: str
    cancel_url: str | None = None
    events_url: str | None = None
    estimated_completion: datetime | None = None
    estimate: Estimate | None = None
    endpoints: dict[str, str] | None = None
    revision: int
    warnings: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


class PlannedStep(BaseModel):
    """One job that would run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_type: str
    description: str


class PlanSource(BaseModel):
    """The source as it lies there now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    size_bytes: int
    etag: str


class DryRunAnswer(_Answer):
    """What a submission would do; nothing was stored."""

    status: Literal["planned"] = "planned"
    dry_run: Literal[True] = True
    would: Literal["create", "revise", "replay"]
    revision: int
    collection_id: str
    data_type: DataType
    source: PlanSource | None
    processing_config: dict[str, Any]
    plan: tuple[PlannedStep, ...]
    estimate: Estimate | None = None
    warnings: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


class Progress(BaseModel):
    """`steps` are the jobs of the chain; `current_step` names the job and the stage that it stands at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current_step: str | None
    steps_completed: int
    total_steps: int
    percent_complete: int = Field(ge=0, le=100)


class JobPlace(BaseModel):
    """Where in a job something went wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: int | None = None
    task: str | None = None


class RequestError(BaseModel):
    """Why a request failed, and what to do about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    message: str
    remedy: str = ""
    retryable: bool = False
    context: dict[str, Any] = Field(default_factory=dict)
    step: str | None = None
    job: JobPlace | None = None


class RevisionEntry(BaseModel):
    """One ask for this dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version_id: str
    revision: int
    request_id: str
    status: RequestStatus
    created_at: datetime
    completed_at: datetime | None


class StatusAnswer(_Answer):
    """How a request stands. Every key is always there; `api_endpoints` equals `endpoints`."""

    client_request_id: str | None
    identifiers: dict[str, str]
    collection_id: str
    data_type: DataType
    status: RequestStatus
    ogc_status: str
    progress_percent: int = Field(ge=0, le=100)
    progress: Progress
    message: str | None
    estimated_completion: datetime | None
    endpoints: dict[str, str] | None
    api_endpoints: dict[str, str] | None
    stac_metadata: dict[str, Any] | None
    data_characteristics: dict[str, Any] | None
    warnings: tuple[str, ...]
    error: RequestError | None
    revision: int
    versions: tuple[RevisionEntry, ...]
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    links: tuple[Link, ...]


class RequestSummary(_Answer):
    """One line of the list of requests."""

    client_request_id: str | None
    identifiers: dict[str, str]
    data_type: DataType
    status: RequestStatus
    ogc_status: str
    progress_percent: int
    message: str | None
    revision: int
    created_at: datetime
    completed_at: datetime | None
    links: tuple[Link, ...]


class RequestPage(BaseModel):
    """A page of requests, newest first; `next` is the URL of the page after it, null on the last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: tuple[RequestSummary, ...]
    next: str | None
    links: tuple[Link, ...]
