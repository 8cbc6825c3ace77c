"""`./dev demo`."""

import importlib
import sys

import click

from tools.cli.checkout import ensure_setup


@click.command()
@click.option("--stop", is_flag=True, help="Stop the stack at the end.")
def demo(*, stop: bool) -> None:
    """Publish a real vector file and a real raster, and check the result; 1 when something is wrong."""
    ensure_setup()
    # Only now: set-up may have had to install what the demo imports.
    sys.exit(importlib.import_module("tools.cli.demo").run_demo(stop=stop))
