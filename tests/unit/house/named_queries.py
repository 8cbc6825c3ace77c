"""Which named statement of `sql/queries/` is used where, read from the syntax trees.

A module takes a topic by `NAME = load("topic")` and a statement by `NAME["statement"]`, or through a function
of its own that does `NAME[parameter]`; such a function may call another one. What `NAME[...]` holds in its
brackets, or what such a function is called with, may also be chosen between two strings.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

from _paths import ROOT
from tests.unit.house.source import imported_names, product_files, tree


@dataclass(frozen=True, slots=True)
class Use:
    """A statement asked for by name."""

    topic: str
    statement: str
    path: Path
    line_number: int


def topics_of(module: ast.Module) -> dict[str, str]:
    """The topics that a module loads, by the variable that holds them."""
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and _is_load(node.value):
            found[_last(node.targets[0])] = ast.literal_eval(node.value.args[0])
    return found


def _is_load(value: ast.expr) -> TypeGuard[ast.Call]:
    return (
        isinstance(value, ast.Call)
        and _last(value.func) == "load"
        and len(value.args) == 1
        and isinstance(value.args[0], ast.Constant)
    )


@cache
def product_uses() -> tuple[Use, ...]:
    """Every use of a named statement in the product."""
    return tuple(uses(product_files()))


def uses(files: list[Path]) -> Iterator[Use]:
    """Every use of a named statement in these files."""
    for path in files:
        for variable, topic in topics_of(tree(path)).items():
            takers = _takers(tree(path), variable)
            yield from _uses_in(path, topic, variable, takers)
            public = {name: position for name, position in takers.items() if name[0] != "_"}
            for importer in _importers(path, files):
                yield from _uses_in(importer, topic, None if variable[0] == "_" else variable, public)


def mentioned(topic: str) -> set[str]:
    """Every string in the modules that load the topic: names that a loop goes through are among them."""
    return {
        node.value
        for path in product_files()
        if topic in topics_of(tree(path)).values()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _uses_in(path: Path, topic: str, variable: str | None, takers: Mapping[str, int]) -> Iterator[Use]:
    for statement, line_number in _names_in(tree(path), variable, takers):
        yield Use(topic, statement, path, line_number)


def _importers(path: Path, files: list[Path]) -> list[Path]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = ".".join(parts[1:] if parts[0] == "platform" else parts)
    return [
        other
        for other in files
        if other != path
        and any(f"{name}.".startswith(f"{module}.") for name, _ in imported_names(tree(other)))
    ]


def _takers(module: ast.Module, variable: str) -> Mapping[str, int]:
    """The functions that take the name of a statement, with the place of that parameter in a call."""
    functions = [
        node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    takers: dict[str, int] = {}
    while True:
        before = len(takers)
        for function in functions:
            names = [argument.arg for argument in function.args.args]
            offset = 1 if names[:1] == ["self"] else 0
            for expression in _asked(function, variable, takers):
                if isinstance(expression, ast.Name) and expression.id in names:
                    takers[function.name] = names.index(expression.id) - offset
        if len(takers) == before:
            return takers


def _names_in(
    module: ast.Module, variable: str | None, takers: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    for expression in _asked(module, variable, takers):
        choices = [expression.body, expression.orelse] if isinstance(expression, ast.IfExp) else [expression]
        for choice in choices:
            if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
                yield choice.value, choice.lineno


def _asked(root: ast.AST, variable: str | None, takers: Mapping[str, int]) -> Iterator[ast.expr]:
    """The expressions that stand where the name of a statement is expected."""
    for node in ast.walk(root):
        if isinstance(node, ast.Subscript) and _last(node.value) == variable:
            yield node.slice
        elif isinstance(node, ast.Call):
            position = takers.get(_last(node.func))
            if position is not None and len(node.args) > position:
                yield node.args[position]


def _last(expression: ast.expr) -> str:
    """`c` of `a.b.c`; nothing for what is no name."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
