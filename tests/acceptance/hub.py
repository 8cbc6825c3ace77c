"""A data hub as the platform's clients are: it knows blobs and URLs, and nothing of what lies behind."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

import psycopg
import requests
from azure.storage.blob import BlobServiceClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.unit.platform.problem_shape import PROBLEM_SCHEMA
from tools.stack.stack import Stack


@dataclass(frozen=True)
class Hub:
    """Uploads, submits, polls, fetches."""

    stack: Stack

    @property
    def base_url(self) -> str:
        return self.stack.public_base_url

    def upload(self, name: str, content: bytes) -> str:
        """Put a blob into bronze; its source_path."""
        path = f"{uuid.uuid4().hex[:8]}/{name}"
        with BlobServiceClient.from_connection_string(self.stack.azurite.connection_string) as service:
            service.get_container_client("bronze").upload_blob(path, content)
        return f"bronze/{path}"

    def body(self, request_type: str, source_path: str, **changes: Any) -> dict[str, Any]:
        """A submission of a dataset that nobody has submitted before."""
        return {
            "dataset_id": f"d-{uuid.uuid4().hex[:8]}",
            "resource_id": "resource",
            "version_id": "v1.0",
            "request_type": request_type,
            "source_path": source_path,
            "processing_config": {},
            **changes,
        }

    def submit(self, body: Any, *, prefix: str = "", **query: str) -> requests.Response:
        return requests.post(f"{self.base_url}{prefix}/platform/submit", json=body, params=query, timeout=10)

    def wait(self, status_url: str, *, seconds: float = 60) -> dict[str, Any]:
        """Poll until the request has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = requests.get(status_url, timeout=10).json()
            if status["status"] in ("completed", "failed"):
                return dict(status)
            time.sleep(0.1)
        raise AssertionError(f"{status_url} did not end: {status}")

    def publish(self, request_type: str, source_path: str, **changes: Any) -> dict[str, Any]:
        """Submit, wait, and expect success."""
        answer = self.submit(self.body(request_type, source_path, **changes))
        assert answer.status_code == 202, answer.text
        status = self.wait(answer.json()["status_url"])
        assert status["status"] == "completed", status["error"]
        return status

    def get(self, url: str, **options: Any) -> requests.Response:
        return requests.get(url, timeout=30, **options)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database says, for what HTTP must not show."""
        with psycopg.connect(self.stack.database.urls().admin) as connection:
            return connection.execute(statement).fetchall()


def problem(answer: requests.Response, *, status: int, code: str | None = None) -> dict[str, Any]:
    """The body of an error, checked against the one shape."""
    assert answer.status_code == status, (answer.url, answer.text)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["error"] == body["detail"]
    assert body.pop("description", body["detail"]) == body["detail"]  # for OGC's and STAC's clients
    Draft202012Validator(PROBLEM_SCHEMA).validate(body)
    if code is not None:
        assert body["code"] == code, body
    return body
