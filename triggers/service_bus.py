"""Queue triggers: one function for each queue that this app's mode listens to."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import azure.functions as func
from tenacity import (
    before_sleep_log,
    retry,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from core.errors import TransientError, Unavailable
from core.postponement import Postponement
from core.schema.queue import MalformedMessage, NewerMessage, QueueRole
from infrastructure.repositories.messages import MessageRepository
from triggers.application import Application

LOG = logging.getLogger(__name__)
CONNECTION = "SERVICE_BUS_CONNECTION"
Given = ParamSpec("Given")
Answer = TypeVar("Answer")

_FUNCTION_NAMES = {
    QueueRole.JOBS: "process_service_bus_job",
    QueueRole.RASTER_TASKS: "process_raster_task",
    QueueRole.VECTOR_TASKS: "process_vector_task",
    QueueRole.LEGACY_TASKS: "process_service_bus_task",
}

_retried = retry(
    retry=retry_if_exception_type((Unavailable, TransientError)),
    wait=wait_exponential_jitter(multiplier=0.2, max=5),
    stop=stop_after_delay(240),
    before_sleep=before_sleep_log(LOG, logging.WARNING),
    reraise=True,
)


def patiently(process: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """`process`, which waits with its message in hand for a database that restarts; the host renews its lock.

    A message that is given back comes again at once and is dead-lettered after ten times. The first try
    goes without the machinery of retries, which costs as much as all else that is done for a message here.
    """
    later: Callable[Given, Answer] = _retried(process)

    def now_or_later(*args: Given.args, **kwargs: Given.kwargs) -> Answer:
        try:
            return process(*args, **kwargs)
        except (Unavailable, TransientError):
            LOG.warning("waiting with a message in hand", extra={"action": "message_waits"}, exc_info=True)
            return later(*args, **kwargs)

    return now_or_later


def queue_blueprint(app: Application) -> func.Blueprint:
    """The queue triggers of this app's mode."""
    blueprint = func.Blueprint()
    for role in sorted(app.settings.app_mode.listens_to):
        process = (
            app.machine.process_job_message if role is QueueRole.JOBS else app.machine.process_task_message
        )
        _register(blueprint, app, role=role, process=patiently(process))
    return blueprint


def _register(
    blueprint: func.Blueprint, app: Application, *, role: QueueRole, process: Callable[[bytes], None]
) -> None:
    queue = app.settings.queues.names[role]
    postpone = patiently(Postponement(app.database.unit_of_work, MessageRepository).postpone)

    @blueprint.function_name(_FUNCTION_NAMES[role])
    @blueprint.service_bus_queue_trigger(arg_name="message", queue_name=queue, connection=CONNECTION)
    def receive(message: func.ServiceBusMessage) -> None:
        try:
            process(message.get_body())
        except NewerMessage:
            postpone(queue, message.get_body())
        except MalformedMessage as exc:
            LOG.error(  # noqa: TRY400  the reason says it all
                "malformed message dead-lettered",
                extra={"action": "dead_lettered", "queue": queue, "message_id": message.message_id},
            )
            app.broker.dead_letter(queue, message.lock_token, reason=exc.code, description=exc.message)
