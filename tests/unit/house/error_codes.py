"""The error codes that product code can emit, read from its syntax trees."""

import ast
import re
from collections.abc import Iterator

from tests.unit.house.source import product_files, tree

_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_NAMES = {"code", "default_code"}
_TABLES = re.compile(r"_CODES$")  # from words of a library to codes of ours
_POSITIONAL = {"Failure", "Problem"}  # (status, code, ...)


def emitted_codes() -> set[str]:
    """Codes of all product files."""
    return {code for path in product_files() for code, _ in codes_of(tree(path))}


def emitted_statuses() -> set[tuple[str, int]]:
    """Codes with the HTTP status that stands beside them."""
    found = {entry for path in product_files() for entry in codes_of(tree(path))}
    return {(code, status) for code, status in found if status is not None}


def codes_of(module: ast.Module) -> Iterator[tuple[str, int | None]]:
    """What is given as `code`, however it is given; with its HTTP status where one stands beside it."""
    for node in ast.walk(module):
        match node:
            case ast.keyword(arg=str(name), value=value) if name in _NAMES:
                yield from _without_status(value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _NAMES:
                yield from _without_status(value)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values)) if _TABLES.search(
                name
            ):
                for value in values:
                    yield from _without_status(value)
            case ast.Dict(keys=keys, values=values):
                for key, value in zip(keys, values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "code":
                        yield from _without_status(value)
            case ast.Call(func=ast.Name(id=name), args=[first, value, *_]) if name in _POSITIONAL:
                number = first.value if isinstance(first, ast.Constant) else None
                status = number if isinstance(number, int) else None
                yield from ((code, status) for code in _constants(value))


def _without_status(value: ast.expr) -> Iterator[tuple[str, None]]:
    return ((code, None) for code in _constants(value))


def _constants(value: ast.expr) -> Iterator[str]:
    """A constant, or those of an expression that chooses between several."""
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
            yield node.value
