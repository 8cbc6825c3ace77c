"""The private cluster: what survives, what is refused, and what a copy of a database has."""

import secrets
import shutil
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import running
from tools.stack.clones import DatabaseClones
from tools.stack.database import DatabaseUrls
from tools.stack.part import PartState
from tools.stack.postgres import PostgresServer
from tools.stack.state import StateDirectory


@pytest.fixture
def state(server_state: StateDirectory) -> Iterator[StateDirectory]:
    """Not pytest's temporary directory: PostgreSQL's user cannot pass through it."""
    directory = server_state.path / f"cluster-{secrets.token_hex(4)}"
    yield StateDirectory(directory)
    shutil.rmtree(directory)


@pytest.fixture
def short_lived(state: StateDirectory) -> Iterator[PostgresServer]:
    """A cluster that only this test uses."""
    server = PostgresServer(state=state, durable=True)
    with running(server):
        yield server


def _value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_what_was_committed_survives_a_kill(short_lived: PostgresServer) -> None:
    url = short_lived.url("postgres")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    short_lived.kill()
    assert short_lived.status().state is PartState.CRASHED
    short_lived.start()
    short_lived.wait_ready()
    assert _value(url, "SELECT answer FROM kept") == 42


def test_a_wrong_password_is_refused(short_lived: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(short_lived.url("postgres", password="guess"))


def test_lost_secrets_are_replaced_at_the_next_start(
    short_lived: PostgresServer, state: StateDirectory
) -> None:
    with psycopg.connect(short_lived.url("postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    short_lived.stop()
    (state.path / "secrets.json").unlink()
    again = PostgresServer(state=state, durable=True)
    again.start()
    again.wait_ready()
    assert again.url("postgres") != short_lived.url("postgres")
    assert _value(again.url("postgres"), "SELECT answer FROM kept") == 42


def test_each_copy_is_a_database_of_its_own(
    database_urls: DatabaseUrls, database_clones: DatabaseClones
) -> None:
    with psycopg.connect(database_urls.migrator) as connection:
        connection.execute("CREATE TABLE app.only_here (id integer)")
    with database_clones.clone() as other:
        assert _value(database_urls.migrator, "SELECT to_regclass('app.only_here') IS NOT NULL")
        assert _value(other.migrator, "SELECT to_regclass('app.only_here') IS NULL")


def test_a_copy_has_the_privileges_and_settings_of_the_template(
    database_urls: DatabaseUrls, postgres_server: PostgresServer
) -> None:
    query = """
        SELECT coalesce(array_to_string(datacl, ' '), '') || coalesce(
            (SELECT string_agg(setrole || setconfig::text, ' ' ORDER BY setrole)
             FROM pg_db_role_setting WHERE setdatabase = d.oid), '')
        FROM pg_database d WHERE datname = current_database()
    """
    template = _value(postgres_server.url("geodata_template"), query)
    assert template
    assert _value(database_urls.admin, query) == template


def test_each_role_reaches_the_copy_as_itself(database_urls: DatabaseUrls) -> None:
    urls = (database_urls.app, database_urls.reader, database_urls.migrator)
    assert [_value(url, "SELECT current_user") for url in urls] == ["geo_app", "geo_reader", "geo_owner"]
