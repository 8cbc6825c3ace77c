"""Processes of the contract tests: the host under test, and the development broker."""

import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).resolve().parents[3]
SAMPLE_APP = Path(__file__).parent / "sample_app"
PATIENCE_SECONDS = 20.0

PREFIXES = tuple(f"p{number}" for number in range(16))
"""Prefixes of queue names; each has a `tasks`, a `batches`, a `sync-tasks` and a `buried` queue."""

_T = TypeVar("_T")


def wait_until(probe: Callable[[], _T], *, seconds: float = PATIENCE_SECONDS) -> _T:
    """What `probe` returns once it is true."""
    deadline = time.monotonic() + seconds
    while not (seen := probe()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return seen


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; headers keep their order and repeats."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class RunningHost:
    """A host process of its own, its trace file and its log."""

    def __init__(
        self, root: Path, *, environment: Mapping[str, str], arguments: tuple[str, ...] = ()
    ) -> None:
        self.root = root
        self.trace_file = root / "trace.jsonl"
        self._log = root / "host.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tools.functions_host", "--root", str(root), "--port", "0"),
                    *("--log-format", "json", *arguments),
                ],
                cwd=REPOSITORY,
                env={**_clean_environment(), "TRACE_FILE": str(self.trace_file), **environment},
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait_listening(self) -> "RunningHost":
        """Wait for the line that says where the host listens."""
        line = read_line(self.process)
        assert line.startswith("listening on http://"), self.log_text()
        self.address = urlsplit(line.removeprefix("listening on ")).netloc
        return self

    def request(
        self, method: str, path: str, *, body: bytes | Iterator[bytes] | None = None, **headers: str
    ) -> Answer:
        """Send one request on a connection of its own; `_` in a header's name stands for `-`."""
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE_SECONDS)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET `path`."""
        return self.request("GET", path, body=None, **headers)

    def trace(self, what: str) -> list[dict[str, Any]]:
        """The lines that functions wrote about `what`, oldest first."""
        text = self.trace_file.read_text() if self.trace_file.exists() else ""
        lines = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return [line for line in lines if line["what"] == what]

    def log_text(self) -> str:
        """Everything the host has logged."""
        return self._log.read_text()

    def log(self, action: str) -> list[dict[str, Any]]:
        """The log records with that action."""
        lines = [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("action") == action]

    def worker_pids(self) -> list[int]:
        """The living child processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """End the process, whatever its state; its workers end with it, as one of the tests asserts."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class RunningBroker:
    """The development broker on a port of its own; `kill` and `start` keep port and data."""

    def __init__(self, folder: Path, *, lock_duration: str = "PT3S") -> None:
        self._data, self._queues = folder / "broker.db", folder / "queues.json"
        queues = [
            _definition(f"{prefix}-{name}", lock_duration=lock_duration)
            for prefix in PREFIXES
            for name in ("tasks", "batches", "sync-tasks", "buried")
        ]
        self._queues.write_text(json.dumps({"queues": queues}))
        self._address = "127.0.0.1:0"
        self.start()

    @property
    def connection_string(self) -> str:
        """For azure-servicebus."""
        return (
            f"Endpoint=sb://{self._address};SharedAccessKeyName=dev;SharedAccessKey=dev;"
            "UseDevelopmentEmulator=true;"
        )

    def start(self) -> None:
        """Start, on the same port as before if there was one."""
        host, port = self._address.split(":")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tools.servicebus_broker", "--host", host, "--port", port),
                *("--data", str(self._data), "--queues", str(self._queues)),
            ],
            cwd=REPOSITORY,
            env=_clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._address = read_line(self.process).removeprefix("listening on ")

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def _definition(name: str, *, lock_duration: str) -> dict[str, object]:
    properties = {
        "lockDuration": lock_duration,
        "maxDeliveryCount": 4,
        "defaultMessageTimeToLive": "P7D",
        "deadLetteringOnMessageExpiration": True,
        "requiresDuplicateDetection": False,
        "duplicateDetectionHistoryTimeWindow": "PT1H",
        "requiresSession": False,
        "maxSizeInMegabytes": 1024,
    }
    return {"name": name, "role": name, "description": "test", "properties": properties}


def read_line(process: subprocess.Popen[bytes]) -> str:
    """The next line of standard output; empty when there is none in time."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
    return process.stdout.readline().decode().strip() if ready else ""


def copy_sample_app(folder: Path) -> Path:
    """A copy of the sample app that a test may change."""
    return Path(shutil.copytree(SAMPLE_APP, folder / "app", ignore=shutil.ignore_patterns("__pycache__")))


@contextmanager
def running_host(
    root: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[RunningHost]:
    """A host that listens, ended with the block."""
    host = RunningHost(root, environment=environment or {}, arguments=arguments)
    try:
        yield host.wait_listening()
    finally:
        host.close()


def _clean_environment() -> dict[str, str]:
    """What a process needs of ours, without the settings of a developer's shell."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONWARNINGS": "error"}
