"""HTTP requests as the Functions worker hands them over."""

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func


def request(
    method: str = "POST",
    path: str = "/api/platform/submit",
    *,
    body: Any = None,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    route: Mapping[str, str] | None = None,
) -> func.HttpRequest:
    """A request with a JSON body, or with these bytes."""
    sent = content if content is not None else (b"" if body is None else json.dumps(body).encode())
    return func.HttpRequest(
        method=method,
        url=f"https://hub.example{path}",
        headers={"content-type": "application/json", **(headers or {})},
        params=dict(query or {}),
        route_params=dict(route or {}),
        body=sent,
    )
