"""Tables of features between the schemas `staging` and `geo`, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.queries import load

_SQL = load("publication")


def publish_table(connection: psycopg.Connection[Any], staging_name: str, name: str) -> None:
    """Make `staging.<staging_name>` the table `geo.<name>`.

    Every revision has names of its own: nobody reads the table yet, so that nobody is waited for.

    Raises:
        psycopg.errors.UndefinedTable: there is no such table in `staging`.
        psycopg.errors.DuplicateTable: there is a table of that name.
    """
    staged, published = sql.Identifier(staging_name), sql.Identifier(name)
    connection.execute(_format("rename_staging_table", table=staged, published=published))
    connection.execute(_format("publish_table", published=published))
    connection.execute(_format("grant_published_table", published=published))
    connection.execute(_SQL["forget_chunks"], {"table": staging_name})


def drop_table(connection: psycopg.Connection[Any], name: str, *, unless: Callable[[], bool]) -> bool:
    """Drop `geo.<name>`, if it is there; False when somebody reads it: try again later.

    `unless` is asked under the table's lock, when no publication can put another table in its place; what it
    answers yes for stays. The transaction can go on in any case.
    """
    published = sql.Identifier(name)
    try:
        with connection.transaction():
            connection.execute(_SQL["have_little_patience"])
            connection.execute(_format("lock_published_table", published=published))
            if not unless():
                connection.execute(_format("drop_published_table", published=published))
    except psycopg.errors.UndefinedTable:
        return True
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _format(statement: str, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(_SQL[statement]).format(**parts)
