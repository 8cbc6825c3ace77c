"""The repository's own files, read once."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from _paths import ROOT

PRODUCT_FOLDERS = ("config", "core", "infrastructure", "jobs", "platform", "services", "triggers")
ENTRY_POINTS = ("_paths.py", "bootstrap.py", "function_app.py")
OTHER_FOLDERS = ("sql", "tests", "tools")


def product_files() -> list[Path]:
    """The Python that is deployed."""
    files = [path for folder in PRODUCT_FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return sorted(files) + [ROOT / name for name in ENTRY_POINTS]


def all_files(*suffixes: str) -> list[Path]:
    """All files of ours with these suffixes: the product's, the tools' and the tests'."""
    folders = (*PRODUCT_FOLDERS, *OTHER_FOLDERS)
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    return sorted(files) + [ROOT / name for name in ENTRY_POINTS if Path(name).suffix in suffixes]


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, line_number: int) -> str:
    """`folder/file.py:12`, as editors open it."""
    return f"{path.relative_to(ROOT)}:{line_number}"


def imported_names(module: ast.Module) -> Iterator[tuple[str, int]]:
    """The absolute names that a module imports (`a.b.c` for `from a.b import c`), with their lines."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
