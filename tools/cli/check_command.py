"""`./dev check`."""

import subprocess
import sys
import time

import click

from tools.cli.checkout import ROOT, ensure_setup
from tools.cli.console import console
from tools.stack.part import inherited_environment

_CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy", "."],
    "import contracts": ["lint-imports"],
}


@click.command()
def check() -> None:
    """Check format, lint, types, import contracts, SQL and docs; ends with 1 when one fails."""
    ensure_setup()
    failed = [name for name, command in _commands().items() if not _passes(name, command)]
    if failed:
        console.print(f"[bold red]Failed: {', '.join(failed)}[/]")
        sys.exit(1)


def _commands() -> dict[str, list[str]]:
    programs = ROOT / ".venv" / "bin"
    known = {name: [str(programs / program), *rest] for name, (program, *rest) in _CHECKS.items()}
    own = sorted(path.stem for path in (ROOT / "tools" / "checks").glob("[!_]*.py"))
    return {**known, **{name: [sys.executable, "-m", f"tools.checks.{name}"] for name in own}}


def _passes(name: str, command: list[str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=inherited_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    passed = done.returncode == 0
    verdict = "[green]ok[/]" if passed else "[bold red]failed[/]"
    console.print(f"{name:20} {verdict} {time.monotonic() - started:5.1f} s")
    if not passed:
        console.print(done.stdout, markup=False, soft_wrap=True)
    return passed
