"""What clients get: the answers of the Platform's HTTP contract."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.control import RetryScope
from core.models.job import JobStatus
from geo_platform.states import DataType, RequestStatus, Shape


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


class RetryAnswer(_Answer):
    """The answer to a retry: `tasks` of the job `job_id` run again (0: what comes after them does).

    With other options it is the next revision that is told of, with the `request_id` and the job of its own.
    """

    status: Literal["accepted"] | RequestStatus = "accepted"
    revision: int
    job_id: str
    scope: RetryScope
    tasks: int
    status_url: str
    links: tuple[Link, ...] = ()


class PlannedStep(BaseModel):
    """One job that would run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_type: str
    description: str


class PlanSource(BaseModel):
    """The source as it lies there now; of a collection only where, for a job lists it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    size_bytes: int | None = None
    etag: str | None = None


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
    """How a request stands. Every key is always there; `api_endpoints` equals `endpoints`.

    `completed_with_errors`: it is published, but parts are missing; `warnings` and the report say which.
    """

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
    completed_with_errors: bool
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


class StepReport(BaseModel):
    """One job of the chain. `skipped` says why it does not run; `seconds` it took, once it has ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_type: str
    status: JobStatus | None
    skipped: str | None
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None


class ReportedFinding(BaseModel):
    """One thing worth saying of the data, and the step that said it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    code: str
    severity: str
    message: str
    remedy: str
    context: dict[str, Any]


class MissingParts(BaseModel):
    """Files, tiles or features that were refused or failed.

    `parts` are the first hundred files or tiles; of features the reasons, with their layer and count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    parts: tuple[dict[str, Any], ...]


class ReportAnswer(_Answer):
    """What was found out about the data, and what was done with them; it grows as the jobs end.

    Attributes:
        published_as: `table`, `cog` or `mosaic`; of a running request, what it will be as far as is known.
        source: the source as it was read.
        validation: the validation's report: the header, the class, the groups of a collection.
        processing: the summary of what was made. Of a raster: statistics, rendering, checksums, proof of the
            pixels. Of a vector, for each of its `tables`: the counts of the source, of the table and of what
            was rejected and why; the steps of the cleaning and how often each had something to do; the
            largest repairs; the columns with the names that the source gave them, and their values; the
            coordinate operation and its accuracy; the digest of the rows.
        derived: the results of further jobs, by job type: tile cache, terrain products, exports. Among these
            are the files that were asked for since; `collection_id` says of which collection, null of all.
    """

    status: RequestStatus
    data_type: DataType
    published_as: Shape
    processing_config: dict[str, Any]
    source: dict[str, Any] | None
    findings: tuple[ReportedFinding, ...]
    warnings: tuple[str, ...]
    validation: dict[str, Any] | None
    processing: dict[str, Any] | None
    derived: dict[str, Any]
    missing: MissingParts
    steps: tuple[StepReport, ...]
    error: RequestError | None
    links: tuple[Link, ...]
