"""Constraints of route parameters, `{id:int}` and its kin, as ASP.NET Core defines them.

Reference: https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints
"""

import re
from collections.abc import Callable

from tools.functions_host.errors import IndexingError

Check = Callable[[str], bool]


def _full(pattern: str) -> Check:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: compiled.fullmatch(text) is not None


def _is_int(bits: int) -> Check:
    def check(text: str) -> bool:
        return re.fullmatch(r"[+-]?\d+", text) is not None and -(2 ** (bits - 1)) <= int(text) < 2 ** (
            bits - 1
        )

    return check


_PLAIN_CONSTRAINTS: dict[str, Check] = {
    "int": _is_int(32),
    "long": _is_int(64),
    "bool": _full("true|false"),
    "alpha": _full("[a-z]*"),
    "guid": _full(r"\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?"),
    "decimal": _full(r"[+-]?\d+(\.\d*)?|[+-]?\.\d+"),
    "double": _full(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?"),
    "float": _full(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?"),
    "required": lambda text: text != "",
}


def _numbers(argument: str) -> list[int]:
    return [int(part) for part in argument.split(",")]


def _length(argument: str) -> Check:
    low, *high = _numbers(argument)
    return lambda text: low <= len(text) <= (high[0] if high else low)


def _min_length(argument: str) -> Check:
    low = int(argument)
    return lambda text: len(text) >= low


def _max_length(argument: str) -> Check:
    high = int(argument)
    return lambda text: len(text) <= high


def _range(argument: str) -> Check:
    low, high = _numbers(argument)
    return lambda text: _PLAIN_CONSTRAINTS["long"](text) and low <= int(text) <= high


def _min(argument: str) -> Check:
    low = int(argument)
    return lambda text: _PLAIN_CONSTRAINTS["long"](text) and int(text) >= low


def _max(argument: str) -> Check:
    high = int(argument)
    return lambda text: _PLAIN_CONSTRAINTS["long"](text) and int(text) <= high


def _regex(argument: str) -> Check:
    compiled = re.compile(argument, re.IGNORECASE)
    return lambda text: compiled.search(text) is not None


_CONSTRAINTS_WITH_ARGUMENT: dict[str, Callable[[str], Check]] = {
    "length": _length,
    "minlength": _min_length,
    "maxlength": _max_length,
    "range": _range,
    "min": _min,
    "max": _max,
    "regex": _regex,
}


_CONSTRAINT = re.compile(r"^(?P<name>\w+)(?:\((?P<argument>.*)\))?$")


def constraint(text: str, *, function: str) -> Check:
    """The check that `text`, such as `int` or `range(0,22)`, names. Raises IndexingError if none."""
    match = _CONSTRAINT.match(text)
    name, argument = (match["name"].lower(), match["argument"]) if match else (text, None)
    try:
        if argument is None:
            return _PLAIN_CONSTRAINTS[name]
        return _CONSTRAINTS_WITH_ARGUMENT[name](argument)
    except (KeyError, ValueError, re.error) as exc:
        raise IndexingError(f"{function}: unknown route constraint {text!r}") from exc
