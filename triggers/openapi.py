"""`GET /api/openapi.json`: the API as an OpenAPI 3.1 document, from the route table and the models."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from http import HTTPStatus
from itertools import chain
from typing import Any, Literal

import azure.functions as func
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from config.defaults import VERSION
from triggers.api_operations import JSON, PROBLEM, Answer, Operation, Parameter
from triggers.api_routes import OPERATIONS
from triggers.application import Application
from triggers.http import json_answer
from triggers.problem_document import ProblemDocument
from triggers.problems import answers

_REF = "#/components/schemas/{model}"
_PLATFORM = "/api/platform/"
_DESCRIPTION = (
    "Give us a raster or vector file in blob storage and get working URLs: OGC API Features, vector tiles, "
    "raster tiles, STAC, downloads. Every error has one shape (RFC 9457)."
)


def openapi_blueprint(app: Application) -> func.Blueprint:
    """The route of the document; it is the same as long as the process lives."""
    blueprint = func.Blueprint()
    document: dict[str, Any] = {}

    @blueprint.route(route="api/openapi.json", methods=["GET"])
    @answers
    def openapi(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        if not document:
            document.update(openapi_document(app.settings.platform.public_base_url))
        return json_answer(document, headers={"Cache-Control": "public, max-age=300"})

    return blueprint


def openapi_document(base_url: str) -> dict[str, Any]:
    """The document (OpenAPI Specification 3.1.1; its schemas are JSON Schema 2020-12)."""
    paths: dict[str, dict[str, Any]] = {}
    for path, operation in _all_paths(OPERATIONS):
        paths.setdefault(path, {})[operation.method.lower()] = _operation(path, operation)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Geospatial data platform", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": base_url.rstrip("/")}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag.value for operation in OPERATIONS)],
        "paths": paths,
        "components": {"schemas": _schemas(), "responses": {"Problem": _problem_response()}},
    }


def methods_of(path: str) -> tuple[str, ...]:
    """The methods that a path takes; none where there is nothing."""
    return tuple(sorted({method for pattern, method in _patterns() if pattern.fullmatch(path)}))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), operation.method)
        for path, operation in _all_paths(OPERATIONS)
    )


def _all_paths(operations: Iterable[Operation]) -> Iterator[tuple[str, Operation]]:
    """Clients of the Platform are told both spellings."""
    for operation in operations:
        yield operation.path, operation
        if operation.path.startswith(_PLATFORM):
            yield operation.path.removeprefix("/api"), operation


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": _operation_id(path, operation.method),
        "summary": operation.summary,
        "tags": [operation.tag.value],
        "parameters": [*_path_parameters(path), *map(_parameter, operation.parameters)],
        "responses": _responses(operation),
    }
    if operation.body or operation.takes_any_json:
        schema = _one_of(operation.body) if operation.body else {"type": "object"}
        described["requestBody"] = {
            "required": not operation.body_is_optional,
            "content": {JSON: {"schema": schema, **_examples(operation)}},
        }
    return described


def _examples(operation: Operation) -> dict[str, Any]:
    """Example Objects (OpenAPI 3.1.1, section 4.8.19)."""
    named = {name: {"value": dict(value)} for name, value in operation.body_examples.items()}
    return {"examples": named} if named else {}


def _operation_id(path: str, method: str) -> str:
    return "_".join([method.lower(), *re.findall(r"\w+", path)])


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _responses(operation: Operation) -> dict[str, Any]:
    given = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    refused = {str(status): {"$ref": "#/components/responses/Problem"} for status in operation.errors}
    return {**given, **refused, "default": {"$ref": "#/components/responses/Problem"}}


def _answer(answer: Answer) -> dict[str, Any]:
    if answer.media_type is None:
        return {"description": answer.description}
    content = {"schema": _one_of(answer.models)} if answer.models else {}
    others: dict[str, dict[str, Any]] = {media_type: {} for media_type in answer.also}
    return {"description": answer.description, "content": {answer.media_type: content, **others}}


def _one_of(models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    references = [{"$ref": _REF.format(model=model.__name__)} for model in models]
    return references[0] if len(references) == 1 else {"oneOf": references}


def _problem_response() -> dict[str, Any]:
    return {
        "description": f"Not done; the status is one of {_statuses()}.",
        "content": {PROBLEM: {"schema": {"$ref": _REF.format(model=ProblemDocument.__name__)}}},
    }


def _statuses() -> str:
    numbers = sorted({500, *chain.from_iterable(operation.errors for operation in OPERATIONS)})
    return ", ".join(f"{number} ({HTTPStatus(number).phrase})" for number in numbers)


def _schemas() -> dict[str, Any]:
    """Bodies as they are validated, answers as they are written (a default is always there)."""
    taken = _in_mode("validation", (operation.body for operation in OPERATIONS))
    given = _in_mode(
        "serialization",
        (answer.models for operation in OPERATIONS for answer in operation.answers.values()),
    )
    problem: set[tuple[type[BaseModel], Literal["validation", "serialization"]]] = {
        (ProblemDocument, "serialization")
    }
    both = sorted(taken | given | problem, key=lambda entry: entry[0].__name__)
    _, definitions = models_json_schema(both, ref_template=_REF)
    return dict(definitions["$defs"])


def _in_mode(
    mode: Literal["validation", "serialization"], models: Iterable[tuple[type[BaseModel], ...]]
) -> set[tuple[type[BaseModel], Literal["validation", "serialization"]]]:
    return {(model, mode) for model in chain.from_iterable(models)}
