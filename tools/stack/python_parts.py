"""The parts that are Python programs of this repository: the development broker and the Functions hosts."""

import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.stack.part import Launch, Part
from tools.stack.ports import answers
from tools.stack.state import StateDirectory


class BrokerServer(Part):
    """The development broker: Azure Service Bus over AMQP, durable over restarts."""

    def __init__(self, *, state: StateDirectory, root: Path, name: str = "broker") -> None:
        super().__init__(name, state=state)
        self._root = root

    @property
    def connection_string(self) -> str:
        """For the unmodified azure-servicebus SDK; `true` must be lower case."""
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=development;UseDevelopmentEmulator=true;"
        )

    def discard_data(self) -> None:
        """Empty queues at the next start."""
        for path in self._state.path.glob(f"{self.name}.sqlite*"):
            path.unlink()

    def _launch(self) -> Launch:
        options = {
            "--host": "127.0.0.1",
            "--port": str(self.port),
            "--data": str(self._state.path / f"{self.name}.sqlite"),
            "--queues": str(self._root / "sql" / "queues.json"),
        }
        return _module("tools.servicebus_broker", options, root=self._root)

    def _is_ready(self) -> bool:
        return answers(self.port)


class FunctionsHost(Part):
    """One host process that runs the `function_app.py` of `app_root` with the settings of one app."""

    stop_seconds = 20.0  # twice the time it gives running functions to finish

    def __init__(
        self,
        name: str,
        *,
        state: StateDirectory,
        root: Path,
        app_root: Path | None = None,
        settings: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        super().__init__(name, state=state)
        self._root = root
        self._app_root = app_root or root
        self._settings = settings  # asked at the start: the ports of the other parts stand then

    @property
    def base_url(self) -> str:
        """Where the app answers."""
        return f"http://127.0.0.1:{self.port}"

    def _launch(self) -> Launch:
        options = {"--root": str(self._app_root), "--host": "127.0.0.1", "--port": str(self.port)}
        return _module("tools.functions_host", options, root=self._root, environment=self._settings())

    def _is_ready(self) -> bool:
        return answers(self.port) and _serves(f"{self.base_url}/api/livez")


def _module(
    name: str, options: Mapping[str, str], *, root: Path, environment: Mapping[str, str] | None = None
) -> Launch:
    arguments = [part for pair in options.items() for part in pair]
    command = [sys.executable, "-m", name, *arguments]
    return Launch(command=command, cwd=root, environment=environment or {})


def _serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # our own http URL
            return True
    except OSError:
        return False
