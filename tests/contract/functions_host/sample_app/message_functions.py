"""Service Bus functions: a queue of one message at a time, one of batches, and one of dead letters."""

# mypy: ignore-errors

import asyncio
import json
import threading
import time

import azure.functions as func
import trace_file

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(arg_name="msg", queue_name="%QUEUE_PREFIX%-tasks", connection="Bus")
async def on_task(msg: func.ServiceBusMessage, context: func.Context) -> None:
    """Does what the body says."""
    order = json.loads(msg.get_body() or b"{}")
    trace_file.write(
        "task",
        order=order,
        message_id=msg.message_id,
        delivery_count=msg.delivery_count,
        properties=msg.application_properties,
        user_properties=msg.user_properties,
        content_type=msg.content_type,
        correlation_id=msg.correlation_id,
        subject=msg.subject,
        enqueued=msg.enqueued_time_utc,
        sequence_number=msg.sequence_number,
        time_to_live=msg.time_to_live,
        lock_token=msg.lock_token,
        invocation_id=context.invocation_id,
    )
    if seconds := order.get("seconds"):
        await asyncio.sleep(seconds)
        trace_file.write("task_done", order=order)
    if order.get("fail_until", 0) >= (msg.delivery_count or 0):
        raise RuntimeError("told to fail")
    return order.get("returns")


@blueprint.service_bus_queue_trigger(
    arg_name="msgs", queue_name="%QUEUE_PREFIX%-batches", connection="Bus", cardinality=func.Cardinality.MANY
)
def on_batch(msgs: list[func.ServiceBusMessage]) -> None:
    """Reports a whole batch."""
    trace_file.write(
        "batch",
        bodies=[msg.get_body().decode() for msg in msgs],
        counts=[msg.delivery_count for msg in msgs],
        properties=[msg.application_properties for msg in msgs],
        enqueued=[msg.enqueued_time_utc for msg in msgs],
    )
    if any(b"poison" in msg.get_body() and msg.delivery_count == 1 for msg in msgs):
        raise RuntimeError("told to fail")


@blueprint.service_bus_queue_trigger(
    arg_name="msg", queue_name="%QUEUE_PREFIX%-buried/$DeadLetterQueue", connection="Bus"
)
def on_dead_letter(msg: func.ServiceBusMessage) -> None:
    """Reports a message that was dead-lettered, the first time by failing."""
    trace_file.write(
        "dead_letter",
        body=msg.get_body().decode(),
        message_id=msg.message_id,
        sequence_number=msg.sequence_number,
        reason=msg.dead_letter_reason,
        description=msg.dead_letter_error_description,
        properties=msg.application_properties,
        delivery_count=msg.delivery_count,
    )
    if b"twice" in msg.get_body() and msg.delivery_count == 1:
        raise RuntimeError("told to fail")


_together = 0
_most = 0
_guard = threading.Lock()


@blueprint.service_bus_queue_trigger(arg_name="msg", queue_name="%QUEUE_PREFIX%-sync-tasks", connection="Bus")
def on_sync_task(msg: func.ServiceBusMessage) -> None:
    """A sync function that counts its own concurrency."""
    global _together, _most
    with _guard:
        _together += 1
        _most = max(_most, _together)
    time.sleep(0.2)
    with _guard:
        _together -= 1
    trace_file.write("sync_task", most=_most)
