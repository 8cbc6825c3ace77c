"""Jobs, stages and tasks as JSON: from the rows of the read model to what clients get."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.models.job import JobStatus
from core.models.stage import Parallelism
from core.workflow import Workflow
from triggers.job_progress import StageCounts, percent_done
from triggers.job_urls import JobUrls

Row = Mapping[str, Any]
_OGC_STATUS = {
    JobStatus.QUEUED: "accepted",
    JobStatus.PROCESSING: "running",
    JobStatus.COMPLETED: "successful",
    JobStatus.FAILED: "failed",
    JobStatus.CANCELLED: "dismissed",
}
_OWN = ("job_id", "job_type", "status", "stage", "total_stages", "tenant", "priority", "platform_request_id")
_WHOLE = ("dataset_key", "parameters", "result", "holes", "finalize_attempts")
_TASK = (
    "task_id",
    "stage",
    "task_index",
    "task_key",
    "task_type",
    "target_queue",
    "status",
    "attempt",
    "max_attempts",
    "progress",
    "priority",
    "executed_by_app",
    "execution_started_at",
    "error",
    "created_at",
    "updated_at",
    "finished_at",
)


def job_summary(job: Row, *, urls: JobUrls) -> dict[str, Any]:
    """A job in a list: our own words, and those of OGC API - Processes (statusInfo)."""
    return {
        **{name: job[name] for name in _OWN},
        "processID": job["job_type"],
        "type": "process",
        "jobID": job["job_id"],
        "ogc_status": _OGC_STATUS[JobStatus(job["status"])],
        "created": _moment(job["created_at"]),
        "started": _moment(job["started_at"]),
        "finished": _moment(job["finished_at"]),
        "updated": _moment(job["updated_at"]),
        "error": job["error"],
        "links": [_link("self", urls.job(job["job_id"]))],
    }


def job_document(
    job: Row, stages: Sequence[Row], *, workflow: Workflow | None, urls: JobUrls
) -> dict[str, Any]:
    """A job with its stages, the counts of their tasks, and where to look further."""
    url = urls.job(job["job_id"])
    return {
        **job_summary(job, urls=urls),
        **{name: job[name] for name in _WHOLE},
        "progress": progress_of(job, stages, workflow),
        "stages": [_stage(stage) for stage in stages],
        "task_counts": _total_counts(stages),
        "links": [
            _link("self", url),
            _link("tasks", f"{url}/tasks"),
            _link("alternate", f"{url}/dag?f=svg", type="image/svg+xml", title="The stages as a picture"),
            _link("monitor", f"{url}/events", type="text/event-stream"),
            *_actions(JobStatus(job["status"]), url),
        ],
    }


def progress_of(job: Row, stages: Sequence[Row], workflow: Workflow | None) -> int:
    """Percent, weighted by tasks; 100 when the job is completed, and never before."""
    if job["status"] == JobStatus.COMPLETED:
        return 100
    total = job["total_stages"]
    if workflow is not None and len(workflow.stages) == total:
        kinds = [stage.parallelism for stage in workflow.stages]
    else:  # a job of another version of this app
        kinds = [Parallelism.FAN_OUT] * total
    return percent_done([_counts(stage) for stage in stages], kinds)


def task_document(task: Row, *, job_id: str, urls: JobUrls) -> dict[str, Any]:
    """A task in a list."""
    task_id = task["task_id"]
    return {
        **{name: _json(task[name]) for name in _TASK},
        "error_type": task["error"]["error_class"] if task["error"] else None,
        **_timing(task),
        "links": [
            _link("self", urls.task(job_id, task_id)),
            _link("logs", urls.logs(job_id, task_id)),
        ],
    }


def whole_task_document(task: Row, *, job_id: str, urls: JobUrls) -> dict[str, Any]:
    """A task with its parameters and its result."""
    listed = task_document(task, job_id=job_id, urls=urls)
    listed["links"].append(_link("job", urls.job(job_id)))
    more = {
        name: _json(task[name]) for name in ("tenant", "parameters", "result", "run_after", "lease_until")
    }
    return {**listed, **more}


def log_line(row: Row) -> dict[str, Any]:
    """One record of what a task has logged."""
    return {name: _json(value) for name, value in row.items()}


def _stage(stage: Row) -> dict[str, Any]:
    closed_at: datetime | None = stage["closed_at"]
    return {
        **{name: _json(value) for name, value in stage.items()},
        "duration_seconds": _seconds(closed_at - stage["opened_at"]) if closed_at else None,
    }


def _counts(stage: Row) -> StageCounts:
    failed = stage["counts"].get("failed", 0)
    allowed = stage["allowed_failures"]
    return StageCounts(
        task_count=stage["task_count"],
        completed=stage["counts"].get("completed", 0),
        passed_failures=failed if allowed is None else min(failed, allowed),
    )


def _total_counts(stages: Sequence[Row]) -> dict[str, int]:
    total: dict[str, int] = {}
    for stage in stages:
        for status, number in stage["counts"].items():
            total[status] = total.get(status, 0) + number
    return total


def _timing(task: Row) -> dict[str, float | None]:
    """How long it waited for its (last) attempt, and how long that ran: so far, if it still does.

    The wait of a later attempt is known until it ends, and is None from then on.
    """
    started, ended, asked = task["execution_started_at"], task["finished_at"], task["asked_at"]
    wait: timedelta | None
    if task["status"] == "processing":
        due = task["created_at"] if task["attempt"] == 1 else task["run_after"]
        wait, run = started - due, asked - started
    elif ended:
        wait = started - task["created_at"] if started and task["attempt"] == 1 else None
        run = ended - started if started else None
    else:
        due = task["created_at"] if task["attempt"] == 0 else task["updated_at"]
        wait, run = asked - due, None
    return {"queue_wait_seconds": _seconds(wait), "run_seconds": _seconds(run)}


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else round(max(0.0, duration.total_seconds()), 3)


def _actions(status: JobStatus, url: str) -> list[dict[str, str]]:
    if not status.is_terminal:
        return [_link("cancel", f"{url}/cancel", method="POST")]
    return [] if status is JobStatus.COMPLETED else [_link("retry", f"{url}/retry", method="POST")]


def _link(rel: str, href: str, **more: str) -> dict[str, str]:
    return {"rel": rel, "href": href, **more}


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
