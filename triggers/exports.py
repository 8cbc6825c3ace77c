"""Files of a dataset over HTTP: ask for one, see how it stands, list them."""

from collections.abc import Callable

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from core.task_models.vector_export import ExportFormat
from geo_platform.export_answers import ExportAnswer
from triggers.http import body_of, conditional_answer, json_answer
from triggers.platform import PlatformApplication
from triggers.problems import answers

_POLL_SECONDS = 2
Handler = Callable[[func.HttpRequest], func.HttpResponse]


class ExportBody(BaseModel):
    """Which file is wanted: all features of all collections, or of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: ExportFormat
    collection: str = Field("", max_length=63, description="one of several collections; without it, all")
    retry: bool = Field(default=False, description="have a file made again that could not be made")


def exports_blueprint(app: PlatformApplication) -> func.Blueprint:
    """`POST` and `GET /api/datasets/{key}/exports`, `GET .../exports/{export_id}`."""
    blueprint = func.Blueprint()
    for name, route, method, handler in (
        ("ask_for_export", "api/datasets/{key}/exports", "POST", _ask(app)),
        ("list_exports", "api/datasets/{key}/exports", "GET", _list(app)),
        ("get_export", "api/datasets/{key}/exports/{export_id}", "GET", _get(app)),
    ):
        blueprint.function_name(name)(blueprint.route(route=route, methods=[method])(handler))
    return blueprint


def _ask(app: PlatformApplication) -> Handler:
    @answers
    def ask_for_export(req: func.HttpRequest) -> func.HttpResponse:
        body = body_of(req, ExportBody)
        answer = app.platform.dataset_exports.ask(
            req.route_params.get("key", ""), body.format, collection_id=body.collection, again=body.retry
        )
        headers = {"Location": answer.status_url, **_poll_hint(answer)}
        return json_answer(answer, status=202 if answer.status == "processing" else 200, headers=headers)

    return ask_for_export


def _list(app: PlatformApplication) -> Handler:
    @answers
    def list_exports(req: func.HttpRequest) -> func.HttpResponse:
        return conditional_answer(
            req, app.platform.dataset_exports.of_dataset(req.route_params.get("key", ""))
        )

    return list_exports


def _get(app: PlatformApplication) -> Handler:
    @answers
    def get_export(req: func.HttpRequest) -> func.HttpResponse:
        key, export_id = req.route_params.get("key", ""), req.route_params.get("export_id", "")
        answer = app.platform.dataset_exports.one(key, export_id)
        return conditional_answer(req, answer, headers=_poll_hint(answer))

    return get_export


def _poll_hint(answer: ExportAnswer) -> dict[str, str]:
    return {"Retry-After": str(_POLL_SECONDS)} if answer.status == "processing" else {}
