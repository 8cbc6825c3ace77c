"""The registry of task handlers: `@register_task` fills it, `discover()` imports every module that does."""

import importlib
import pkgutil
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import services
from core.registry import DEFAULT_TIME_LIMIT, Handler, HandlerDefinition, Registry, define_handler
from core.schema.queue import QueueRole

AnyHandler = TypeVar("AnyHandler", bound=Handler)
ALL_HANDLERS: Registry[HandlerDefinition] = Registry()


def register_task(
    task_type: str,
    *,
    queue: QueueRole,
    isolated: bool = False,
    time_limit: timedelta = DEFAULT_TIME_LIMIT,
    memory_limit_bytes: int | None = None,
    aliases: tuple[str, ...] = (),
) -> Callable[[AnyHandler], AnyHandler]:
    """Decorator: `function(parameters: Model, context: TaskContext) -> Model` runs tasks of this type.

    `queue` says where its tasks travel: raster tasks (much memory, few at a time), vector tasks (bound
    by the database, many at a time), or neither. `isolated` is for handlers that call native code on data
    of strangers: each attempt gets a process, so that a crash, a hang or a flood of memory costs the
    attempt and not the host. `time_limit`, `memory_limit_bytes` and `aliases`: see `HandlerDefinition`.
    """

    def register(function: AnyHandler) -> AnyHandler:
        definition = define_handler(
            task_type,
            function,
            queue=queue,
            isolated=isolated,
            time_limit=time_limit,
            memory_limit_bytes=memory_limit_bytes,
            aliases=aliases,
        )
        for name in definition.names:
            ALL_HANDLERS.add(name, definition)
        return function

    return register


def discover() -> Registry[HandlerDefinition]:
    """Import every module below this package. A module that fails to import stops the start."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        importlib.import_module(module.name)
    return ALL_HANDLERS
