"""Copies of a migrated database: each test gets one, in the time of a file copy."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tools.stack.database import Database, DatabaseUrls
from tools.stack.postgres import PostgresServer

_PREFIX = "copy_"
_PG15 = 150000

# CREATE DATABASE copies neither of these two.
_SETTINGS = """
SELECT coalesce(r.rolname, ''), s.setting
FROM pg_db_role_setting c
JOIN pg_database d ON d.oid = c.setdatabase AND d.datname = %s
LEFT JOIN pg_roles r ON r.oid = c.setrole, unnest(c.setconfig) AS s (setting)
"""
_PRIVILEGES = """
SELECT coalesce(r.rolname, ''), a.privilege_type
FROM pg_database d, aclexplode(d.datacl) AS a
LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = %s
"""


class DatabaseClones:
    """Copies of `template`, to which nobody may be connected while a copy is made."""

    def __init__(self, *, server: PostgresServer, template: Database) -> None:
        self._server = server
        self._template = template

    @contextmanager
    def clone(self) -> Iterator[DatabaseUrls]:
        """A copy with a name of its own, dropped at the end whoever is still connected."""
        name = f"{_PREFIX}{secrets.token_hex(6)}"
        with self._connect() as connection:
            self._create(connection, name)
        try:
            yield self._template.urls(name)
        finally:
            with self._connect() as connection:
                _drop(connection, name)

    def replace(self, name: str) -> None:
        """Make `name` a fresh copy of the template, dropping what had the name."""
        with self._connect() as connection:
            _drop(connection, name)
            self._create(connection, name)

    def drop_leftovers(self) -> None:
        """Drop the copies of a run that was killed."""
        with self._connect() as connection:
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_PREFIX]
            ).fetchall()
            for (name,) in names:
                _drop(connection, name)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._server.url("postgres"), autocommit=True)

    def _create(self, connection: psycopg.Connection, name: str) -> None:
        copy, template = sql.Identifier(name), self._template.name
        # Half the time of the default, which PostgreSQL 14 does not know yet.
        strategy = sql.SQL("STRATEGY file_copy" if connection.info.server_version >= _PG15 else "")
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} {}").format(copy, sql.Identifier(template), strategy)
        )
        for role, setting in connection.execute(_SETTINGS, [template]).fetchall():
            connection.execute(_alter(copy, role=role, setting=setting))
        for role, privilege in connection.execute(_PRIVILEGES, [template]).fetchall():
            grantee = sql.Identifier(role) if role else sql.SQL("PUBLIC")
            connection.execute(
                sql.SQL("GRANT {} ON DATABASE {} TO {}").format(sql.SQL(privilege), copy, grantee)
            )


def _alter(database: sql.Identifier, *, role: str, setting: str) -> sql.Composed:
    name, value = setting.split("=", 1)
    whose = sql.SQL("ROLE {} IN DATABASE {}") if role else sql.SQL("DATABASE {}")
    target = whose.format(*([sql.Identifier(role)] if role else []), database)
    # Lists, as in search_path, are stored as they were written: quoting them would make one name of them.
    return sql.SQL("ALTER {} SET {} TO {}").format(target, sql.Identifier(name), sql.SQL(value))


def _drop(connection: psycopg.Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
