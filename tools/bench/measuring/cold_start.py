"""How long a new instance takes to load the app: without any bytecode, as on a new machine."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tools.bench.measuring.bars import Bar
from tools.stack.stack import Stack

_STARTS = 3


def cold_start(stack: Stack, *, root: Path) -> tuple[list[Bar], dict[str, Any]]:
    """The best of some starts, in seconds of wall clock and of processor time."""
    starts = [_start(root, stack.environment()) for _ in range(_STARTS)]
    bars = [
        Bar("cold start of a worker", min(wall for wall, _ in starts), "s", most=6),
        Bar("the same, processor time", min(cpu for _, cpu in starts), "s"),
    ]
    return bars, {"starts": starts}


def _start(root: Path, environment: dict[str, str]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as bytecode:
        cpu, wall = _cpu_seconds(), time.monotonic()
        subprocess.run(
            [sys.executable, "-X", f"pycache_prefix={bytecode}", "-c", "import function_app"],
            cwd=root,
            env=environment,
            check=True,
        )
        return time.monotonic() - wall, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
