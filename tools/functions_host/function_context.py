"""What a function's `context` parameter receives (azure.functions.Context)."""

import threading
from pathlib import Path
from typing import Any

import azure.functions as func

from tools.functions_host.logs import BoundInvocation


class TraceContext(func._abc.TraceContext):  # type: ignore[misc]
    """The W3C trace headers of the call; empty where the trigger carries none."""

    def __init__(self, trace_parent: str = "", trace_state: str = "") -> None:
        self._parent, self._state = trace_parent, trace_state

    @property
    def trace_parent(self) -> str:
        """The `traceparent` header."""
        return self._parent

    @property
    def trace_state(self) -> str:
        """The `tracestate` header."""
        return self._state

    @property
    def attributes(self) -> dict[str, str]:
        """None are known here."""
        return {}


class RetryContext(func._abc.RetryContext):  # type: ignore[misc]
    """No function retry policy applies here: the first and only try."""

    @property
    def retry_count(self) -> int:
        """Always 0."""
        return 0

    @property
    def max_retry_count(self) -> int:
        """Always 0."""
        return 0

    @property
    def exception(self) -> None:
        """Never one."""
        return


class InvocationContext(func.Context):  # type: ignore[misc]
    """The context of one invocation."""

    def __init__(self, bound: BoundInvocation, *, directory: Path, trace: TraceContext) -> None:
        self._bound, self._directory, self._trace = bound, directory, trace
        self._thread_local = threading.local()

    @property
    def invocation_id(self) -> str:
        """A random UUID, also on every log record of the invocation."""
        return self._bound.invocation_id

    @property
    def thread_local_storage(self) -> Any:
        """For threads of the function's own; this host reads nothing from it."""
        return self._thread_local

    @property
    def function_name(self) -> str:
        """The function's name."""
        return self._bound.function_name

    @property
    def function_directory(self) -> str:
        """The root of the app."""
        return str(self._directory)

    @property
    def trace_context(self) -> TraceContext:
        """The trace headers of the call."""
        return self._trace

    @property
    def retry_context(self) -> RetryContext:
        """The first and only try."""
        return RetryContext()
