"""Somebody else's server beside ours: an ASGI app under uvicorn, as its documentation sets it up."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tools.stack.part import Launch, Part
from tools.stack.ports import answers
from tools.stack.state import StateDirectory


class UvicornApp(Part):
    """The app `module:name`, in as many processes as the platform's host has."""

    def __init__(
        self,
        app: str,
        *,
        name: str,
        state: StateDirectory,
        root: Path,
        processes: int,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(name, state=state)
        self._app, self._root, self._processes, self._environment = app, root, processes, environment

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def _launch(self) -> Launch:
        options = {"--port": str(self.port), "--workers": str(self._processes), "--log-level": "warning"}
        arguments = [part for pair in options.items() for part in pair]
        command = [sys.executable, "-m", "uvicorn", self._app, "--no-access-log", *arguments]
        return Launch(command=command, cwd=self._root, environment=dict(self._environment))

    def _is_ready(self) -> bool:
        return answers(self.port)
