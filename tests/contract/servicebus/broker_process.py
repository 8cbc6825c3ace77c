"""The broker as its users run it: a process of its own, reached over AMQP."""

import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

SECONDS_TO_START = 20
PLAIN_QUEUES = 64
WIRE_QUEUES = 20
SPECIAL_QUEUES: dict[str, dict[str, Any]] = {
    "dedup": {"requiresDuplicateDetection": True, "duplicateDetectionHistoryTimeWindow": "PT3S"},
    "mortal": {"defaultMessageTimeToLive": "PT2S", "deadLetteringOnMessageExpiration": True},
    "forgetful": {"defaultMessageTimeToLive": "PT2S"},
    "tiny": {"maxSizeInMegabytes": 1},
    "patient": {"lockDuration": "PT30S"},
    "undisturbed": {},
}


def queue_definitions() -> dict[str, Any]:
    """Return definitions of special queues and of plain ones: lock 3 s, 3 deliveries."""
    plain = [f"plain-{number:02}" for number in range(PLAIN_QUEUES)]
    plain += [f"wire-{number:02}" for number in range(WIRE_QUEUES)]
    names: dict[str, dict[str, Any]] = {name: {} for name in plain} | SPECIAL_QUEUES
    base = {"lockDuration": "PT3S", "maxDeliveryCount": 3}
    return {"queues": [{"name": name, "properties": base | special} for name, special in names.items()]}


class BrokerProcess:
    """Starts, kills and starts again on the same port and the same data file."""

    def __init__(self, directory: Path, *options: str) -> None:
        self._queues = directory / "queues.json"
        self._queues.write_text(json.dumps(queue_definitions()))
        self.data = directory / "broker.sqlite"
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def connection_string(self) -> str:
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=dev;SharedAccessKey=dev;"
            "UseDevelopmentEmulator=true;"
        )

    def start(self) -> None:
        """Return when the broker listens."""
        command = [sys.executable, "-m", "tools.servicebus_broker", "--port", str(self.port), *self._options]
        command += ["--data", str(self.data), "--queues", str(self._queues)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), f"the broker said {line!r}"
        self.port = int(line.rpartition(":")[2])

    def kill(self) -> None:
        """End the process without a chance to write anything."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask the process to end; return its exit code."""
        return self._end(signal.SIGTERM)

    def limit_file_size(self, size: int) -> None:
        """Let writes beyond ``size`` bytes of any file fail, as on a full disk."""
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def wait(self) -> int:
        """Return the exit code of a broker that ends by itself."""
        assert self._process is not None
        assert self._process.stdout is not None
        code = self._process.wait(timeout=SECONDS_TO_START)
        self._process.stdout.close()
        return code

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def inspect(self) -> dict[str, dict[str, int]]:
        """Return what `inspect` prints."""
        command = [sys.executable, "-m", "tools.servicebus_broker", "inspect", "--data", str(self.data)]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        counts: dict[str, dict[str, int]] = json.loads(answer.stdout)
        return counts

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait()
