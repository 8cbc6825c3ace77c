"""The registry of task handlers: `@register_task` fills it, `discover()` imports every module that does."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import TypeVar

import services
from core.registry import Handler, HandlerDefinition, Registry, define_handler
from core.schema.queue import QueueRole

AnyHandler = TypeVar("AnyHandler", bound=Handler)
ALL_HANDLERS: Registry[HandlerDefinition] = Registry()


def register_task(task_type: str, *, queue: QueueRole) -> Callable[[AnyHandler], AnyHandler]:
    """Decorator: `function(parameters: Model, context: TaskContext) -> Model` runs tasks of this type.

    `queue` says where its tasks travel: raster tasks (much memory, few at a time), vector tasks (bound
    by the database, many at a time), or neither.
    """

    def register(function: AnyHandler) -> AnyHandler:
        ALL_HANDLERS.add(task_type, define_handler(task_type, function, queue=queue))
        return function

    return register


def discover() -> Registry[HandlerDefinition]:
    """Import every module below this package. A module that fails to import stops the start."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        importlib.import_module(module.name)
    return ALL_HANDLERS
