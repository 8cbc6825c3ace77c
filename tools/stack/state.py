"""The directory in which a stack remembers itself between two commands."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LOG_LIMIT_BYTES = 20 * 2**20


class StateDirectory:
    """Files of one stack: JSON records, process ids and logs, each written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def read(self, name: str) -> dict[str, Any]:
        """The JSON record `name`, empty where it was never written."""
        try:
            return dict(json.loads((self.path / name).read_text()))
        except FileNotFoundError:
            return {}

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Replace the JSON record `name`; only the owner can read it, because some hold passwords."""
        self.path.mkdir(parents=True, exist_ok=True)
        new = self.path / f"{name}.{os.getpid()}.new"
        with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(record, file, indent=2)
        new.replace(self.path / name)

    def pid_file(self, part: str) -> Path:
        """Where the part's process writes who it is."""
        return self._inside("pids", f"{part}.pid")

    def log_file(self, part: str) -> Path:
        """Where the part's output goes."""
        return self._inside("logs", f"{part}.log")

    def rotate_log(self, part: str) -> None:
        """Put a log that has grown too long aside, as `<part>.log.1`."""
        log = self.log_file(part)
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One command at a time changes the stack; the lock goes with the process that holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _inside(self, folder: str, name: str) -> Path:
        directory = self.path / folder
        directory.mkdir(parents=True, exist_ok=True)
        return directory / name


def log_tail(path: Path, *, lines: int = 20) -> str:
    """The last lines of a log, read from its end."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - lines * 400))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
