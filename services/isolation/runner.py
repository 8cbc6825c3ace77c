"""Runs the handler of one attempt: in this process, or in one of its own."""

import dataclasses
import logging
import os
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import BinaryIO

from pydantic import BaseModel, ValidationError

from core.errors import ContractViolation
from core.registry import HandlerDefinition
from services.context import TaskContext
from services.isolation.deaths import Death, cause
from services.isolation.faults import error_of
from services.isolation.nursery import Nursery
from services.isolation.orders import Answer, Order, read, write
from services.isolation.supervision import Graces, HostEnds, Supervision
from services.isolation.surroundings import OpenSurroundings, import_path


class TaskRunner:
    """See `core.registry.HandlerRunner`. One for the process; threads may call it side by side.

    `surroundings` is a module-level function: a child imports it by name. The nursery starts with the
    first isolated task and imports its module, those of the isolated `handlers`, and what else is to be
    `preload`ed beforehand: what a handler imports late would cost every child anew.
    """

    def __init__(
        self,
        *,
        surroundings: OpenSurroundings,
        handlers: Mapping[str, HandlerDefinition],
        preload: Sequence[str] = (),
        graces: Graces | None = None,
    ) -> None:
        self._surroundings = import_path(surroundings)
        modules = {handler.function.__module__ for handler in handlers.values() if handler.isolated}
        self._nursery = Nursery(sorted({self._surroundings.partition(":")[0], *modules, *preload}))
        self._graces = graces or Graces()

    @property
    def nursery_pid(self) -> int | None:
        """The process that the children come from, once it was needed."""
        return self._nursery.pid

    def close(self) -> None:
        """End the nursery and what still runs in it."""
        self._nursery.close()

    def __call__(
        self, definition: HandlerDefinition, parameters: BaseModel, context: TaskContext
    ) -> BaseModel:
        """Run it. A handler that is not isolated keeps its time limit only where it calls `checkpoint`."""
        deadline = time.monotonic() + definition.time_limit.total_seconds()
        if definition.isolated:
            return self._isolated(definition, parameters, context=context, deadline=deadline)
        result: object = definition.function(parameters, dataclasses.replace(context, deadline=deadline))
        if not isinstance(result, definition.result_model):
            raise ContractViolation(f"{definition.task_type} returned no {definition.result_model.__name__}")
        return result

    def _isolated(
        self, definition: HandlerDefinition, parameters: BaseModel, *, context: TaskContext, deadline: float
    ) -> BaseModel:
        with tempfile.TemporaryFile() as order, tempfile.TemporaryFile() as answer:
            write(self._order(definition, parameters, context=context), order)
            death = self._supervise(order, answer, context=context, deadline=deadline)
            return _result(definition, death, answer)

    def _order(self, definition: HandlerDefinition, parameters: BaseModel, *, context: TaskContext) -> Order:
        return Order(
            handler=import_path(definition.function),
            surroundings=self._surroundings,
            parameters=parameters.model_dump(mode="json"),
            job_id=context.job_id,
            task_id=context.task_id,
            attempt=context.attempt,
            workspace=str(context.workspace),
            seconds=definition.time_limit.total_seconds(),
            memory_limit_bytes=definition.memory_limit_bytes,
            log_level=logging.getLogger().getEffectiveLevel(),
        )

    def _supervise(
        self, order: BinaryIO, answer: BinaryIO, *, context: TaskContext, deadline: float
    ) -> Death:
        with ExitStack() as ours, ExitStack() as theirs:
            channel, child_channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.enter_context(channel)
            theirs.enter_context(child_channel)
            output, child_output = _pipe(ours, theirs)
            status, child_status = _pipe(ours, theirs)
            child = self._nursery.bear(
                [child_channel.fileno(), order.fileno(), answer.fileno(), child_output, child_status]
            )
            theirs.close()  # or the ways would never come to an end
            ends = HostEnds(channel, output, status)
            return Supervision(child, ends, context=context, deadline=deadline, graces=self._graces).run()


def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[int, int]:
    reading, writing = os.pipe()
    ours.callback(os.close, reading)
    theirs.callback(os.close, writing)
    return reading, writing


def _result(definition: HandlerDefinition, death: Death, file: BinaryIO) -> BaseModel:
    """What the child left; if it left nothing, what it died of."""
    try:
        answer = read(Answer, file) if death.is_natural else None
        if answer is not None and answer.result is not None:
            return definition.result_model.model_validate(answer.result)
    except ValidationError as exc:
        raise ContractViolation(f"the answer of {definition.task_type} does not fit its model") from exc
    if answer is None or answer.fault is None:
        raise cause(death)
    raise error_of(answer.fault)
