"""`./dev test`."""

import os
import sys
from collections.abc import Sequence

import click

from tools.cli.checkout import ROOT, ensure_setup

# Each process has servers of its own, and a file's tests stay together: its fixtures are made once.
_SIDE_BY_SIDE = ["--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile"]
_SUITES = ("unit", "contract", "integration", "acceptance", "chaos")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[SUITE] [-- PYTEST ARGUMENTS]")
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests: all but the slow ones, or one SUITE in full.

    The suites are unit, contract, integration, acceptance, chaos, all. More than one suite runs in several
    processes; `-n 0` keeps them in one. Services that are missing skip tests, and fail them where CI is set.
    """
    ensure_setup()
    os.chdir(ROOT)
    # pytest takes our place, so that its summary is the last line and its exit code is ours.
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *pytest_arguments(arguments)])  # noqa: S606


def pytest_arguments(arguments: Sequence[str]) -> list[str]:
    """What pytest is called with."""
    match arguments:
        case ["all", *rest]:
            return [*_SIDE_BY_SIDE, *_folders(*_SUITES), *rest]
        case [suite, *rest] if suite in _SUITES:
            return [*_folders(suite), *rest]
        case [word, *_] if not word.startswith("-"):
            raise click.UsageError(f"no suite {word!r}; the suites are {', '.join(_SUITES)}, all")
        case _:
            return ["-m", "not slow", *_SIDE_BY_SIDE, *_folders(*_SUITES), *arguments]


def _folders(*suites: str) -> list[str]:
    return [f"tests/{suite}" for suite in suites]
