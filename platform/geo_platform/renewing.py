"""Trying a failed request again with other options: as its dataset's next revision, for the options decide
what is made from the beginning.
"""

from collections.abc import Callable, Mapping
from typing import Any

from core.control import RetryScope
from core.errors import InvalidRequest
from geo_platform.models import Link, RetryAnswer
from geo_platform.ports import PlatformParts, Stores
from geo_platform.retrying import RetryWish, require_failed, superseded
from geo_platform.states import RequestStatus
from geo_platform.status import find_request
from geo_platform.submission import Submission
from infrastructure.repositories.requests import RequestRecord

Json = Mapping[str, Any]


class RequestRenewal:
    """The use-case of `POST /api/platform/requests/{id}/retry` with `options`.

    `parse` reads a body; `submit` takes one although it has failed before, and answers the request and
    whether it was there.
    """

    def __init__(
        self,
        parts: PlatformParts,
        *,
        parse: Callable[[Json], Submission],
        submit: Callable[[Json], tuple[str, bool]],
    ) -> None:
        self._parts = parts
        self._parse = parse
        self._submit = submit

    def renew(self, identifier: str, wish: RetryWish) -> tuple[RetryAnswer, bool]:
        """Submit the request's own body with these options, and whether somebody has done so before.

        Raises:
            NotFound: (REQUEST_NOT_FOUND) there is no such request; (SOURCE_NOT_FOUND).
            InvalidRequest: (CONFLICTING_FIELDS) only a part is to be done again; the options or the source
                cannot be taken.
            Conflict: (NOTHING_TO_RETRY) it is completed; (NOT_RETRYABLE) it still runs, or its dataset has
                been submitted again since in another way.
            Unavailable: as a submission.
        """
        _require_whole(wish)
        with self._parts.transactions() as tx:
            stores = Stores.of(tx)
            request = find_request(stores, identifier)
            current = stores.requests.get(stores.requests.id_of_dataset(request.dataset_key) or "") or request
            body = _with_options(stores.requests.original(request.request_id), wish.options)
        require_failed(request)
        if current.request_id != request.request_id:
            if current.fingerprint != self._parse(body).fingerprint:
                raise superseded(request)
            request_id, replayed = current.request_id, True
        else:
            request_id, replayed = self._submit(body)
        return self._answer(request_id, before=request, replayed=replayed), replayed

    def _answer(self, request_id: str, *, before: RequestRecord, replayed: bool) -> RetryAnswer:
        with self._parts.transactions() as tx:
            stores = Stores.of(tx)
            request = find_request(stores, request_id)
            job = stores.chain.of_request(request_id)[0]
        urls = self._parts.options.urls
        return RetryAnswer(
            request_id=request_id,
            platform_request_id=request_id,
            dataset_key=request.dataset_key,
            status=RequestStatus(request.status) if replayed else "accepted",
            revision=request.revision,
            job_id=job.job_id,
            scope=RetryScope.ALL,
            tasks=0,
            status_url=urls.status(request_id),
            links=(
                Link(rel="self", href=urls.status(request_id)),
                Link(rel="predecessor-version", href=urls.status(before.request_id)),
            ),
        )


def _require_whole(wish: RetryWish) -> None:
    """What was done with other options cannot be gone on with."""
    name = "from_stage" if wish.from_stage is not None else "scope"
    if wish.from_stage is None and wish.scope in (None, RetryScope.ALL):
        return
    raise InvalidRequest(
        "options: with other options all is done anew, and nothing of what was done can be kept.",
        code="CONFLICTING_FIELDS",
        remedy=f"Leave out options, or {name}.",
        field_errors=({"loc": "options", "msg": f"excludes {name}"},),
    )


def _with_options(body: Json, options: Json) -> dict[str, Any]:
    return {**body, "processing_config": _merged(body.get("processing_config") or {}, options)}


def _merged(target: Any, patch: Json) -> dict[str, Any]:
    """JSON Merge Patch (RFC 7396): null takes a member out."""
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value) if isinstance(value, Mapping) else value
    return result
