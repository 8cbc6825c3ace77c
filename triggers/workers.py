"""The living apps: who listens to which queue, over HTTP and for health."""

from collections.abc import Mapping, Sequence
from typing import Any

import azure.functions as func

from core.schema.queue import QueueRole
from triggers.application import Application
from triggers.http import json_answer
from triggers.problems import answers

Row = Mapping[str, Any]


def add_workers(blueprint: func.Blueprint, app: Application) -> None:
    """`GET /api/admin/workers`."""

    @blueprint.route(route="api/admin/workers", methods=["GET"])
    @answers
    def workers(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        living = app.listeners.living()
        answer = {"workers": [_shown(row) for row in living], "queues": queues_of(app, living)}
        return json_answer(answer, headers={"Cache-Control": "no-store"})


def queues_of(app: Application, living: Sequence[Row]) -> list[dict[str, Any]]:
    """Every queue that some handler or the jobs need: the apps that listen to it, and their slots."""
    own = app.settings.app_mode
    needed = {QueueRole.JOBS} | {definition.queue for definition in app.handlers.values()}
    return [
        {
            "role": role.value,
            "queue": (queue := app.settings.queues.names[role]),
            # This app listens, whether or not its announcement has been written yet.
            "is_listened_to": role in own.listens_to or any(queue in row["queues"] for row in living),
            "apps": sorted({row["app_name"] for row in living if queue in row["queues"]}),
            "processes": sum(queue in row["queues"] for row in living),
            "slots": sum(row["slots"] for row in living if queue in row["queues"]),
        }
        for role in sorted(needed)
    ]


def _shown(row: Row) -> dict[str, Any]:
    return {
        **row,
        "started_at": row["started_at"].isoformat(),
        "last_seen_at": row["last_seen_at"].isoformat(),
    }
