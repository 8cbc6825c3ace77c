"""The platform's HTTP face, as much of it as `./dev submit`, `watch` and `demo` use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests

from tools.stack.errors import StackError

_ENDED = frozenset({"completed", "failed", "cancelled"})
_TIMEOUT_SECONDS = 30


class RequestRefused(StackError):
    """The platform answered with an error; its words are in the message."""


class PlatformUnreachable(StackError):
    """Nothing answers at the platform's address, or it says that it cannot now; it may be starting again."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What is asked for: the body of `POST /platform/submit`. A collection has `blob_paths`, or a folder or
    pattern as `source_path`."""

    dataset_id: str
    resource_id: str
    version_id: str
    request_type: str
    source_path: str | None = None
    blob_paths: tuple[str, ...] = ()
    processing_config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The identity in one word."""
        return f"{self.dataset_id}/{self.resource_id}/{self.version_id}"

    def body(self) -> dict[str, Any]:
        """As JSON."""
        named = (
            {"blob_paths": list(self.blob_paths)} if self.blob_paths else {"source_path": self.source_path}
        )
        return {
            "dataset_id": self.dataset_id,
            "resource_id": self.resource_id,
            "version_id": self.version_id,
            "request_type": self.request_type,
            **named,
            "processing_config": dict(self.processing_config),
        }


@dataclass(frozen=True, slots=True)
class Ticket:
    """The platform's receipt; `replayed` when it knew the very same submission already."""

    request_id: str
    status_url: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """How far a request is; `error` is empty unless it failed. `warnings` come with what is published."""

    status: str
    percent: float
    message: str
    endpoints: Mapping[str, str]
    error: str
    warnings: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Nothing will change any more."""
        return self.status in _ENDED


class PlatformClient:
    """Talks to the platform at `base_url`."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()

    def __enter__(self) -> "PlatformClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def submit(self, submission: Submission) -> Ticket:
        """Ask for publication; what failed before is tried again. RequestRefused with the reason."""
        ticket = self._submit(submission, retry_failed=False)
        if ticket.replayed and self.status(ticket.status_url).status == "failed":
            return self._submit(submission, retry_failed=True)
        return ticket

    def status(self, status_url: str) -> RequestStatus:
        """Where the request stands."""
        return _status(self._json(self.get(status_url)))

    def status_url(self, request_id: str) -> str:
        """The address under which a request can be asked for."""
        return f"{self._base_url}/platform/status/{request_id}"

    def get(self, url: str) -> requests.Response:
        """Any address of the platform; PlatformUnreachable when nobody answers."""
        return self._send("GET", url)

    def _submit(self, submission: Submission, *, retry_failed: bool) -> Ticket:
        query = {"retry_failed": "true"} if retry_failed else {}
        url = f"{self._base_url}/platform/submit"
        response = self._send("POST", url, json=submission.body(), params=query)
        answer = self._json(response)
        return Ticket(
            request_id=answer["request_id"],
            status_url=answer.get("status_url") or self.status_url(answer["request_id"]),
            replayed=response.status_code == HTTPStatus.OK,
        )

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        try:
            return self._session.request(method, url, timeout=_TIMEOUT_SECONDS, **options)
        except (requests.ConnectionError, requests.Timeout) as exc:
            raise PlatformUnreachable(f"{url} does not answer: {type(exc).__name__}") from exc

    def _json(self, response: requests.Response) -> dict[str, Any]:
        if response.ok:
            return dict(response.json())
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise PlatformUnreachable(f"{response.url} cannot answer now: {problem_in(response)}")
        raise RequestRefused(f"{response.status_code} from {response.url}: {problem_in(response)}")


def _status(answer: Mapping[str, Any]) -> RequestStatus:
    endpoints = answer.get("endpoints") or {}
    return RequestStatus(
        status=answer["status"],
        percent=float(answer.get("progress_percent") or 0),
        message=str(answer.get("message") or ""),
        endpoints={name: url for name, url in endpoints.items() if isinstance(url, str)},
        error=describe_problem(answer["error"]) if answer.get("error") else "",
        warnings=tuple(answer.get("warnings") or ()),
    )


def describe_problem(problem: Any) -> str:
    """An error of an answer (contract, section 8) or of a status as a sentence with code and remedy."""
    if not isinstance(problem, Mapping):
        return str(problem)
    text = (
        problem.get("detail") or problem.get("message") or problem.get("error") or problem.get("title") or ""
    )
    fields = [
        f"{'.'.join(str(part) for part in _as_list(error.get('loc')))}: {error.get('msg')}"
        for error in problem.get("field_errors") or []
    ]
    remedy = problem.get("remediation") or problem.get("remedy")
    lines = [f"{problem.get('code', '')} {text}".strip(), *fields, *([f"Remedy: {remedy}"] if remedy else [])]
    return "\n".join(lines)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def problem_in(response: requests.Response) -> str:
    """What an error answer says, whatever its form."""
    try:
        return describe_problem(response.json())
    except requests.JSONDecodeError:
        return response.text[:500] or response.reason
