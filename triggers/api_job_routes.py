"""The operations on jobs, for `triggers.api_routes`."""

from core.models.job import JobStatus
from core.models.task import TaskStatus
from core.task_log import LEVELS
from triggers.api_operations import Answer, Operation, Parameter, Tag, get, whole
from triggers.job_control import CancelBody, RetryBody

_JOB = "/api/jobs/{job_id}"
_TASK = f"{_JOB}/tasks/{{task_id}}"
_CURSOR = Parameter("cursor", "Where to go on; follow `next`.")


def _one_of(name: str, description: str, words: list[str]) -> Parameter:
    return Parameter(name, description, {"type": "string", "enum": words})


_READING = (
    get(
        "/api/jobs",
        "The jobs, newest first",
        Tag.JOBS,
        "A page: `jobs` and the URL of the `next` one.",
        parameters=(
            _one_of("status", "Only those in this state.", [status.value for status in JobStatus]),
            Parameter("job_type", "Only those of this type."),
            Parameter("tenant", "Only those of this tenant."),
            Parameter("limit", "The most to answer.", whole(1, 200, 20)),
            _CURSOR,
        ),
        errors=(422, 503),
    ),
    get(_JOB, "A job with its stages, counts and progress", Tag.JOBS, "The job.", errors=(404, 503)),
    get("/api/jobs/status/{job_id}", "The same", Tag.JOBS, "The job.", errors=(404, 503)),
    get(
        f"{_JOB}/tasks",
        "The tasks of a job",
        Tag.JOBS,
        "A page: `tasks` and the URL of the `next` one.",
        parameters=(
            Parameter("stage", "Only those of this stage; 0 is all.", whole(0, 10_000, 0)),
            _one_of("status", "Only those in this state.", [status.value for status in TaskStatus]),
            Parameter("limit", "The most to answer.", whole(1, 1000, 100)),
            _CURSOR,
        ),
        errors=(404, 422, 503),
    ),
    get(_TASK, "A task: who ran it, how long it waited and ran", Tag.JOBS, "The task.", errors=(404, 503)),
    get(
        f"{_TASK}/logs",
        "What the attempts of a task have logged",
        Tag.JOBS,
        "A page: `logs` and the URL of the `next` one.",
        parameters=(
            Parameter("attempt", "Only this attempt; 0 is all.", whole(0, 1_000_000, 0)),
            _one_of("level", "At least of this level.", list(LEVELS)),
            Parameter("limit", "The most to answer.", whole(1, 1000, 500)),
            _CURSOR,
        ),
        errors=(404, 422, 503),
    ),
    get(
        f"{_JOB}/dag",
        "The stages of a job as a graph",
        Tag.JOBS,
        "JSON; Mermaid (text/plain) or SVG (image/svg+xml) if `f` says so.",
        parameters=(_one_of("f", "The form; JSON if nothing is said.", ["json", "mermaid", "svg"]),),
        errors=(404, 422, 503),
    ),
    Operation(
        "GET",
        f"{_JOB}/events",
        "What has happened to a job: server-sent events, or JSON if that is accepted",
        Tag.JOBS,
        {
            200: Answer("The events since the last one that the client has.", media_type="text/event-stream"),
            204: Answer("The job has ended, and all is told.", media_type=None),
        },
        parameters=(
            Parameter("Last-Event-ID", "The last event that the client has.", place="header"),
            Parameter("after", "The same, for a first request."),
            Parameter("wait", "Seconds to wait for a first event.", whole(0, 20, 0)),
            _one_of("f", "The form, whatever is accepted.", ["json", "sse"]),
        ),
        errors=(404, 422, 503),
    ),
)

_ACCEPTED = {202: Answer("Done, or begun: poll `status_url`.")}
_CONTROL = (
    Operation(
        "POST",
        "/api/jobs/submit/{job_type}",
        "Run a job that serves no dataset",
        Tag.JOBS,
        {201: Answer("Created."), 200: Answer("A job with these parameters exists already.")},
        takes_any_json=True,
        parameters=(
            Parameter("tenant", "Whose work it is, for fair shares."),
            Parameter("priority", "Higher goes first.", whole(-100, 100, 0)),
        ),
        errors=(400, 404, 415, 422, 503),
    ),
    Operation(
        "POST",
        f"{_JOB}/cancel",
        "Stop a job",
        Tag.JOBS,
        _ACCEPTED,
        body=(CancelBody,),
        body_is_optional=True,
        errors=(400, 404, 409, 415, 422, 503),
    ),
    Operation(
        "POST",
        f"{_JOB}/retry",
        "Run a failed or cancelled job again: its failed tasks, the stage that failed, or all of it",
        Tag.JOBS,
        _ACCEPTED,
        body=(RetryBody,),
        body_is_optional=True,
        errors=(400, 404, 409, 415, 422, 503),
    ),
    Operation(
        "POST",
        f"{_JOB}/resubmit",
        "The same",
        Tag.JOBS,
        _ACCEPTED,
        body=(RetryBody,),
        body_is_optional=True,
        errors=(400, 404, 409, 415, 422, 503),
    ),
    Operation(
        "POST", f"{_TASK}/retry", "Run one failed task again", Tag.JOBS, _ACCEPTED, errors=(404, 409, 503)
    ),
    Operation(
        "DELETE",
        _JOB,
        "Dismiss a job (OGC API - Processes): stop it",
        Tag.JOBS,
        {200: Answer("The job, as it is now.")},
        errors=(404, 409, 503),
    ),
)

_REGISTRIES = (
    get("/api/job-types", "The job types with the schemas of their parameters", Tag.JOBS, "The registry."),
    get("/api/job-types/{job_type}", "One job type", Tag.JOBS, "The job type.", errors=(404,)),
    get("/api/handlers", "The task types: queues, limits, schemas", Tag.JOBS, "The registry."),
)

JOB_OPERATIONS: tuple[Operation, ...] = (*_CONTROL, *_READING, *_REGISTRIES)
