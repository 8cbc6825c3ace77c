"""The ids in the paths of jobs and tasks."""

import re

import azure.functions as func

from infrastructure.repositories.job_views import unknown_job, unknown_task

_ID = re.compile(r"[\w.:-]{1,200}", re.ASCII)


def job_id_of(req: func.HttpRequest) -> str:
    """The job that a request is about; `NotFound` (JOB_NOT_FOUND) for what can be no id."""
    job_id: str = req.route_params["job_id"]
    if not _ID.fullmatch(job_id):
        raise unknown_job(job_id)
    return job_id


def task_id_of(req: func.HttpRequest) -> str:
    """The task that a request is about; `NotFound` (TASK_NOT_FOUND) for what can be no id."""
    task_id: str = req.route_params["task_id"]
    if not _ID.fullmatch(task_id):
        raise unknown_task(task_id)
    return task_id
