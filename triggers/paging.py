"""Lists page by page: a page begins behind the position of the last row of the one before.

The position travels as a cursor, text that only this module reads.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import azure.functions as func

from core.errors import InvalidRequest
from triggers.http import bad_parameter, json_answer

_MOST = 2**31 - 1


def encode(*position: str | int) -> str:
    """A position as text."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode_numbers(cursor: str) -> tuple[int, int]:
    """The position in a list that is ordered by two numbers.

    Raises:
        InvalidRequest: it is no cursor of such a list.
    """
    first, second = _decode(cursor)
    if not (_is_count(first) and _is_count(second)):
        raise _no_cursor()
    return first, second


def decode_moment(cursor: str) -> tuple[datetime, str]:
    """The position in a list that is ordered by time and id.

    Raises:
        InvalidRequest: it is no cursor of such a list.
    """
    text, name = _decode(cursor)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or not (isinstance(name, str) and name.isprintable()):
            raise _no_cursor()
        return moment.astimezone(UTC), name
    except (TypeError, ValueError, OverflowError) as exc:
        raise _no_cursor() from exc


def _decode(cursor: str) -> tuple[Any, Any]:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        first, second = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as exc:
        raise _no_cursor() from exc
    return first, second


@dataclass(frozen=True, slots=True)
class Page:
    """What a page of rows looks like: `rows` may hold one more than `limit`, which says that it goes on."""

    rows: Sequence[Mapping[str, Any]]
    limit: int

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """The rows of this page."""
        return self.rows[: self.limit]

    def next_url(self, url: str, query: Mapping[str, Any], *, position: tuple[str, str]) -> str | None:
        """The next page with the same filters; `position` names the columns that the list is ordered by."""
        if len(self.rows) <= self.limit:
            return None
        last = self.shown[-1]
        given = {name: value for name, value in query.items() if value is not None}
        cursor = encode(*(_plain(last[name]) for name in position))
        return f"{url}?{urlencode({**given, 'limit': self.limit, 'cursor': cursor})}"


def page_answer(name: str, rows: Sequence[Mapping[str, Any]], *, following: str | None) -> func.HttpResponse:
    """`{name: rows, next: url or null, links}`."""
    links = [{"rel": "next", "href": following}] if following else []
    return json_answer({name: list(rows), "next": following, "links": links})


def _plain(value: Any) -> str | int:
    return value.isoformat() if isinstance(value, datetime) else value


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST


def _no_cursor() -> InvalidRequest:
    return bad_parameter("cursor", "is no cursor of this list; follow the `next` URL of a page, unchanged")
