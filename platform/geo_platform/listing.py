"""The list of requests, page by page."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from core.errors import InvalidRequest
from geo_platform.models import Link, RequestPage, RequestSummary
from geo_platform.ports import PlatformParts, Stores
from geo_platform.states import DataType, RequestStatus
from infrastructure.repositories.requests import RequestFilter

Position = tuple[datetime, str]


class RequestLister:
    """Pages by keyset, not by offset: a page stays the same when newer requests arrive."""

    def __init__(self, parts: PlatformParts) -> None:
        self._parts = parts

    def page(self, wanted: RequestFilter, *, cursor: str | None, limit: int) -> RequestPage:
        """The page behind `cursor`, newest first.

        Raises:
            InvalidRequest: the cursor is none of ours.
        """
        after = decode_cursor(cursor) if cursor else None
        with self._parts.transactions() as tx:
            rows = Stores.of(tx).listing.page(after=after, wanted=wanted, limit=limit + 1)
        shown = rows[:limit]
        urls = self._parts.options.urls
        following = None
        if len(rows) > limit:
            position = encode_cursor((shown[-1]["created_at"], shown[-1]["request_id"]))
            query = {"limit": limit, "cursor": position, **_asked(wanted)}
            following = f"{urls.requests()}?{urlencode(query)}"
        links = (Link(rel="next", href=following),) if following else ()
        return RequestPage(items=tuple(self._summary(row) for row in shown), next=following, links=links)

    def _summary(self, row: Mapping[str, Any]) -> RequestSummary:
        status = RequestStatus(row["status"])
        request_id = row["request_id"]
        return RequestSummary(
            request_id=request_id,
            platform_request_id=request_id,
            dataset_key=row["dataset_key"],
            client_request_id=row["client_request_id"],
            identifiers={name: row[name] for name in ("dataset_id", "resource_id", "version_id")},
            data_type=DataType(row["request_type"]),
            status=status,
            ogc_status=status.ogc,
            progress_percent=row["progress_percent"],
            message=row["status_message"],
            revision=row["revision"],
            created_at=row["created_at"],
            completed_at=row["completed_at"],
            links=(Link(rel="self", href=self._parts.options.urls.status(request_id)),),
        )


def encode_cursor(position: Position) -> str:
    """A position in the list, as text for a URL."""
    created_at, request_id = position
    return base64.urlsafe_b64encode(f"{created_at.isoformat()}|{request_id}".encode()).decode()


def decode_cursor(cursor: str) -> Position:
    """The position again.

    Raises:
        InvalidRequest: it is no cursor.
    """
    try:
        created_at, request_id = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        moment = datetime.fromisoformat(created_at)
    except (ValueError, binascii.Error) as exc:
        raise _no_cursor() from exc
    if moment.tzinfo is None or "\x00" in request_id:
        raise _no_cursor()
    return moment, request_id


def _no_cursor() -> InvalidRequest:
    return InvalidRequest(
        "cursor: this is no cursor of ours.",
        remedy="Follow the `next` URL of a page, unchanged.",
        field_errors=({"loc": "cursor", "msg": "not a cursor", "hint": "", "code": "VALIDATION_ERROR"},),
    )


def _asked(wanted: RequestFilter) -> dict[str, str]:
    """The filter as parameters of the query."""
    values = {
        "status": wanted.status,
        "client": wanted.client_id,
        "data_type": wanted.request_type,
        "since": wanted.since and wanted.since.isoformat(),
        "until": wanted.until and wanted.until.isoformat(),
        "q": wanted.text,
    }
    return {name: value for name, value in values.items() if value}
