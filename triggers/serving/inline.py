"""Dependencies that only look at the request, run where the request is."""

import inspect
from collections.abc import Callable
from typing import Any


class Inline:
    """Calls a dependency on the event loop.

    FastAPI sends every plain function and class into a thread, as it may block. titiler has a dozen of them
    to each tile that do nothing but read query parameters, and the way there and back costs more than that.
    """

    def __init__(self, dependency: Callable[..., Any]) -> None:
        self._dependency = dependency
        self.__signature__ = inspect.signature(dependency)  # what FastAPI reads the parameters from

    async def __call__(self, **parameters: Any) -> Any:
        """What the dependency returns."""
        return self._dependency(**parameters)


def inline(dependency: Callable[..., Any]) -> Inline:
    """The dependency, to be called on the event loop: it must not block."""
    return Inline(dependency)
