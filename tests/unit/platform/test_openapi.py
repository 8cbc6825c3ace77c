"""The API description: well formed, without dead references, and true to the functions and models."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import azure.functions as func
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from core.errors import NotFound
from geo_platform.ports import PlatformOptions
from geo_platform.router import PlatformRouter
from geo_platform.submission import parse_submission
from tests.unit.platform.http_requests import request
from triggers.api_examples import SUBMISSIONS
from triggers.application import Application
from triggers.openapi import openapi_blueprint, openapi_document
from triggers.platform import platform_blueprint
from triggers.problem_document import ProblemDocument
from triggers.problems import problem_response

BASE = "https://hub.example"
REFERENCE = {"type": "object", "properties": {"$ref": {"type": "string"}}, "required": ["$ref"]}
RESPONSE = {
    "type": "object",
    "properties": {"description": {"type": "string", "minLength": 1}, "content": {"type": "object"}},
    "required": ["description"],
    "additionalProperties": False,
}
PARAMETER = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "in": {"enum": ["query", "path", "header"]},
        "description": {"type": "string"},
        "required": {"type": "boolean"},
        "schema": {"type": "object"},
    },
    "required": ["name", "in", "schema"],
    "additionalProperties": False,
}
OPERATION = {
    "type": "object",
    "properties": {
        "operationId": {"type": "string"},
        "summary": {"type": "string", "minLength": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
        "parameters": {"type": "array", "items": PARAMETER},
        "requestBody": {"type": "object", "required": ["content"]},
        "responses": {
            "type": "object",
            "patternProperties": {"^([1-5][0-9][0-9]|default)$": {"anyOf": [REFERENCE, RESPONSE]}},
            "additionalProperties": False,
            "minProperties": 1,
        },
    },
    "required": ["operationId", "responses"],
    "additionalProperties": False,
}
DOCUMENT = {
    "type": "object",
    "properties": {
        "openapi": {"type": "string", "pattern": r"^3\.1\.\d+$"},
        "info": {"type": "object", "required": ["title", "version"]},
        "servers": {"type": "array", "items": {"type": "object", "required": ["url"]}},
        "tags": {"type": "array", "items": {"type": "object", "required": ["name"]}},
        "paths": {
            "type": "object",
            "patternProperties": {
                "^/": {
                    "type": "object",
                    "patternProperties": {"^(get|put|post|delete|patch|head|options)$": OPERATION},
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        },
        "components": {"type": "object"},
    },
    "required": ["openapi", "info", "paths"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(json.dumps(openapi_document(BASE + "/"))))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_document_has_the_form_of_openapi(document: dict[str, Any]) -> None:
    Draft202012Validator(DOCUMENT).validate(document)
    assert document["servers"] == [{"url": BASE}]


def test_no_reference_is_dead(document: dict[str, Any]) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_operations_are_told_apart_and_paths_declare_their_parameters(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for path, _, operation in operations(document):
        declared = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert declared == re.findall(r"{(\w+)}", path)
        keys = [(each["in"], each["name"]) for each in operation["parameters"]]
        assert len(set(keys)) == len(keys)


@dataclass
class PlatformOnly:
    platform: PlatformRouter


def test_every_function_of_the_platform_is_described(document: dict[str, Any]) -> None:
    app = func.FunctionApp()
    app.register_functions(platform_blueprint(PlatformOnly(cast("PlatformRouter", None))))
    for function in app.get_functions():
        trigger = function.get_trigger()
        path = f"/{trigger.route}"
        if path == "/api/status/{id}":  # an alias of the contract, not worth a chapter
            continue
        described = {method.upper() for method in document["paths"][path]}
        assert {method.value for method in trigger.methods} == described


def test_an_error_is_as_it_is_described(document: dict[str, Any]) -> None:
    response = problem_response(NotFound("There is nothing."), instance="/x")
    body = json.loads(response.get_body())
    ProblemDocument.model_validate(body)
    schema = {**document["components"]["schemas"]["ProblemDocument"], "$defs": {}}
    resolved = json.loads(json.dumps(schema).replace("#/components/schemas/", "#/$defs/"))
    resolved["$defs"] = json.loads(
        json.dumps(document["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/")
    )
    Draft202012Validator(resolved).validate(body)


def body_validator(document: dict[str, Any]) -> Draft202012Validator:
    """Of what `POST /api/platform/submit` is said to take."""
    text = json.dumps(document["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/")
    taken = document["paths"]["/api/platform/submit"]["post"]["requestBody"]["content"]["application/json"]
    schema = json.loads(json.dumps(taken["schema"]).replace("#/components/schemas/", "#/$defs/"))
    return Draft202012Validator({**schema, "$defs": json.loads(text)})


def test_the_body_of_the_seed_fits_its_description(document: dict[str, Any]) -> None:
    validator = body_validator(document)
    body = {
        "dataset_id": "d",
        "resource_id": "r",
        "version_id": "v",
        "request_type": "vector",
        "source_path": "bronze/x.gpkg",
        "processing_config": {},
    }
    assert validator.is_valid(body)
    assert not validator.is_valid({**body, "surprise": 1})
    assert not validator.is_valid({**body, "request_type": "rasters"})


@pytest.mark.parametrize("name", list(SUBMISSIONS))
def test_the_examples_are_taken_as_they_are_described(document: dict[str, Any], name: str) -> None:
    operation = document["paths"]["/api/platform/submit"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["examples"][name]["value"]
    body_validator(document).validate(example)
    parse_submission(example, options=PlatformOptions(public_base_url=BASE))


def test_the_function_answers_with_the_document(document: dict[str, Any]) -> None:
    settings = SimpleNamespace(platform=SimpleNamespace(public_base_url=BASE))
    app = func.FunctionApp()
    app.register_functions(openapi_blueprint(cast("Application", SimpleNamespace(settings=settings))))
    (function,) = app.get_functions()
    assert function.get_trigger().route == "api/openapi.json"
    for _ in range(2):
        response = function.get_user_function()(req=request("GET", "/api/openapi.json"))
        assert (response.status_code, response.mimetype) == (200, "application/json")
        assert json.loads(response.get_body()) == document
