"""The registries over HTTP: which jobs can be submitted, and who runs their tasks."""

from typing import Any

import azure.functions as func

from core.errors import NotFound
from core.models.stage import Stage
from core.registry import HandlerDefinition
from core.workflow import Workflow
from triggers.application import Application
from triggers.http import json_answer
from triggers.job_urls import JobUrls
from triggers.problems import answers


def add_types(blueprint: func.Blueprint, app: Application) -> None:
    """`GET /api/job-types`, `/api/job-types/{job_type}`, `/api/handlers`."""

    @blueprint.route(route="api/job-types", methods=["GET"])
    @answers
    def job_types(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        known = [_job_type(app, workflow) for _, workflow in sorted(app.workflows.items())]
        return json_answer({"job_types": known})

    @blueprint.route(route="api/job-types/{job_type}", methods=["GET"])
    @answers
    def job_type(req: func.HttpRequest) -> func.HttpResponse:
        name = req.route_params["job_type"]
        if (workflow := app.workflows.get(name)) is None:
            raise NotFound(
                f"There is no job type {name!r}.",
                code="UNKNOWN_JOB_TYPE",
                remedy="GET /api/job-types lists the job types.",
            )
        return json_answer(_job_type(app, workflow))

    @blueprint.route(route="api/handlers", methods=["GET"])
    @answers
    def handlers(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        known = [
            _handler(app, definition)
            for name, definition in sorted(app.handlers.items())
            if name == definition.task_type
        ]
        return json_answer({"handlers": known})


def _job_type(app: Application, workflow: Workflow) -> dict[str, Any]:
    base = JobUrls.of(app).base
    return {
        "job_type": workflow.job_type,
        "description": workflow.description,
        "parameters": workflow.parameters_model.model_json_schema(),
        "stages": [_stage(app, stage) for stage in workflow.stages],
        "links": [
            {"rel": "self", "href": f"{base}/api/job-types/{workflow.job_type}"},
            {"rel": "submit", "href": f"{base}/api/jobs/submit/{workflow.job_type}", "method": "POST"},
        ],
    }


def _stage(app: Application, stage: Stage) -> dict[str, Any]:
    return {
        "number": stage.number,
        "name": stage.name,
        "task_type": stage.task_type,
        "parallelism": stage.parallelism.value,
        "allowed_failures": stage.failures.allowed_failures,
        "target_queue": app.settings.queues.names[app.handlers[stage.task_type].queue],
    }


def _handler(app: Application, definition: HandlerDefinition) -> dict[str, Any]:
    used_by = sorted(
        workflow.job_type
        for workflow in app.workflows.values()
        if any(stage.task_type in definition.names for stage in workflow.stages)
    )
    return {
        "task_type": definition.task_type,
        "aliases": list(definition.aliases),
        "queue_role": definition.queue.value,
        "target_queue": app.settings.queues.names[definition.queue],
        "isolated": definition.isolated,
        "time_limit_seconds": definition.time_limit.total_seconds(),
        "memory_limit_bytes": definition.memory_limit_bytes,
        "parameters": definition.parameters_model.model_json_schema(),
        "result": definition.result_model.model_json_schema(mode="serialization"),
        "job_types": used_by,
    }
