"""`./dev up`, `down`, `restart`, `status`, `logs`."""

import os
import sys
import time
from pathlib import Path

import click
from rich.table import Table

from tools.cli.checkout import ensure_setup, the_stack
from tools.cli.console import console, duration, show_failure
from tools.stack.errors import PartCrashed
from tools.stack.part import Part, PartState, PartStatus
from tools.stack.stack import Stack
from tools.stack.topology import APPS, Topology

_COLOURS = {PartState.RUNNING: "green", PartState.STOPPED: "yellow", PartState.CRASHED: "bold red"}


@click.command()
@click.option(
    "--topology",
    type=click.Choice([str(topology) for topology in Topology]),
    help="standalone: one app; split: a front door and two workers. Default: as last time.",
)
def up(topology: str | None) -> None:
    """Start the stack, or what of it does not run."""
    ensure_setup()
    bring_up(the_stack(Topology(topology) if topology else None))


def bring_up(stack: Stack) -> None:
    """Start what does not run, and say where the platform is."""
    started_at = time.monotonic()
    started = stack.up(report=lambda line: console.print(f"  {line}"))
    if started:
        console.print(f"Up in {time.monotonic() - started_at:.1f} s: {stack.public_base_url}")
    else:
        console.print(f"Already up: {stack.public_base_url}")


@click.command()
def down() -> None:
    """Stop the stack."""
    stopped = the_stack().down()
    console.print(f"Stopped {', '.join(stopped)}" if stopped else "Nothing was running")


@click.command()
@click.argument("parts", nargs=-1)
def restart(parts: tuple[str, ...]) -> None:
    """Restart the hosts (after a change of code), or the named PARTS."""
    stack = the_stack()
    for name in parts or [app.part for app in APPS[stack.topology]]:
        _part_or_exit(stack, name).stop()
    bring_up(stack)


@click.command()
def status() -> None:
    """Show the parts of the stack; ends with 1 when one has crashed."""
    stack = the_stack()
    console.print(_table([part.status() for part in stack.parts()]))
    if crashes := _crashes(stack):
        for crash in crashes:
            show_failure(crash)
        sys.exit(1)


@click.command()
@click.argument("parts", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what comes.")
@click.option("-n", "--lines", default=40, show_default=True, help="How many lines of the past.")
def logs(parts: tuple[str, ...], *, follow: bool, lines: int) -> None:
    """Show what the PARTS log (default: all)."""
    stack = the_stack()
    chosen = [_part_or_exit(stack, name) for name in parts] or stack.parts()
    files = [part.status().log_file for part in chosen]
    existing = [str(file) for file in files if file.exists()]
    if not existing:
        raise click.ClickException("nothing has been logged yet")
    os.execvp("tail", ["tail", f"--lines={lines}", *(["-F"] if follow else []), *existing])  # noqa: S606


def _part_or_exit(stack: Stack, name: str) -> Part:
    try:
        return stack.part(name)
    except KeyError as exc:
        names = ", ".join(part.name for part in stack.parts())
        raise click.BadParameter(f"no part {name!r}; the parts are {names}") from exc


def _crashes(stack: Stack) -> list[PartCrashed]:
    found = []
    for part in stack.parts():
        try:
            part.raise_if_crashed()
        except PartCrashed as crash:
            found.append(crash)
    return found


def _table(statuses: list[PartStatus]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("part", "pid", "port", "state", "uptime", "log"):
        table.add_column(column, no_wrap=column != "log", overflow="fold")
    for status in statuses:
        table.add_row(
            status.name,
            str(status.pid or ""),
            str(status.port),
            f"[{_COLOURS[status.state]}]{status.state}[/]",
            "" if status.uptime_seconds is None else duration(status.uptime_seconds),
            _short(status.log_file),
        )
    return table


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
