"""Routes of HTTP functions, matched as ASP.NET Core matches them in the Azure host.

Templates: literals, `{name}`, `{name:constraint}` (several, joined by colons), `{name?}`, `{name=default}`,
catch-alls `{*name}` and `{**name}`, and mixed segments such as `{y}.{format}`. Paths match in any case and with
or without a slash at the end. A method that a function does not declare makes the route not match: the answer
is 404, never 405. Of several matches the more specific wins, segment by segment: literal, mixed, constrained
parameter, parameter, constrained catch-all, catch-all.

Reference: https://learn.microsoft.com/aspnet/core/fundamentals/routing
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from tools.functions_host.errors import IndexingError
from tools.functions_host.function_index import FunctionSpec

ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_PARAMETER = re.compile(r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<tail>(?:[:=?](?:[^{}]|\{\d+(?:,\d*)?\})*)?)\}")
_CONSTRAINT = re.compile(r"^(?P<name>\w+)(?:\((?P<argument>.*)\))?$")

_Check = Callable[[str], bool]


def _full(pattern: str) -> _Check:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: compiled.fullmatch(text) is not None


def _is_int(bits: int) -> _Check:
    def check(text: str) -> bool:
        return re.fullmatch(r"[+-]?\d+", text) is not None and -(2 ** (bits - 1)) <= int(text) < 2 ** (bits - 1)

    return check


_PLAIN_CONSTRAINTS: dict[str, _Check] = {
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


def _length(argument: str) -> _Check:
    low, *high = _numbers(argument)
    return lambda text: low <= len(text) <= (high[0] if high else low)


def _min_length(argument: str) -> _Check:
    low = int(argument)
    return lambda text: len(text) >= low


def _max_length(argument: str) -> _Check:
    high = int(argument)
    return lambda text: len(text) <= high


def _range(argument: str) -> _Check:
    low, high = _numbers(argument)
    return lambda text: _PLAIN_CONSTRAINTS["long"](text) and low <= int(text) <= high


def _min(argument: str) -> _Check:
    low = int(argument)
    return lambda text: _PLAIN_CONSTRAINTS["long"](text) and int(text) >= low


def _max(argument: str) -> _Check:
    high = int(argument)
    return lambda text: _PLAIN_CONSTRAINTS["long"](text) and int(text) <= high


def _regex(argument: str) -> _Check:
    compiled = re.compile(argument, re.IGNORECASE)
    return lambda text: compiled.search(text) is not None


_CONSTRAINTS_WITH_ARGUMENT: dict[str, Callable[[str], _Check]] = {
    "length": _length,
    "minlength": _min_length,
    "maxlength": _max_length,
    "range": _range,
    "min": _min,
    "max": _max,
    "regex": _regex,
}


@dataclass(frozen=True, slots=True)
class _Segment:
    """One piece of a template between slashes: its pattern, its rank and what its parameters must satisfy."""

    pattern: str
    rank: int
    checks: tuple[tuple[str, _Check], ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A compiled template of one function."""

    spec: FunctionSpec
    template: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    precedence: tuple[int, ...]
    checks: tuple[tuple[str, _Check], ...]
    defaults: tuple[tuple[str, str], ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route parameters of `path` (percent-encoded, no slash at either end), or None."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = dict(self.defaults)
        values.update((name, _decode(value)) for name, value in found.groupdict().items() if value)
        if all(check(values[name]) for name, check in self.checks if name in values):
            return values
        return None


class RouteTable:
    """Every HTTP route of the app, most specific first."""

    def __init__(self, specs: Iterable[FunctionSpec], *, prefix: str) -> None:
        self.routes = sorted((compile_route(spec, prefix=prefix) for spec in specs), key=lambda r: r.precedence)

    def match(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route that serves `method` on `raw_path` and its parameters; None means 404."""
        path = _normalise(raw_path)
        for route in self.routes:
            if method in route.methods and (values := route.match(path)) is not None:
                return route, values
        return None


def compile_route(spec: FunctionSpec, *, prefix: str) -> Route:
    """Compile the template of `spec` under `prefix`. Raises IndexingError for a malformed template."""
    own = spec.name if spec.trigger.route is None else spec.trigger.route
    template = "/".join(part for part in (prefix.strip("/"), own.strip("/")) if part)
    segments = [_segment(spec.name, text) for text in _split(template)]
    return Route(
        spec=spec,
        template=template,
        methods=_methods(spec.trigger.methods),
        pattern=re.compile(_join(segments), re.IGNORECASE),
        precedence=(*(segment.rank for segment in segments), 0),
        checks=tuple(check for segment in segments for check in segment.checks),
        defaults=tuple(default for segment in segments for default in segment.defaults),
    )


def _methods(declared: object) -> frozenset[str]:
    if not declared:
        return frozenset(ALL_METHODS)
    values = declared if isinstance(declared, (list, tuple, set)) else [declared]
    return frozenset(str(getattr(value, "value", value)).upper() for value in values)


def _split(template: str) -> list[str]:
    """Split at the slashes that are not inside braces (a regex constraint may hold one)."""
    return re.findall(r"(?:[^/{}]|\{(?:[^{}]|\{[^{}]*\})*\})+", template)


def _join(segments: list[_Segment]) -> str:
    pattern = ""
    for segment in segments:
        slash = "/" if pattern else ""
        optional = segment.pattern.endswith("?)?")
        pattern += segment.pattern.replace("(?:", f"(?:{slash}", 1) if optional else slash + segment.pattern
    return pattern


def _segment(function: str, text: str) -> _Segment:
    parameters = list(_PARAMETER.finditer(text))
    if not parameters:
        if "{" in text or "}" in text:
            raise IndexingError(f"{function}: malformed route segment {text!r}")
        return _Segment(pattern=_literal(text), rank=1)
    if len(parameters) == 1 and parameters[0].group() == text:
        return _lone_parameter(function, parameters[0])
    return _mixed(function, text, parameters)


def _lone_parameter(function: str, match: re.Match[str]) -> _Segment:
    name, star = match["name"], match["star"]
    optional, default, checks = _tail(function, match)
    constrained = bool(checks)
    if star:
        # The whole rest of the path, or nothing at all: `(?:…?)?` marks the segment as optional for _join.
        return _Segment(f"(?:(?P<{name}>.*)?)?", 5 if constrained else 6, checks, default)
    pattern = f"(?P<{name}>[^/]+)"
    if optional or default:
        pattern = f"(?:{pattern}?)?"
    return _Segment(pattern, 3 if constrained else 4, checks, default)


def _mixed(function: str, text: str, parameters: list[re.Match[str]]) -> _Segment:
    pattern, end, checks = "", 0, []
    for match in parameters:
        pattern += _literal(text[end : match.start()]) + f"(?P<{match['name']}>[^/]+?)"
        checks += _tail(function, match)[2]
        end = match.end()
    return _Segment(pattern + _literal(text[end:]), 2, tuple(checks))


def _tail(
    function: str, match: re.Match[str]
) -> tuple[bool, tuple[tuple[str, str], ...], tuple[tuple[str, _Check], ...]]:
    """Whether a parameter is optional, its default, and its constraints."""
    tail, name = match["tail"], match["name"]
    optional = tail.endswith("?")
    tail = tail.removesuffix("?")
    constraints, _, default = tail.partition("=") if "regex(" not in tail else (tail, "", "")
    names = re.findall(r":((?:[^:()]|\([^()]*(?:\([^()]*\)[^()]*)*\))+)", constraints)
    checks = tuple((name, _check(function, text)) for text in names)
    return optional, ((name, default),) if default else (), checks


def _check(function: str, text: str) -> _Check:
    match = _CONSTRAINT.match(text)
    name, argument = (match["name"].lower(), match["argument"]) if match else (text, None)
    try:
        if argument is None:
            return _PLAIN_CONSTRAINTS[name]
        return _CONSTRAINTS_WITH_ARGUMENT[name](argument)
    except (KeyError, ValueError) as exc:
        raise IndexingError(f"{function}: unknown route constraint {text!r}") from exc


def _literal(text: str) -> str:
    return re.escape(text)


def _normalise(raw_path: str) -> str:
    """The path without the slashes at its ends; only unreserved characters are decoded for literals."""
    return raw_path.removeprefix("/").removesuffix("/")


def _decode(value: str) -> str:
    """Percent-decode a route value; an encoded slash stays encoded, as in ASP.NET Core."""
    return "%2F".join(unquote(part) for part in re.split("%2f", value, flags=re.IGNORECASE))
