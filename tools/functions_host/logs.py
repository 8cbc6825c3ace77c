"""Logging of a worker: readable lines or JSON lines on standard error, each with its invocation.

The host installs one handler. It serves the host's own loggers always, and the root logger only while the app
has not given the root a stream handler of its own, so no record is written twice. Levels follow host.json's
`logging.logLevel`: `default`, `Function` (what is logged during an invocation) and `Host.Results` (the line
that closes an invocation).
"""

import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

HOST_LOGGER = "functions_host"
RESULTS_LOGGER = f"{HOST_LOGGER}.results"

_DOTNET_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


@dataclass(frozen=True, slots=True)
class BoundInvocation:
    """The invocation that the current task or thread works for."""

    invocation_id: str
    function_name: str


_current: ContextVar[BoundInvocation | None] = ContextVar("functions_host_invocation", default=None)


@contextmanager
def bound_invocation(invocation: BoundInvocation) -> Iterator[None]:
    """Mark every record of this context with `invocation`."""
    token = _current.set(invocation)
    try:
        yield
    finally:
        _current.reset(token)


def configure_logging(log_format: str, *, worker: str) -> logging.Handler:
    """Install the host's handler before the app is imported; call once per process."""
    _mark_records(worker)
    _collect_less()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    host = logging.getLogger(HOST_LOGGER)
    host.propagate = False
    host.addHandler(handler)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING") == "1" else logging.INFO)
    # The SDK reports each change of an AMQP connection at INFO; the app may say otherwise when imported.
    logging.getLogger("azure").setLevel(logging.WARNING)
    return handler


def _collect_less() -> None:
    """Leave out of records what no line of ours shows: to find out who called costs more than the rest.

    Source: Python's logging HOWTO, "Optimization".
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def yield_root_to_app(handler: logging.Handler) -> None:
    """Leave the root logger to the app when it has installed a stream handler there itself."""
    root = logging.getLogger()
    if any(isinstance(other, logging.StreamHandler) for other in root.handlers if other is not handler):
        root.removeHandler(handler)


def apply_levels(handler: logging.Handler, log_level: Mapping[str, str]) -> None:
    """Filter `handler` by host.json's logLevel."""
    levels = {
        name.lower(): _DOTNET_LEVELS.get(level.lower(), logging.INFO) for name, level in log_level.items()
    }
    default = levels.get("default", logging.DEBUG)
    handler.addFilter(
        _LevelFilter(
            default=default,
            function=levels.get("function", default),
            results=levels.get("host.results", default),
        )
    )


class _LevelFilter(logging.Filter):
    def __init__(self, *, default: int, function: int, results: int) -> None:
        super().__init__()
        self._default, self._function, self._results = default, function, results

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == RESULTS_LOGGER:
            return record.levelno >= self._results
        inside = getattr(record, "invocation_id", None) is not None
        return record.levelno >= (self._function if inside else self._default)


def _mark_records(worker: str) -> None:
    inner = logging.getLogRecordFactory()

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record: logging.LogRecord = inner(*args, **kwargs)
        if (current := _current.get()) is not None:
            record.invocation_id = current.invocation_id
            record.function_name = current.function_name
        record.host_worker = worker
        return record

    logging.setLogRecordFactory(factory)


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """One JSON object per line; everything given as `extra` is a member."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """`time LEVEL logger [function invocation] message name=value ...`, then a traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        moment = f"{time.strftime('%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}"
        invocation = getattr(record, "invocation_id", None)
        where = f" [{record.__dict__['function_name']} {invocation}]" if invocation else ""
        line = f"{moment} {record.levelname:<7} {record.name}{where} {record.getMessage()}{_extras(record)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


# Said by the line already, or the same on all lines of the process.
_SAID = _STANDARD | {"invocation_id", "function_name", "host_worker"}
_LONGEST_EXTRA = 200


def _extras(record: logging.LogRecord) -> str:
    return "".join(f" {name}={_value(value)}" for name, value in vars(record).items() if name not in _SAID)


def _value(value: object) -> str:
    """As it is, or quoted where it would be read as several."""
    text = str(value)[:_LONGEST_EXTRA]
    return text if text.isprintable() and not set(text) & set(' "=') and text else json.dumps(text)
