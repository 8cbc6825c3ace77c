"""Errors of the Platform that carry more than a code and a message, or that several of its parts raise."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import AppError, Conflict, NotFound


class IdentityConflict(Conflict):
    """The dataset exists, made from another request; `field_errors` say what differs."""

    default_code = "IDENTITY_CONFLICT"

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        context: Mapping[str, Any],
        field_errors: Sequence[Mapping[str, str]],
        links: Sequence[Mapping[str, str]],
    ) -> None:
        super().__init__(message, remedy=remedy, context=context)
        self.field_errors = tuple(field_errors)
        self.links = tuple(links)


def not_published(request_id: str, status: str) -> AppError:
    """The refusal of what only a published request has: not yet (NOT_READY), or not any more (GONE)."""
    if status == "completed":
        return NotFound(
            "The data of this request were replaced or deleted.",
            code="GONE",
            remedy="Ask for the newest request.",
            context={"request_id": request_id},
        )
    return Conflict(
        f"The request has not published anything: it is {status}.",
        code="NOT_READY",
        remedy="Poll the status until it is completed.",
        context={"request_id": request_id},
    )
