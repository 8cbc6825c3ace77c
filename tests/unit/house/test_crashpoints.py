"""The crash points that the code visits, `core.crashpoints` lists and the chaos test reaches are the same."""

import ast
from collections import Counter
from collections.abc import Iterator

import pytest

from core import crashpoints
from core.crashpoints import NAMES, crashpoint
from tests.chaos.crash_cases import CASES
from tests.unit.house.source import product_files, tree


def visited_names(module: ast.Module) -> Iterator[str]:
    """The arguments of `crashpoint(...)`; what is no plain text shows as code."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "crashpoint":
            yield from (_text(argument) for argument in node.args)


def _text(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return ast.unparse(argument)


def test_each_name_is_used_at_one_place() -> None:
    used = Counter(name for path in product_files() for name in visited_names(tree(path)))
    assert used == Counter(NAMES)


def test_a_visit_is_seen() -> None:
    module = ast.parse("crashpoint('a')\ncrashpoints.crashpoint('b')\ncrashpoint(name)")
    assert list(visited_names(module)) == ["a", "b", "name"]


def test_each_point_is_visited_by_the_chaos_test() -> None:
    assert list(CASES) == list(NAMES)


def test_only_the_laboratory_installs_what_happens_there() -> None:
    assert crashpoints._visited is None
    installing = [
        path
        for path in product_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom | ast.Import)
        and "crashpoints" in ast.unparse(node)
        and ast.unparse(node) != "from core.crashpoints import crashpoint"
    ]
    assert installing == []


def test_what_is_installed_is_called_with_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    visits: list[str] = []
    monkeypatch.setattr(crashpoints, "_visited", visits.append)
    crashpoint("before_commit")
    assert visits == ["before_commit"]
