"""The life of a child: limits, adapters of its own, the handler, the answer."""

import faulthandler
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from pydantic import BaseModel

from core.errors import ContractViolation
from core.registry import models_of
from services.context import TaskContext
from services.isolation import limits
from services.isolation.channel import HostChannel
from services.isolation.faults import fault_of
from services.isolation.log_records import ChannelHandler
from services.isolation.orders import Answer, Order, read, write
from services.isolation.surroundings import OpenSurroundings, Surroundings, imported

NO_ORDER = 3  # exit status


@dataclass(frozen=True, slots=True)
class ChildEnds:
    """The file descriptors of a child, in the order in which the host sends them."""

    channel: int
    order: int
    answer: int
    output: int


def live(ends: ChildEnds, *, nursery_pid: int) -> NoReturn:
    """Carry out the order and end. Runs in the child, right after the fork."""
    _become_a_child(ends.output, nursery_pid=nursery_pid)
    with os.fdopen(ends.order, "rb") as file:
        order = read(Order, file)
    if order is None:
        os._exit(NO_ORDER)
    channel = HostChannel(socket.socket(fileno=ends.channel))
    _log_to(channel, level=order.log_level)
    answer = _carry_out(order, channel)
    limits.limit_memory(None)  # the answer must not fail for what the handler used up
    with os.fdopen(ends.answer, "wb") as file:
        write(answer, file)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _become_a_child(output: int, *, nursery_pid: int) -> None:
    os.setsid()  # a group of its own: whatever the handler starts is killed with it
    limits.die_with(nursery_pid)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    limits.forbid_core_dumps()
    limits.prefer_for_oom_killer()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    faulthandler.enable(2)  # a segfault shows its place in the output


def _log_to(channel: HostChannel, *, level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [ChannelHandler(channel.send)]
    root.setLevel(level)
    logging.captureWarnings(capture=True)


def _carry_out(order: Order, channel: HostChannel) -> Answer:
    try:
        limits.limit_memory(order.memory_limit_bytes)
        tempfile.tempdir = order.workspace  # what is left behind there goes away with it
        open_surroundings = cast(OpenSurroundings, imported(order.surroundings))
        with open_surroundings() as surroundings:
            result = _handle(order, _context(order, surroundings, channel))
        return Answer(result=result.model_dump(mode="json"))
    except BaseException as exc:  # noqa: BLE001  SystemExit, too, has to become an answer
        return Answer(fault=fault_of(exc))


def _handle(order: Order, context: TaskContext) -> BaseModel:
    handler = imported(order.handler)
    parameters_model, result_model = models_of(handler)
    result: Any = handler(parameters_model.model_validate(order.parameters), context)
    if not isinstance(result, result_model):
        raise ContractViolation(f"{order.handler} returned no {result_model.__name__}")
    return result


def _context(order: Order, surroundings: Surroundings, channel: HostChannel) -> TaskContext:
    return TaskContext(
        job_id=order.job_id,
        task_id=order.task_id,
        attempt=order.attempt,
        open_workspace=lambda: Path(order.workspace),
        storage=surroundings.storage,
        vectors=surroundings.vectors,
        artefacts=surroundings.artefacts,
        report=channel.report,
        is_cancelled=channel.is_stopped,
        deadline=time.monotonic() + order.seconds,
    )
