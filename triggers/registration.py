"""Which triggers an app has: all of HTTP in every mode, and the queues and timers of its mode."""

import azure.functions as func

from core.errors import InvalidRequest, NotFound
from triggers.application import Application
from triggers.dead_letters import dead_letter_blueprint, queues_blueprint
from triggers.exports import exports_blueprint
from triggers.health import health_blueprint
from triggers.jobs import jobs_blueprint
from triggers.openapi import methods_of, openapi_blueprint
from triggers.platform import platform_blueprint
from triggers.problems import answers, problem_response
from triggers.service_bus import queue_blueprint
from triggers.serving.routes import serving_blueprint
from triggers.submit_job import submit_job_blueprint
from triggers.timers import timer_blueprint


def register(functions: func.FunctionApp, app: Application) -> None:
    """Add every function of this app's mode."""
    for make in (
        platform_blueprint,
        exports_blueprint,
        submit_job_blueprint,
        jobs_blueprint,
        health_blueprint,
        openapi_blueprint,
        queues_blueprint,
        queue_blueprint,
        dead_letter_blueprint,
        timer_blueprint,
        serving_blueprint,
        _fallback_blueprint,
    ):
        functions.register_functions(make(app))


def _fallback_blueprint(app: Application) -> func.Blueprint:  # noqa: ARG001  one signature for all
    """What no other route takes: an error in the one shape instead of an empty 404 of the host."""
    blueprint = func.Blueprint()

    @blueprint.route(route="{*path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
    @answers
    def not_found(req: func.HttpRequest) -> func.HttpResponse:
        path = f"/{req.route_params.get('path', '')}"
        if methods := methods_of(path):
            refusal = InvalidRequest(
                f"{path} does not take {req.method}.",
                code="METHOD_NOT_ALLOWED",
                remedy=f"It takes {', '.join(methods)}. GET /api/openapi.json describes them.",
            )
            response = problem_response(refusal, instance=path)
            response.headers["Allow"] = ", ".join(methods)  # RFC 9110, 15.5.6
            return response
        raise NotFound(
            f"There is nothing at {path} for {req.method}.",
            remedy="GET /api/openapi.json lists the paths and methods.",
        )

    return blueprint
