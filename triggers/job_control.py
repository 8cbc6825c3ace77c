"""Stopping jobs, and running them again, over HTTP."""

from collections.abc import Callable
from typing import Annotated

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, StrictInt

from core.control import RetryScope, scope_of
from infrastructure.repositories.job_views import JobViews
from triggers.application import Application
from triggers.http import json_answer, optional_body
from triggers.job_documents import job_summary
from triggers.job_ids import job_id_of, task_id_of
from triggers.job_urls import JobUrls
from triggers.problems import answers

Handler = Callable[[func.HttpRequest], func.HttpResponse]


StageName = StrictInt | Annotated[str, Field(max_length=120)]


class CancelBody(BaseModel):
    """Why a job is cancelled: shown with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field("", max_length=500)


class RetryBody(BaseModel):
    """What runs again: the failed tasks of the stage that failed, that whole stage, or the whole job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: RetryScope | None = Field(None, description="`failed_tasks` unless something else is said")
    from_stage: StageName | None = Field(
        None, description="the number or the name of an earlier stage: it and those after it are done anew"
    )


def add_control(blueprint: func.Blueprint, app: Application) -> None:
    """`POST .../cancel`, `.../retry` and its alias, `.../tasks/{task_id}/retry`; DELETE as OGC has it."""
    for name, route, method, handler in (
        ("cancel_job", "api/jobs/{job_id}/cancel", "POST", _cancel(app)),
        ("retry_job", "api/jobs/{job_id}/retry", "POST", _retry(app)),
        ("resubmit_job", "api/jobs/{job_id}/resubmit", "POST", _retry(app)),
        ("retry_task", "api/jobs/{job_id}/tasks/{task_id}/retry", "POST", _retry_task(app)),
        ("dismiss_job", "api/jobs/{job_id}", "DELETE", _dismiss(app)),
    ):
        blueprint.function_name(name)(blueprint.route(route=route, methods=[method])(handler))


def _cancel(app: Application) -> Handler:
    urls = JobUrls.of(app)

    @answers
    def cancel_job(req: func.HttpRequest) -> func.HttpResponse:
        job_id, body = job_id_of(req), optional_body(req, CancelBody)
        app.job_control.cancel(job_id, reason=body.reason)
        return _accepted(urls, job_id, {"status": "cancelled"})

    return cancel_job


def _retry(app: Application) -> Handler:
    urls = JobUrls.of(app)

    @answers
    def retry_job(req: func.HttpRequest) -> func.HttpResponse:
        job_id, body = job_id_of(req), optional_body(req, RetryBody)
        scope = scope_of(body.scope, from_stage=body.from_stage)
        tasks = app.job_control.retry(job_id, scope=scope, from_stage=body.from_stage)
        return _accepted(urls, job_id, {"scope": scope.value, "tasks": tasks})

    return retry_job


def _retry_task(app: Application) -> Handler:
    urls, views = JobUrls.of(app), JobViews(app.database)

    @answers
    def retry_task(req: func.HttpRequest) -> func.HttpResponse:
        job_id, task_id = job_id_of(req), task_id_of(req)
        views.task(job_id, task_id)
        app.job_control.retry_task(job_id, task_id)
        return _accepted(urls, job_id, {"task_id": task_id, "task_url": urls.task(job_id, task_id)})

    return retry_task


def _dismiss(app: Application) -> Handler:
    """OGC API - Processes, requirements class "dismiss": the answer is the job's statusInfo."""
    urls, views = JobUrls.of(app), JobViews(app.database)

    @answers
    def dismiss_job(req: func.HttpRequest) -> func.HttpResponse:
        job_id = job_id_of(req)
        app.job_control.cancel(job_id, reason="dismissed")
        job, _ = views.job(job_id)
        return json_answer(job_summary(job, urls=urls))

    return dismiss_job


def _accepted(urls: JobUrls, job_id: str, more: dict[str, object]) -> func.HttpResponse:
    url = urls.job(job_id)
    return json_answer({"job_id": job_id, **more, "status_url": url}, status=202, headers={"Location": url})
