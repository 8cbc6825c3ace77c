"""`./dev setup`."""

import click

from tools.cli.checkout import ensure_setup


@click.command()
def setup() -> None:
    """Install what is missing on this machine and in this checkout."""
    ensure_setup(retry_failed=True)
