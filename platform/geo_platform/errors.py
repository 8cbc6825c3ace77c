"""Errors of the Platform that carry more than a code and a message."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import Conflict


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
