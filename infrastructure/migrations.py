"""Schema and roles: `python -m infrastructure.migrations bootstrap|migrate|status`.

`bootstrap` needs an administrator (`DATABASE_ADMIN_URL`, whose path names the database to make); `migrate`
runs as the owner (`DATABASE_MIGRATOR_URL`), who is no superuser. Migrations only go forward, each in one
transaction under one lock; functions and grants are applied anew each time, so they have no history.
"""

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.queries import SQL_ROOT, load

ROLE_PASSWORDS = {
    "geo_owner": "GEO_OWNER_PASSWORD",
    "geo_app": "GEO_APP_PASSWORD",
    "geo_reader": "GEO_READER_PASSWORD",
}


class MigrationError(Exception):
    """The database cannot be brought to this version; the message says why."""


def bootstrap(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Make the database, the extensions and the roles. Safe to run again; it then sets the passwords."""
    target = conninfo_to_dict(admin_url)
    name = str(target["dbname"])
    maintenance = make_conninfo(admin_url, dbname="postgres")
    with psycopg.connect(maintenance, autocommit=True) as connection:
        if not connection.execute(_SQL["database_exists"], {"name": name}).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
            )
    with psycopg.connect(admin_url) as connection:
        connection.execute(_LOCK)
        connection.execute(_text(SQL_ROOT / "roles" / "bootstrap.sql"))
        for role, password in passwords.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
            )


def migrate(migrator_url: str) -> list[str]:
    """Bring the schema to this version, and return the names of the migrations applied.

    Raises:
        MigrationError: a migration that was applied has been edited since, or pgSTAC refuses.
    """
    with psycopg.connect(migrator_url, options="-c lock_timeout=10s") as connection:
        connection.execute(_LOCK)
        connection.execute(_SQL["create_ledger"])
        _migrate_pgstac(migrator_url)  # first, because it takes seconds, and ours lock tables
        applied = _apply_pending(connection)
        for script in (*sorted((SQL_ROOT / "functions").glob("*.sql")), SQL_ROOT / "roles" / "grants.sql"):
            connection.execute(_text(script))
    return applied


def pending(connection: psycopg.Connection) -> Iterator[Path]:
    """The migrations that this database still lacks, in order.

    Raises:
        MigrationError: one that was applied has been edited since.
    """
    ledger: dict[str, str] = dict(connection.execute(_SQL["ledger"]).fetchall())
    for script in sorted((SQL_ROOT / "migrations").glob("*.sql")):
        if (known := ledger.get(script.stem)) is None:
            yield script
        elif known != _digest(script):
            raise MigrationError(f"{script.name} was edited after it had been applied; write a new migration")


def _apply_pending(connection: psycopg.Connection) -> list[str]:
    applied = []
    for script in list(pending(connection)):
        connection.execute(_text(script))
        connection.execute(_SQL["record"], {"name": script.stem, "digest": _digest(script)})
        applied.append(script.stem)
    return applied


def _migrate_pgstac(url: str) -> None:
    """pgSTAC's own tool, in a process of its own: it reads the libpq environment and nothing else."""
    parts = conninfo_to_dict(url)
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
    }
    environment = os.environ | {names[key]: str(value) for key, value in parts.items() if key in names}
    command = [sys.executable, "-m", "pypgstac.pypgstac", "migrate"]
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if outcome.returncode:
        raise MigrationError(f"pypgstac migrate failed: {outcome.stderr.strip()[-2000:]}")


def _text(script: Path) -> bytes:
    return script.read_bytes()


def _digest(script: Path) -> str:
    return hashlib.sha256(script.read_bytes()).hexdigest()


_SQL = load("migrations")
_LOCK = _SQL["lock"]


def main(arguments: list[str] | None = None) -> int:
    """The command line; errors go to standard error with exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m infrastructure.migrations")
    parser.add_argument("command", choices=["bootstrap", "migrate", "status"])
    command = parser.parse_args(arguments).command
    try:
        if command == "bootstrap":
            passwords = {
                role: os.environ[name] for role, name in ROLE_PASSWORDS.items() if name in os.environ
            }
            bootstrap(os.environ["DATABASE_ADMIN_URL"], passwords)
        elif command == "migrate":
            for name in migrate(os.environ["DATABASE_MIGRATOR_URL"]):
                print(f"applied {name}")  # noqa: T201
        else:
            with psycopg.connect(os.environ["DATABASE_MIGRATOR_URL"]) as connection:
                connection.execute(_SQL["create_ledger"])
                print("\n".join(f"pending {script.stem}" for script in pending(connection)) or "up to date")  # noqa: T201
    except KeyError as exc:
        print(f"set {exc.args[0]}", file=sys.stderr)  # noqa: T201
        return 1
    except (MigrationError, psycopg.Error) as exc:
        print(f"{type(exc).__name__}: {exc}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
