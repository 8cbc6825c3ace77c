"""Jobs over HTTP: what there is, how far it is, and what its tasks have done."""

from collections.abc import Callable

import azure.functions as func

from core.models.job import JobStatus
from core.models.task import TaskStatus
from core.task_log import LEVELS
from infrastructure.repositories.job_views import JobFilter, JobViews, TaskFilter
from infrastructure.repositories.task_logs import TaskLogRepository
from triggers import paging
from triggers.application import Application
from triggers.http import choice, json_answer, number, text_of
from triggers.job_control import add_control
from triggers.job_documents import job_document, job_summary, log_line, task_document, whole_task_document
from triggers.job_events import add_events
from triggers.job_graph import add_graph
from triggers.job_ids import job_id_of, task_id_of
from triggers.job_types import add_types
from triggers.job_urls import JobUrls
from triggers.problems import answers
from triggers.workers import add_workers

Handler = Callable[[func.HttpRequest], func.HttpResponse]
_MAX_STAGE = 10_000
_MAX_ATTEMPT = 1_000_000


def jobs_blueprint(app: Application) -> func.Blueprint:
    """Everything below `/api/jobs` but submitting, the registries, and the workers."""
    blueprint = func.Blueprint()
    for name, route, handler in (
        ("list_jobs", "api/jobs", _list_jobs(app)),
        ("get_job", "api/jobs/{job_id}", _get_job(app)),
        ("get_job_status", "api/jobs/status/{job_id}", _get_job(app)),
        ("list_tasks", "api/jobs/{job_id}/tasks", _list_tasks(app)),
        ("get_task", "api/jobs/{job_id}/tasks/{task_id}", _get_task(app)),
        ("get_task_logs", "api/jobs/{job_id}/tasks/{task_id}/logs", _get_task_logs(app)),
    ):
        blueprint.function_name(name)(blueprint.route(route=route, methods=["GET"])(handler))
    for add in (add_graph, add_events, add_control, add_types, add_workers):
        add(blueprint, app)
    return blueprint


def _list_jobs(app: Application) -> Handler:
    views, urls = JobViews(app.database), JobUrls.of(app)

    @answers
    def list_jobs(req: func.HttpRequest) -> func.HttpResponse:
        query = {
            "status": choice(req, "status", list(JobStatus)),
            "job_type": text_of(req, "job_type"),
            "tenant": text_of(req, "tenant"),
        }
        limit = number(req, "limit", default=20, least=1, most=200)
        cursor = req.params.get("cursor")
        after = paging.decode_moment(cursor) if cursor else None
        page = paging.Page(views.jobs(JobFilter(**query), after=after, limit=limit + 1), limit)
        following = page.next_url(urls.jobs(), query, position=("created_at", "job_id"))
        return paging.page_answer(
            "jobs", [job_summary(row, urls=urls) for row in page.shown], following=following
        )

    return list_jobs


def _get_job(app: Application) -> Handler:
    views, urls = JobViews(app.database), JobUrls.of(app)

    @answers
    def get_job(req: func.HttpRequest) -> func.HttpResponse:
        job, stages = views.job(job_id_of(req))
        workflow = app.workflows.get(job["job_type"])
        return json_answer(job_document(job, stages, workflow=workflow, urls=urls))

    return get_job


def _list_tasks(app: Application) -> Handler:
    views, urls = JobViews(app.database), JobUrls.of(app)

    @answers
    def list_tasks(req: func.HttpRequest) -> func.HttpResponse:
        job_id = job_id_of(req)
        wanted = TaskFilter(
            stage=number(req, "stage", default=0, least=0, most=_MAX_STAGE) or None,
            status=choice(req, "status", list(TaskStatus)),
        )
        limit = number(req, "limit", default=100, least=1, most=1000)
        after = _after(req)
        page = paging.Page(views.tasks(job_id, wanted, after=after, limit=limit + 1), limit)
        query = {"stage": wanted.stage, "status": wanted.status}
        following = page.next_url(urls.tasks(job_id), query, position=("stage", "task_index"))
        shown = [task_document(row, job_id=job_id, urls=urls) for row in page.shown]
        return paging.page_answer("tasks", shown, following=following)

    return list_tasks


def _get_task(app: Application) -> Handler:
    views, urls = JobViews(app.database), JobUrls.of(app)

    @answers
    def get_task(req: func.HttpRequest) -> func.HttpResponse:
        job_id = job_id_of(req)
        task = views.task(job_id, task_id_of(req))
        return json_answer(whole_task_document(task, job_id=job_id, urls=urls))

    return get_task


def _get_task_logs(app: Application) -> Handler:
    views, logs, urls = JobViews(app.database), TaskLogRepository(app.database), JobUrls.of(app)

    @answers
    def get_task_logs(req: func.HttpRequest) -> func.HttpResponse:
        job_id, task_id = job_id_of(req), task_id_of(req)
        attempt = number(req, "attempt", default=0, least=0, most=_MAX_ATTEMPT) or None
        level = choice(req, "level", LEVELS) or LEVELS[0]
        limit = number(req, "limit", default=500, least=1, most=1000)
        after = _after(req)
        views.task(job_id, task_id)
        levels = LEVELS[LEVELS.index(level) :]
        rows = logs.page(task_id, levels=levels, attempt=attempt, after=after, limit=limit + 1)
        page = paging.Page(rows, limit)
        query = {"attempt": attempt, "level": level}
        following = page.next_url(urls.logs(job_id, task_id), query, position=("attempt", "seq"))
        return paging.page_answer("logs", [log_line(row) for row in page.shown], following=following)

    return get_task_logs


def _after(req: func.HttpRequest) -> tuple[int, int]:
    """The position behind which a list of numbered things begins."""
    cursor = req.params.get("cursor")
    return paging.decode_numbers(cursor) if cursor else (0, 0)
