"""A database that no test of a file changes, and databases that are not copies of the template."""

import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from infrastructure import migrations
from tools.stack.clones import DatabaseClones
from tools.stack.database import Database, DatabaseUrls
from tools.stack.postgres import PostgresServer

MakeDatabase = Callable[[], DatabaseUrls]


@pytest.fixture(scope="module")
def shared_urls(database_clones: DatabaseClones) -> Iterator[DatabaseUrls]:
    """One database for the whole file; what is done in it is rolled back."""
    with database_clones.clone() as urls:
        yield urls


@pytest.fixture
def bootstrapped(postgres_server: PostgresServer, template_database: Database) -> Iterator[MakeDatabase]:
    """Makes databases with extensions and roles and nothing else; they are dropped after the test."""
    names: list[str] = []

    def make() -> DatabaseUrls:
        names.append(f"house_{secrets.token_hex(6)}")
        urls = template_database.urls(names[-1])
        migrations.bootstrap(urls.admin, {})  # the roles are the cluster's, and have their passwords
        return urls

    yield make
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        for name in names:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
