"""Dead letters: a trigger on the dead-letter queue of each queue this app listens to, and a look at them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import azure.functions as func

from core.dead_letters import DeadLetter, DeadLetterOffice
from core.errors import NotFound
from core.schema.queue import QueueRole
from infrastructure.repositories.dead_letters import DeadLetterReport, DeadLetterRepository
from triggers.application import Application
from triggers.http import json_answer, number
from triggers.problems import answers
from triggers.service_bus import CONNECTION, patiently

_NOTHING: Mapping[str, Any] = {}


def dead_letter_blueprint(app: Application) -> func.Blueprint:
    """One trigger for each queue of this app's mode."""
    blueprint = func.Blueprint()
    jobs_queue = app.settings.queues.jobs_queue
    store_of = partial(DeadLetterRepository, jobs_queue=jobs_queue)
    office = DeadLetterOffice(app.database.unit_of_work, store_of, jobs_queue=jobs_queue)
    for role in sorted(app.settings.app_mode.listens_to):
        _register(blueprint, role, queue=app.settings.queues.names[role], receive=patiently(office.receive))
    return blueprint


def _register(
    blueprint: func.Blueprint, role: QueueRole, *, queue: str, receive: Callable[[DeadLetter], object]
) -> None:

    @blueprint.function_name(f"process_dead_letter_{role.value}")
    @blueprint.service_bus_queue_trigger(
        arg_name="message", queue_name=f"{queue}/$DeadLetterQueue", connection=CONNECTION
    )
    def process_dead_letter(message: func.ServiceBusMessage) -> None:
        receive(_letter(queue, message))


def _letter(queue: str, message: func.ServiceBusMessage) -> DeadLetter:
    """Azure's host gives the reason among the application's properties, and newer ones as fields as well."""
    properties = message.application_properties or _NOTHING
    return DeadLetter(
        queue=queue,
        body=message.get_body(),
        message_id=message.message_id,
        sequence_number=message.sequence_number,
        reason=message.dead_letter_reason or properties.get("DeadLetterReason"),
        description=message.dead_letter_error_description or properties.get("DeadLetterErrorDescription"),
        delivery_count=message.delivery_count,
    )


def queues_blueprint(app: Application) -> func.Blueprint:
    """`GET /api/admin/queues` and `/api/admin/queues/{queue}/dead-letter`."""
    blueprint = func.Blueprint()
    roles = {name: role for role, name in app.settings.queues.names.items()}
    report = DeadLetterReport(app.database)

    @blueprint.route(route="api/admin/queues", methods=["GET"])
    @answers
    def list_queues(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001
        heard = app.listeners.heard_queues()
        queues = [
            {**row, "role": roles[row["queue"]].value, "is_listened_to": row["queue"] in heard}
            for row in report.queues(roles)
        ]
        return json_answer({"queues": queues}, headers={"Cache-Control": "no-store"})

    @blueprint.route(route="api/admin/queues/{queue}/dead-letter", methods=["GET"])
    @answers
    def list_dead_letters(req: func.HttpRequest) -> func.HttpResponse:
        queue = req.route_params["queue"]
        if queue not in roles:
            raise NotFound(
                f"There is no queue {queue!r}.",
                remedy="Choose one of the queues in context.queues.",
                context={"queues": sorted(roles)},
            )
        limit = number(req, "limit", default=20, least=1, most=200)
        before = number(req, "before", default=0, least=0, most=999_999_999) or None
        letters = report.page(queue, before=before, limit=limit)
        following = letters[-1]["dead_letter_id"] if len(letters) == limit else None
        return json_answer(
            {"queue": queue, "dead_letters": letters, "next_before": following},
            headers={"Cache-Control": "no-store"},
        )

    return blueprint
