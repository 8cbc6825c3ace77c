"""Commands that set-up runs, with their output in a log file."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tools.stack.state import log_tail


class SetupFailed(Exception):
    """Set-up cannot go on; the message says why and what to do."""


class CannotBeRoot(SetupFailed):
    """Somebody else has to run the commands that need root."""


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs commands in the checkout, logging to `log`."""

    root: Path
    log: Path

    def run(self, *command: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """SetupFailed with the end of the log when the command does not end well."""
        if (code := self._attempt(command, environment)) != 0:
            raise SetupFailed(
                f"{shlex.join(command[:6])} ... failed (exit code {code}):\n{log_tail(self.log)}\n\n"
                f"The whole log: {self.log}"
            )

    def _attempt(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log:
            print(f"\n$ {shlex.join(command)}", file=log, flush=True)
            done = subprocess.run(
                command,
                cwd=self.root,
                stdout=log,
                stderr=log,
                env={**_inherited(), **environment},
                check=False,
            )
        return done.returncode

    def as_root(self, *command: str) -> None:
        """As `run`, as root. The person sees what is run through sudo; CannotBeRoot where it cannot be."""
        prefix = _root_prefix()
        if prefix:
            print(f"\n  {shlex.join([*prefix, *command])}", flush=True)
        self.run(*prefix, *command)


def _root_prefix() -> list[str]:
    if os.geteuid() == 0:
        return []
    if _succeeds("sudo", "-n", "true"):
        return ["sudo", "-n"]
    if os.isatty(0) and _succeeds("sudo", "-V"):
        return ["sudo"]
    raise CannotBeRoot("this needs root, and sudo cannot be used from here")


def output_of(*command: str) -> str:
    """Standard output, stripped; empty when the program is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
