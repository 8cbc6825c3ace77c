"""Migrations: they lead to the schema that `sql/schema` shows, once, whoever runs them and however often."""

import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from _paths import ROOT
from infrastructure import migrations
from infrastructure.queries import load
from tests.integration.house.conftest import MakeDatabase
from tools.stack.database import DatabaseUrls
from tools.stack.postgres import PostgresServer

MIGRATIONS = [path.stem for path in sorted((ROOT / "sql" / "migrations").glob("*.sql"))]
_SEEDS = "SELECT client_id, namespace, (SELECT version FROM platform.catalog_version) FROM platform.clients"


def _definitions(server: PostgresServer, url: str) -> Counter[str]:
    """Our statements in a dump without data: tables, views, functions, constraints, owners, privileges.

    The order of the lines of a table is left out: a migration can only add a column at the end.
    """
    schemas = [f"--schema={name}" for name in ("app", "platform", "geo", "staging")]
    # PostGIS and pgSTAC have their own things in `public`.
    dumps = _dump(server, url, *schemas) + _dump(server, url, "--table=public.schema_migrations")
    plain = re.sub(r"^(--|\\(un)?restrict ).*\n", "", dumps, flags=re.MULTILINE)
    statements = (statement.strip() for statement in plain.split(";\n\n"))
    return Counter(_in_any_order(statement) for statement in statements if statement)


def _dump(server: PostgresServer, url: str, *options: str) -> str:
    program = server.programs.path("pg_dump")
    command = [program, "--schema-only", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _in_any_order(statement: str) -> str:
    if not statement.startswith("CREATE TABLE"):
        return statement
    return "\n".join(sorted(line.strip().rstrip(",") for line in statement.splitlines()))


def _apply_schema(urls: DatabaseUrls) -> None:
    scripts = [
        *sorted((ROOT / "sql" / "schema").glob("*.sql")),
        *sorted((ROOT / "sql" / "functions").glob("*.sql")),
    ]
    with psycopg.connect(urls.migrator) as connection:
        connection.execute(load("migrations")["create_ledger"])
        for script in (*scripts, ROOT / "sql" / "roles" / "grants.sql"):
            connection.execute(script.read_bytes())


def test_migrations_lead_to_the_schema(
    postgres_server: PostgresServer, database_urls: DatabaseUrls, bootstrapped: MakeDatabase
) -> None:
    by_schema = bootstrapped()
    _apply_schema(by_schema)
    migrated = _definitions(postgres_server, database_urls.admin)
    intended = _definitions(postgres_server, by_schema.admin)
    assert intended - migrated == Counter()
    assert migrated - intended == Counter()
    with psycopg.connect(database_urls.app) as one, psycopg.connect(by_schema.app) as other:
        assert one.execute(_SEEDS).fetchall() == other.execute(_SEEDS).fetchall()


def test_a_difference_is_seen(postgres_server: PostgresServer, database_urls: DatabaseUrls) -> None:
    """The control of the test above."""
    before = _definitions(postgres_server, database_urls.admin)
    for change in (
        "ALTER TABLE app.jobs ADD COLUMN extra text",
        "ALTER TABLE app.tasks ALTER COLUMN progress SET DEFAULT 1",
        "DROP INDEX app.tasks_lease_idx",
        "GRANT SELECT ON app.jobs TO geo_reader",
        "ALTER FUNCTION app.add_to_outbox(text, jsonb, interval) SECURITY DEFINER",
        "ALTER TABLE public.schema_migrations ADD COLUMN extra text",
        "ALTER TABLE app.stages DROP CONSTRAINT stages_task_count_check",
    ):
        with psycopg.connect(database_urls.migrator) as connection:
            connection.execute(change)
        after = _definitions(postgres_server, database_urls.admin)
        assert after != before, change
        before = after


def test_migrating_again_changes_nothing(
    postgres_server: PostgresServer, database_urls: DatabaseUrls
) -> None:
    before = _definitions(postgres_server, database_urls.admin)
    assert migrations.migrate(database_urls.migrator) == []
    assert _definitions(postgres_server, database_urls.admin) == before


def test_an_edited_migration_is_refused(database_urls: DatabaseUrls) -> None:
    """Edited since it was applied, or applied in another wording: the same to the ledger."""
    with psycopg.connect(database_urls.migrator) as connection:
        connection.execute(
            "UPDATE public.schema_migrations SET digest = 'other' WHERE name = %s", MIGRATIONS[:1]
        )
    with pytest.raises(migrations.MigrationError, match=f"{MIGRATIONS[0]}.sql was edited"):
        migrations.migrate(database_urls.migrator)


def test_two_migrators_take_turns(bootstrapped: MakeDatabase) -> None:
    urls = bootstrapped()
    with ThreadPoolExecutor(2) as pool:
        applied = list(pool.map(migrations.migrate, [urls.migrator] * 2))
    assert sorted(applied) == [[], MIGRATIONS]


def test_a_migration_that_fails_leaves_nothing(bootstrapped: MakeDatabase) -> None:
    """One transaction: a schema that stands in the way of the first migration stops all of it."""
    urls = bootstrapped()
    with psycopg.connect(urls.migrator) as connection:
        connection.execute("CREATE SCHEMA staging")
    with pytest.raises(psycopg.errors.DuplicateSchema):
        migrations.migrate(urls.migrator)
    with psycopg.connect(urls.admin) as connection:
        made = connection.execute("SELECT to_regclass('public.schema_migrations'), to_regnamespace('app')")
        assert made.fetchone() == (None, None)


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [Path(name).name.split("_")[0] for name in MIGRATIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(MIGRATIONS) + 1)]
