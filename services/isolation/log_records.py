"""Log records on their way from a child to the host's own logging."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from services.isolation.orders import MAX_WORD_BYTES

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MAX_CHARACTERS = MAX_WORD_BYTES // 16  # of a text: at most 6 bytes each in JSON, and two of them
_KEPT = (
    "name", "levelno", "levelname", "created", "msecs", "pathname", "filename", "module", "lineno",
    "funcName", "process", "threadName",
)  # fmt: skip


class ChannelHandler(logging.Handler):
    """Sends each record through `send`; one that is too large loses its extras."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._send = send
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record; it is dropped when the host does not listen any more."""
        try:
            word = json.dumps({"log": self._fields(record)}, default=str).encode()
            if len(word) > MAX_WORD_BYTES:
                word = json.dumps({"log": self._core_fields(record)}).encode()
            self._send(word)
        except Exception:  # noqa: BLE001  as logging's own handlers: a record must not stop the work
            self.handleError(record)

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        extras = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return {**extras, **self._core_fields(record)}

    def _core_fields(self, record: logging.LogRecord) -> dict[str, Any]:
        text = record.exc_text
        if record.exc_info:
            text = self._formatter.formatException(record.exc_info)
        return {
            **{name: getattr(record, name, None) for name in _KEPT},
            "msg": record.getMessage()[:_MAX_CHARACTERS],
            "exc_text": text[-_MAX_CHARACTERS:] if text else None,
        }


def emit_here(fields: Mapping[str, Any], *, ids: Mapping[str, Any]) -> None:
    """Hand a child's record to this process's logging, with the ids of the task."""
    record = logging.makeLogRecord({**fields, **ids, "args": None})
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
