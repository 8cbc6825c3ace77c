"""What a comparison needs and the platform does not, installed when it is asked for."""

import importlib
import importlib.util
from pathlib import Path

from tools.cli.setup.commands import Commands

_REQUIREMENTS = "requirements-bench.txt"


def ensure_python_packages(root: Path, *modules: str) -> None:
    """Install the requirements of the benchmarks unless these modules are there already."""
    if all(importlib.util.find_spec(module) for module in modules):
        return
    print(f"Installing {_REQUIREMENTS}", flush=True)
    python = str(root / ".venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
    bench_commands(root).run(*pip, "-r", _REQUIREMENTS)
    importlib.invalidate_caches()


def bench_commands(root: Path) -> Commands:
    """Commands whose output goes to the log of the benchmarks' set-up."""
    return Commands(root=root, log=root / ".local" / "logs" / "bench-setup.log")
