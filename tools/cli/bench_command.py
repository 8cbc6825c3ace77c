"""`./dev bench`."""

import importlib
import sys

import click

from tools.cli.checkout import ROOT, ensure_setup


def _names() -> list[str]:
    return sorted(path.stem for path in (ROOT / "tools" / "bench").glob("[!_]*.py"))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(name: str | None, arguments: tuple[str, ...]) -> None:
    """Run the benchmark NAME (one of tools/bench/) with ARGUMENTS."""
    if name not in _names():
        raise click.UsageError(f"benchmarks: {', '.join(_names()) or 'none yet'}")
    ensure_setup()
    sys.exit(importlib.import_module(f"tools.bench.{name}").main(list(arguments)))
