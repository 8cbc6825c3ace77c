"""Call functions: sync ones in one thread pool, async ones on the loop, each with an id and a deadline."""

import asyncio
import contextvars
import functools
import logging
import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.functions_host.function_context import InvocationContext, TraceContext
from tools.functions_host.function_index import FunctionSpec
from tools.functions_host.logs import RESULTS_LOGGER, BoundInvocation, bound_invocation

_results = logging.getLogger(RESULTS_LOGGER)


class InvocationFailed(Exception):  # an outcome, already logged where it happened
    """The function raised, or returned what its bindings do not allow."""


@dataclass(frozen=True, slots=True)
class Running:
    """An invocation that has not returned; `started` is on the monotonic clock."""

    bound: BoundInvocation
    started: float


def default_pool_size() -> int:
    """Azure's default for PYTHON_THREADPOOL_THREAD_COUNT on Python 3.9 and later."""
    return min(32, (os.cpu_count() or 1) + 4)


def _as_is(returned: Any) -> Any:
    return returned


def _succeeded(_: Any) -> str:
    return "Succeeded"


class Invoker:
    """Runs functions and knows which are running. Used from the event loop; `running` from any thread."""

    def __init__(self, *, root: Path, pool_size: int) -> None:
        self._root = root
        self._pool = ThreadPoolExecutor(max_workers=pool_size, thread_name_prefix="function")
        self.running: dict[str, Running] = {}

    async def invoke(
        self,
        spec: FunctionSpec,
        argument: object,
        *,
        trace: TraceContext | None = None,
        render: Callable[[Any], Any] = _as_is,
        describe: Callable[[Any], str] = _succeeded,
    ) -> Any:
        """Call the function; what `render` makes of its return value. `describe` words the log line.

        Raises InvocationFailed, after logging, when the function or `render` raises. SystemExit ends the
        worker, as it does in Azure: servers and task groups on the way would only hide it.
        """
        bound = BoundInvocation(str(uuid.uuid4()), spec.name)
        started = time.monotonic()
        self.running[bound.invocation_id] = Running(bound, started)
        with bound_invocation(bound):
            try:
                returned = await self._call(spec, self._arguments(spec, argument, bound, trace))
                _check_return(spec, returned)
                result = render(returned)
            except Exception as exc:
                _log_failure(spec, started)
                raise InvocationFailed(spec.name) from exc
            except (SystemExit, KeyboardInterrupt) as exc:
                _log_failure(spec, started)
                _end_process(exc)
            finally:
                del self.running[bound.invocation_id]
            _log_success(spec, started, describe(result))
        return result

    async def wait_idle(self) -> None:
        """Wait until nothing runs."""
        while self.running:
            await asyncio.sleep(0.02)

    def _arguments(
        self, spec: FunctionSpec, argument: object, bound: BoundInvocation, trace: TraceContext | None
    ) -> dict[str, object]:
        arguments = {spec.argument_name: argument}
        if spec.wants_context:
            arguments["context"] = InvocationContext(
                bound, directory=self._root, trace=trace or TraceContext()
            )
        return arguments

    async def _call(self, spec: FunctionSpec, arguments: dict[str, object]) -> Any:
        if spec.is_async:
            return await spec.call(**arguments)
        call = functools.partial(contextvars.copy_context().run, spec.call, **arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _end_process(exc: BaseException) -> None:
    code = getattr(exc, "code", None)
    logging.shutdown()
    os._exit(code if isinstance(code, int) else 1)


def _check_return(spec: FunctionSpec, returned: object) -> None:
    if returned is not None and not spec.has_return_binding:
        raise TypeError(f"{spec.name} without a $return binding returned a non-None value")


def _milliseconds(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def _log_success(spec: FunctionSpec, started: float, outcome: str) -> None:
    duration = _milliseconds(started)
    extra = {"action": "function_executed", "duration_ms": duration}
    _results.info("Executed %s (%s, %.1f ms)", spec.name, outcome, duration, extra=extra)


def _log_failure(spec: FunctionSpec, started: float) -> None:
    duration = _milliseconds(started)
    extra = {"action": "function_failed", "duration_ms": duration}
    _results.exception("Executed %s (Failed, %.1f ms)", spec.name, duration, extra=extra)
