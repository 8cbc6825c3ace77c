"""Ends the worker when a function outlives functionTimeout, as the Azure host does.

A thread of its own, because an async function that blocks stalls the event loop and a sync one cannot be
stopped at all. Before the process ends, the loop gets a moment to abandon the messages in hand.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

from tools.functions_host.errors import ExitCode
from tools.functions_host.invocation import Invoker, Running
from tools.functions_host.logs import RESULTS_LOGGER

_logger = logging.getLogger(RESULTS_LOGGER)

SCAN_SECONDS = 0.25
FAREWELL_SECONDS = 5.0


def start_watchdog(
    invoker: Invoker, *, timeout_seconds: float, abandon: Callable[[], threading.Event]
) -> None:
    """Watch `invoker` from a daemon thread; `abandon` starts giving messages back."""

    def watch() -> None:
        while (overdue := _overdue(invoker, timeout_seconds)) is None:
            time.sleep(SCAN_SECONDS)
        _logger.error(
            "%s ran longer than functionTimeout (%.1f s): the worker ends",
            overdue.bound.function_name,
            timeout_seconds,
            extra={
                "action": "function_timeout",
                "function_name": overdue.bound.function_name,
                "invocation_id": overdue.bound.invocation_id,
            },
        )
        abandon().wait(FAREWELL_SECONDS)
        os._exit(ExitCode.FUNCTION_TIMEOUT)

    threading.Thread(target=watch, name="watchdog", daemon=True).start()


def _overdue(invoker: Invoker, timeout_seconds: float) -> Running | None:
    limit = time.monotonic() - timeout_seconds
    return next((running for running in list(invoker.running.values()) if running.started < limit), None)
