"""Habits that a pattern can watch: who reads the environment, where SQL stands, which locks are taken."""

import ast
import re
from collections.abc import Iterator

import pytest

from _paths import ROOT
from tests.unit.house.source import all_files, imported_names, place, product_files, tree

_MAY_READ_ENVIRONMENT = ("config/", "infrastructure/migrations.py")
_ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb"}
_SETTINGS_LIBRARIES = {"dotenv", "pydantic_settings"}

# A GeoPackage is a SQLite database: its reader speaks to the file, not to ours.
_MAY_HOLD_SQL = ("infrastructure/", "services/vector/geopackage")

_SESSION_LOCK = re.compile(r"pg_(?:try_)?advisory_(?:lock|unlock)", re.IGNORECASE)

_SQL = re.compile(
    r"""\s* (?:
        (?-i: SELECT | select) \s .+ \s (?-i: FROM | from) \s
      | select \s+ [\w.]+ \(
      | with \s+ [a-z_]\w* \s+ as \s+ \(
      | insert \s+ into \s
      | update \s+ \S+ \s+ set \s
      | delete \s+ from \s
      | (?:create|alter|drop) \s+ (?:or\ replace\ )?
        (?:database|extension|function|index|role|schema|table|temp|type|unique|view) \b
      | (?:truncate|analyze|vacuum) \s+ (?:table\ )? [\w.{}]+ \s* $
      | (?:grant|revoke) \s .+ \s on \s
      | (?-i:COPY|LISTEN|NOTIFY|LOCK\ TABLE) \s
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def environment_reads(module: ast.Module) -> Iterator[int]:
    """The lines that read environment variables, or import a library that does."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in _ENVIRONMENT:
            yield node.lineno
    for name, line_number in imported_names(module):
        if name in _ENVIRONMENT or name.partition(".")[0] in _SETTINGS_LIBRARIES:
            yield line_number


def sql_texts(module: ast.Module) -> Iterator[int]:
    """The lines on which a string begins like a statement of SQL. Docstrings are no program text."""
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and id(node) not in docstrings and _is_sql(node.value):
            yield node.lineno


def _is_sql(value: object) -> bool:
    return isinstance(value, str) and bool(_SQL.match(value))


@pytest.mark.parametrize(
    "line",
    [
        "import os; os.environ['A']",
        "import os; a = os.getenv('A')",
        "from os import environ",
        "import pydantic_settings",
        "from dotenv import load_dotenv",
    ],
)
def test_a_read_of_the_environment_is_seen(line: str) -> None:
    assert list(environment_reads(ast.parse(line)))


def test_the_environment_is_read_in_config() -> None:
    reads = [
        place(path, line_number)
        for path in product_files()
        if not str(path.relative_to(ROOT)).startswith(_MAY_READ_ENVIRONMENT)
        for line_number in environment_reads(tree(path))
    ]
    assert reads == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM b",
        "\n  select a, b\n from c where d",
        "SELECT pg_notify('a', 'b')",
        "WITH a AS (SELECT 1) SELECT 2",
        "INSERT INTO a VALUES (1)",
        "UPDATE a.b SET c = 1",
        "DELETE FROM a",
        "CREATE TABLE a ()",
        "create or replace function a()",
        "ALTER TABLE a RENAME TO b",
        "DROP VIEW a",
        "TRUNCATE a",
        "GRANT SELECT ON a TO b",
        "COPY a FROM STDIN",
    ],
)
def test_sql_in_a_string_is_seen(text: str) -> None:
    assert list(sql_texts(ast.parse(f"x = {text!r}")))
    assert list(sql_texts(ast.parse(f"x = f{text + ' {x}'!r}")))


@pytest.mark.parametrize(
    "text", ["Select the layer from the list.", "Update the request.", "DELETE", "Drop it.", "with 3 as (a)"]
)
def test_english_in_a_string_is_no_sql(text: str) -> None:
    assert not list(sql_texts(ast.parse(f"x = {text!r}")))


def test_sql_stands_in_sql_files() -> None:
    texts = [
        place(path, line_number)
        for path in product_files()
        if not str(path.relative_to(ROOT)).startswith(_MAY_HOLD_SQL)
        for line_number in sql_texts(tree(path))
    ]
    assert texts == []


def test_no_session_level_advisory_locks() -> None:
    """Behind a pool a session outlives its user: such a lock is left to the next one, or never released."""
    locks = [
        place(path, number)
        for path in all_files(".py", ".sql")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if _SESSION_LOCK.search(line)
    ]
    assert locks == []


def test_a_session_level_advisory_lock_is_seen() -> None:
    lock = "pg_{}advisory_{}lock(1)"
    assert all(_SESSION_LOCK.search(lock.format(a, b)) for a in ("", "try_") for b in ("", "un"))
    assert not _SESSION_LOCK.search("pg_advisory_xact_lock(1)")
