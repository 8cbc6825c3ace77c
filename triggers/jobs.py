"""Jobs over HTTP: how far a job is, with its stages and tasks."""

from collections.abc import Sequence
from typing import Any

import azure.functions as func

from core.errors import NotFound
from core.models.job import JobRecord
from core.models.stage import StageRecord
from core.models.task import TaskRecord
from triggers.application import Application
from triggers.http import json_answer, number
from triggers.problems import answers

_OGC_STATUS = {
    "queued": "accepted",
    "processing": "running",
    "completed": "successful",
    "failed": "failed",
    "cancelled": "dismissed",
}
_TASKS_SHOWN = 100


def jobs_blueprint(app: Application) -> func.Blueprint:
    """`GET /api/jobs`, `/api/jobs/{job_id}`, `/api/jobs/{job_id}/tasks`, `/api/job-types`."""
    blueprint = func.Blueprint()
    base_url = app.settings.platform.public_base_url.rstrip("/")

    @blueprint.route(route="api/jobs", methods=["GET"])
    @answers
    def list_jobs(req: func.HttpRequest) -> func.HttpResponse:
        limit = number(req, "limit", default=20, least=1, most=200)
        offset = number(req, "offset", default=0, least=0, most=1_000_000)
        with app.database.unit_of_work() as work:
            jobs = work.jobs.recent(limit=limit, offset=offset)
        return json_answer(
            {"jobs": [_summary(job, base_url) for job in jobs], "limit": limit, "offset": offset}
        )

    @blueprint.route(route="api/jobs/{job_id}", methods=["GET"])
    @answers
    def get_job(req: func.HttpRequest) -> func.HttpResponse:
        job_id = req.route_params["job_id"]
        with app.database.unit_of_work() as work:
            job = work.jobs.get(job_id)
            if job is None:
                raise _unknown(job_id)
            stages = work.jobs.stages(job_id)
            tasks = work.tasks.list(job_id, stage=None, limit=_TASKS_SHOWN, offset=0)
        return json_answer(_full(job, stages, tasks, base_url=base_url))

    @blueprint.route(route="api/jobs/{job_id}/tasks", methods=["GET"])
    @answers
    def get_tasks(req: func.HttpRequest) -> func.HttpResponse:
        job_id = req.route_params["job_id"]
        limit = number(req, "limit", default=_TASKS_SHOWN, least=1, most=1000)
        offset = number(req, "offset", default=0, least=0, most=10_000_000)
        stage = number(req, "stage", default=0, least=0, most=1000) or None
        with app.database.unit_of_work() as work:
            if work.jobs.get(job_id) is None:
                raise _unknown(job_id)
            tasks = work.tasks.list(job_id, stage=stage, limit=limit, offset=offset)
        return json_answer({"tasks": [_task(task) for task in tasks], "limit": limit, "offset": offset})

    @blueprint.route(route="api/job-types", methods=["GET"])
    @answers
    def job_types(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        return json_answer(
            {
                "job_types": [
                    {
                        "job_type": workflow.job_type,
                        "description": workflow.description,
                        "parameters": workflow.parameters_model.model_json_schema(),
                        "stages": [
                            {"number": stage.number, "name": stage.name, "task_type": stage.task_type}
                            for stage in workflow.stages
                        ],
                    }
                    for _, workflow in sorted(app.workflows.items())
                ]
            }
        )

    return blueprint


def _unknown(job_id: str) -> NotFound:
    return NotFound(
        f"There is no job {job_id!r}.",
        code="JOB_NOT_FOUND",
        remedy="Use the job_id of the answer to a submission.",
    )


def _summary(job: JobRecord, base_url: str) -> dict[str, Any]:
    ogc = {
        "processID": job.job_type,
        "type": "process",
        "jobID": job.job_id,
        "created": job.created_at,
        "started": job.started_at,
        "finished": job.finished_at,
        "updated": job.updated_at,
        "ogc_status": _OGC_STATUS[job.status],
    }
    own = job.model_dump(
        mode="json", include={"job_id", "job_type", "status", "stage", "total_stages", "error"}
    )
    return {**own, **ogc, "links": [{"rel": "self", "href": f"{base_url}/api/jobs/{job.job_id}"}]}


def _full(
    job: JobRecord, stages: Sequence[StageRecord], tasks: Sequence[TaskRecord], *, base_url: str
) -> dict[str, Any]:
    total = sum(stage.task_count for stage in stages)
    return {
        **_summary(job, base_url),
        "parameters": job.parameters,
        "result": job.result,
        "platform_request_id": job.platform_request_id,
        "dataset_key": job.dataset_key,
        "progress": _progress(job, stages),
        "stages": [stage.model_dump(mode="json", exclude={"job_id"}) for stage in stages],
        "tasks": [_task(task) for task in tasks],
        "tasks_total": total,
        "tasks_url": f"{base_url}/api/jobs/{job.job_id}/tasks",
    }


def _progress(job: JobRecord, stages: Sequence[StageRecord]) -> int:
    """Percent: closed stages count whole, the open one by its ended tasks."""
    if job.status == "completed":
        return 100
    done = 0.0
    for stage in stages:
        ended = sum(stage.counts.get(status, 0) for status in ("completed", "failed", "cancelled"))
        done += 1.0 if stage.status == "closed" else ended / max(1, stage.task_count)
    return int(100 * done / job.total_stages)


def _task(task: TaskRecord) -> dict[str, Any]:
    shown = task.model_dump(mode="json", exclude={"job_id", "worker"})
    started, ended = task.execution_started_at, task.finished_at
    return {
        **shown,
        "queue_wait_seconds": (started - task.created_at).total_seconds() if started else None,
        "run_seconds": (ended - started).total_seconds() if started and ended else None,
    }
