"""The floors that import-linter cannot see, and a proof that our own kind of contract can fail."""

import sys

import grimp
import pytest

from _paths import ROOT
from tests.unit.house.source import imported_names, tree
from tools.checks._contracts import OnlyImports


@pytest.mark.parametrize(
    ("entry_point", "allowed"),
    [
        ("_paths.py", set()),
        ("function_app.py", {"_paths", "azure", "bootstrap", "config", "core", "triggers"}),
        (
            "bootstrap.py",
            {"_paths", "config", "core", "geo_platform", "infrastructure", "jobs", "services", "triggers"},
        ),
    ],
)
def test_entry_points_import_what_they_put_together(entry_point: str, allowed: set[str]) -> None:
    """They are modules, not packages, which is why the contracts in pyproject.toml leave them out."""
    imports = {name.partition(".")[0] for name, _ in imported_names(tree(ROOT / entry_point))}
    assert imports - sys.stdlib_module_names - allowed == set()


def _contract() -> OnlyImports:
    options = {"modules": ["core"], "allowed_imports": ["pydantic"]}
    return OnlyImports(name="core", session_options={}, contract_options=options)


@pytest.mark.parametrize(("imported", "is_kept"), [("json", True), ("pydantic", True), ("numpy", False)])
def test_only_imports_on_the_list_are_kept(imported: str, is_kept: bool) -> None:
    graph = grimp.ImportGraph()
    graph.add_module("core")
    graph.add_module("core.ports")
    graph.add_module(imported, is_squashed=True)
    graph.add_import(
        importer="core.ports", imported=imported, line_number=3, line_contents=f"import {imported}"
    )
    assert _contract().check(graph, verbose=False).kept is is_kept
