"""The internal door: a job of any registered type, with no dataset."""

import azure.functions as func

from core.errors import InvalidRequest
from core.submission import JobSubmitted
from triggers.application import Application
from triggers.http import json_answer, json_body, number
from triggers.problems import answers


def submit_job_blueprint(app: Application) -> func.Blueprint:
    """`POST /api/jobs/submit/{job_type}`: 201 for a new job, 200 for one that exists already."""
    blueprint = func.Blueprint()
    jobs_queue = app.settings.queues.jobs_queue
    base_url = app.settings.platform.public_base_url.rstrip("/")

    @blueprint.route(route="api/jobs/submit/{job_type}", methods=["POST"])
    @answers
    def submit_job(req: func.HttpRequest) -> func.HttpResponse:
        parameters = json_body(req) if req.get_body() else {}
        if not isinstance(parameters, dict):
            raise InvalidRequest("The parameters must be a JSON object.", remedy='Send {"name": value, ...}.')
        submitted = app.job_submission.submit(
            req.route_params["job_type"],
            parameters,
            tenant=req.params.get("tenant", ""),
            priority=number(req, "priority", default=0, least=-100, most=100),
        )
        url = f"{base_url}/api/jobs/{submitted.job_id}"
        body = {
            "job_id": submitted.job_id,
            "job_type": submitted.job_type,
            "status_url": url,
            "queue_info": {"queue": jobs_queue},
            **_status(submitted),
        }
        return json_answer(body, status=201 if submitted.created else 200, headers={"Location": url})

    return blueprint


def _status(submitted: JobSubmitted) -> dict[str, str]:
    if submitted.created:
        return {"status": "created", "message": "The job is queued."}
    return {
        "status": "already_exists",
        "existing_status": submitted.existing_status or "unknown",
        "message": "A job with these parameters was submitted before.",
    }
