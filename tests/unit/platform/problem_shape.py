"""The one shape of errors, as a JSON Schema; every error of every route must fit."""

import json
from typing import Any

import azure.functions as func
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

_TEXT = {"type": "string"}
_OBJECT = {"type": "object"}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


PROBLEM_SCHEMA = _closed(
    {
        "type": {"const": "about:blank"},
        "title": {"type": "string", "minLength": 1},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "minLength": 1},
        "instance": {"type": "string", "pattern": "^/"},
        "error": {"type": "string", "minLength": 1},
        "error_type": {"type": "string", "minLength": 1},
        "code": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]+$"},
        "category": {"enum": ["request", "auth", "data", "system", "config"]},
        "retryable": {"type": "boolean"},
        "remediation": {"type": "string", "minLength": 1},
        "field_errors": {
            "type": "array",
            "items": _closed({"loc": _TEXT, "msg": _TEXT, "hint": _TEXT, "code": _TEXT}),
        },
        "job": {
            "anyOf": [{"type": "null"}, _closed({"stage": {"type": ["integer", "null"]}, "task": _TEXT})]
        },
        "offending": {
            "type": "array",
            "maxItems": 20,
            "items": _closed({"kind": _TEXT, "id": _TEXT, "reason": _TEXT}),
        },
        "error_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "request_id": {"type": ["string", "null"]},
        "context": _OBJECT,
        "links": {"type": "array", "items": {**_OBJECT, "required": ["rel", "href"]}},
    }
)


def problem(response: func.HttpResponse, *, status: int, code: str) -> dict[str, Any]:
    """The body of an error, checked against the shape."""
    body: dict[str, Any] = json.loads(response.get_body())
    Draft202012Validator(PROBLEM_SCHEMA).validate(body)
    assert response.mimetype == "application/problem+json"
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["error"] == body["detail"]
    return body
