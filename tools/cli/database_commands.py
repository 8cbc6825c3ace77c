"""`./dev db migrate`, `psql`."""

import os
from urllib.parse import unquote, urlsplit

import click

from tools.cli.checkout import the_stack
from tools.cli.console import console
from tools.stack.part import inherited_environment

_ROLES = {"admin": "admin", "owner": "migrator", "app": "app", "reader": "reader"}


@click.group()
def db() -> None:
    """Work with the stack's database."""


@db.command()
def migrate() -> None:
    """Bring roles, extensions and schema up to the newest."""
    database = the_stack().database
    database.bootstrap()
    database.migrate()
    console.print("The database is up to date")


@db.command(context_settings={"ignore_unknown_options": True})
@click.option("--as", "role", type=click.Choice(list(_ROLES)), default="app", show_default=True)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(role: str, arguments: tuple[str, ...]) -> None:
    """Open psql, as the application by default; ARGUMENTS go to psql (for example -c 'SELECT 1')."""
    stack = the_stack()
    url = getattr(stack.database.urls(), _ROLES[role])
    program = stack.postgres.programs.path("psql")
    # In the environment, because command lines can be read by every user of the machine.
    environment = {**inherited_environment(), **_connection(url)}
    os.execve(program, [program, *arguments], environment)  # noqa: S606


def _connection(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "PGHOST": str(parts.hostname),
        "PGPORT": str(parts.port),
        "PGUSER": unquote(str(parts.username)),
        "PGPASSWORD": unquote(str(parts.password)),
        "PGDATABASE": parts.path.removeprefix("/"),
    }
