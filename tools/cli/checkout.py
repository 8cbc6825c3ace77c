"""This checkout, and the stack that belongs to it."""

import sys
from pathlib import Path

from tools.cli.setup.commands import SetupFailed
from tools.cli.setup.plan import run_setup
from tools.stack.errors import StackError
from tools.stack.part import PartState
from tools.stack.stack import Stack
from tools.stack.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
STATE_DIR = ROOT / ".local" / "stack"


def the_stack(topology: Topology | None = None) -> Stack:
    """The stack as it was last started, or with another topology."""
    return Stack(ROOT, STATE_DIR, topology)


def the_running_stack() -> Stack:
    """The stack, all of whose parts run; StackError or PartCrashed if not."""
    stack = the_stack()
    stack.raise_if_crashed()
    if stopped := [part.name for part in stack.parts() if part.status().state is not PartState.RUNNING]:
        raise StackError(f"the stack is not up ({', '.join(stopped)} stopped): run ./dev up")
    return stack


def ensure_setup(*, retry_failed: bool = False) -> None:
    """Set up what changed since the last time; ends the command where that fails."""
    try:
        run_setup(ROOT, retry_failed=retry_failed)
    except SetupFailed as failure:
        sys.exit(f"\n{failure}")
