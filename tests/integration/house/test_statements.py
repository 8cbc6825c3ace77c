"""PostgreSQL itself reads every named statement, as the role that runs it.

EXPLAIN analyses, plans and asks for the privileges, and executes nothing. `./dev check` runs this file as its
SQL check: no parser but the server's own knows its language.
"""

import re
from collections.abc import Iterator

import psycopg
import pytest

from _paths import ROOT
from infrastructure.queries import load
from tools.stack.database import DatabaseUrls

# Read by libraries that bring asyncpg, with its placeholders; the rest is psycopg's.
_READERS = {"serving"}
_OWNERS = {"migrations"}
# Identifiers and types are put in when they are known: the tests of what they are for run these statements.
_TEMPLATES = {
    "generalised",
    "overviews",
    "publication",
    "serving_tiles",
    "vector_reading",
    "vector_tiles",
    "vectors",
}

# What no operator tells: the driver sends a timedelta as an interval.
_TYPES = {"silence": "interval"}

# COPY takes rows, not parameters; tests/integration/engine runs it.
_COPIES = {("jobs", "copy_tasks")}

_PLANNED = re.compile(r"(?:\s|--[^\n]*\n)*(select|insert|update|delete|with|merge|values)\b", re.IGNORECASE)
_NAMED = re.compile(r"%\((\w+)\)s")


def _statements() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "sql" / "queries").glob("*.sql")):
        for name in load(path.stem):
            if path.stem not in _TEMPLATES and (path.stem, name) not in _COPIES:
                yield path.stem, name


def _prepared(text: str) -> tuple[str, int]:
    """The statement as a prepared one, with `$1, $2, ...`, and how many there are."""
    names = list(dict.fromkeys(_NAMED.findall(text)))
    if names:
        text = _NAMED.sub(lambda match: f"${names.index(match[1]) + 1}", text).replace("%%", "%")
    else:
        names = sorted(set(re.findall(r"\$\d+", text)))
    types = ", ".join(_TYPES.get(name, "unknown") for name in names)
    return f"PREPARE statement {f'({types})' if names else ''} AS {text}", len(names)


def _explain(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        if _PLANNED.match(text):
            # Nothing is folded away because it happens to be NULL here.
            connection.execute("SET plan_cache_mode = force_generic_plan")
            prepared, count = _prepared(text)
            connection.execute(prepared)
            connection.execute(
                f"EXPLAIN EXECUTE statement{'(' + ', '.join(['NULL'] * count) + ')' if count else ''}"
            )
        else:
            connection.execute(text)
        connection.rollback()


@pytest.mark.parametrize(("topic", "name"), list(_statements()))
def test_the_server_accepts_the_statement(shared_urls: DatabaseUrls, topic: str, name: str) -> None:
    url = (
        shared_urls.migrator
        if topic in _OWNERS
        else shared_urls.reader
        if topic in _READERS
        else shared_urls.app
    )
    _explain(url, load(topic)[name])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SELECT job_id FORM app.jobs", psycopg.errors.SyntaxError),
        ("SELECT job_idd FROM app.jobs WHERE job_id = %(a)s", psycopg.errors.UndefinedColumn),
        ("UPDATE app.jobs SET stage = %(a)s::text", psycopg.errors.DatatypeMismatch),
        ("SELECT app.claim_task(%(a)s)", psycopg.errors.UndefinedFunction),
        ("INSERT INTO public.schema_migrations VALUES (%(a)s)", psycopg.errors.InsufficientPrivilege),
    ],
)
def test_a_wrong_statement_is_refused(
    shared_urls: DatabaseUrls, text: str, error: type[psycopg.Error]
) -> None:
    with pytest.raises(error):
        _explain(shared_urls.app, text)
