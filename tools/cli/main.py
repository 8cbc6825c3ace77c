"""The commands of `./dev`, each loaded when it is called: some bring heavy libraries with them."""

import importlib
import os
import sys

import click

from tools.cli.console import show_failure
from tools.stack.errors import StackError

_COMMANDS = {
    "setup": (
        "tools.cli.setup_command:setup",
        "Install what is missing on this machine and in this checkout.",
    ),
    "demo": (
        "tools.cli.demo_command:demo",
        "Publish a real vector file and a real raster, and check the result.",
    ),
    "test": ("tools.cli.test_command:test", "Run the tests."),
    "check": ("tools.cli.check_command:check", "Check format, lint, types, import contracts, SQL and docs."),
    "up": ("tools.cli.stack_commands:up", "Start the stack, or what of it does not run."),
    "down": ("tools.cli.stack_commands:down", "Stop the stack."),
    "restart": (
        "tools.cli.stack_commands:restart",
        "Restart the hosts (after a change of code), or the named parts.",
    ),
    "status": ("tools.cli.stack_commands:status", "Show the parts of the stack."),
    "logs": ("tools.cli.stack_commands:logs", "Show what the parts log."),
    "submit": (
        "tools.cli.submit_command:submit",
        "Upload files, submit them and watch them being published.",
    ),
    "watch": ("tools.cli.submit_command:watch", "Watch a request until it has ended."),
    "db": ("tools.cli.database_commands:db", "Work with the stack's database."),
    "bench": ("tools.cli.bench_command:bench", "Run a benchmark."),
}


class LazyGroup(click.Group):
    """Lists the commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """In the order of the table above."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Names and one line each."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
def dev() -> None:
    """The one command of this repository."""


def main() -> None:
    """Run a command; a failure of the stack is told with the end of the log, not with a traceback."""
    os.environ.pop("PYTHONPATH", None)  # set by ./dev for itself
    try:
        dev.main(prog_name="./dev", standalone_mode=True)
    except StackError as failure:
        show_failure(failure)
        sys.exit(1)
