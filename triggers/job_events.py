"""The events of a job as server-sent events (HTML Living Standard, 9.2), or as a JSON list.

Azure Functions sends an answer whole, so a stream cannot stay open: each answer holds the events since
`Last-Event-ID` and ends, and EventSource comes back by itself with the id of the last one. With `?wait=` an
answer waits for its first event. 204 tells EventSource that the job has ended and all is told.
"""

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import azure.functions as func

from infrastructure.repositories.job_views import EventPosition, JobViews
from triggers.application import Application
from triggers.http import bad_parameter, choice, json_answer, number
from triggers.job_ids import job_id_of
from triggers.job_urls import JobUrls
from triggers.problems import answers

Row = Mapping[str, Any]
MEDIA_TYPE = "text/event-stream"
MAX_WAIT_SECONDS = 20
_LIMIT = 1000
_POLL_SECONDS = 1.0
_RETRY_MILLISECONDS = 1000
_ID = re.compile(r"([0-9]{1,17})-([0-9]{1,2})-([0-9]{1,18})")
_NOT_STORED = {"Cache-Control": "no-store"}


def add_events(blueprint: func.Blueprint, app: Application) -> None:
    """`GET /api/jobs/{job_id}/events`."""
    views, urls = JobViews(app.database), JobUrls.of(app)

    @blueprint.route(route="api/jobs/{job_id}/events", methods=["GET"])
    @answers
    async def job_events(req: func.HttpRequest) -> func.HttpResponse:
        job_id, after = job_id_of(req), _position(req)
        wants_json = _wants_json(req)
        wait = number(req, "wait", default=0, least=0, most=MAX_WAIT_SECONDS)
        rows, ended = await _news(views, job_id, after=after, wait=wait)
        events = [_event(row, job_id) for row in rows]
        if wants_json:
            last = events[-1]["id"] if events else _id(after)
            following = None if ended and len(rows) < _LIMIT else f"{urls.job(job_id)}/events?after={last}"
            answer = {"events": events, "job_has_ended": ended, "next": following}
            return json_answer(answer, headers=_NOT_STORED)
        return _stream(events, ended=ended)


async def _news(
    views: JobViews, job_id: str, *, after: EventPosition, wait: int
) -> tuple[Sequence[Row], bool]:
    """What has happened since `after`; waits for it if the job has not ended. Sleeping holds no thread."""
    deadline = time.monotonic() + wait
    while True:
        rows, ended = await asyncio.to_thread(views.events, job_id, after=after, limit=_LIMIT)
        if rows or ended or time.monotonic() >= deadline:
            return rows, ended
        await asyncio.sleep(min(_POLL_SECONDS, max(0.0, deadline - time.monotonic())))


def _stream(events: Sequence[Mapping[str, Any]], *, ended: bool) -> func.HttpResponse:
    if ended and not events:
        return func.HttpResponse(status_code=204, headers=_NOT_STORED)
    blocks = [f"retry: {_RETRY_MILLISECONDS}\n", *map(_block, events)]
    if not events:
        blocks.append(": nothing new\n")
    return func.HttpResponse("\n".join(blocks) + "\n", mimetype=MEDIA_TYPE, headers=_NOT_STORED)


def _block(event: Mapping[str, Any]) -> str:
    # JSON without line breaks: a break would end the field.
    return f"id: {event['id']}\nevent: {event['event']}\ndata: {json.dumps(event)}\n"


def _event(row: Row, job_id: str) -> dict[str, Any]:
    position = EventPosition(row["microseconds"], row["kind"], row["number"])
    known = {name: value for name, value in row["data"].items() if value is not None}
    return {
        "id": _id(position),
        "event": row["event"],
        "at": row["at"].isoformat(),
        "job_id": job_id,
        **known,
    }


def _id(position: EventPosition) -> str:
    return f"{position.microseconds}-{position.kind}-{position.number}"


def _position(req: func.HttpRequest) -> EventPosition:
    """The id of the last event that the client has: in its header, or at first in the query."""
    for name, text in (
        ("Last-Event-ID", req.headers.get("Last-Event-ID")),
        ("after", req.params.get("after")),
    ):
        if text:
            if (match := _ID.fullmatch(text)) is None:
                raise bad_parameter(name, "must be the id of an event of this job")
            return EventPosition(*map(int, match.groups()))
    return EventPosition()


def _wants_json(req: func.HttpRequest) -> bool:
    if (form := choice(req, "f", ["json", "sse"])) is not None:
        return form == "json"
    accepted = req.headers.get("Accept", "")
    return "application/json" in accepted and MEDIA_TYPE not in accepted
