"""Routes of HTTP functions, matched as ASP.NET Core matches them in the Azure host.

Templates: literals, `{name}`, `{name:constraint}` (several, joined by colons), `{name?}`, `{name=default}`,
catch-alls `{*name}` and `{**name}`, and mixed segments such as `{y}.{format}`. Paths match in any case and
with or without a slash at the end. A method that a function does not declare makes the route not match: the
answer is 404, never 405. Of several matches the more specific wins, segment by segment: literal, mixed,
constrained parameter, parameter, constrained catch-all, catch-all.

Reference: https://learn.microsoft.com/aspnet/core/fundamentals/routing
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from tools.functions_host.errors import IndexingError
from tools.functions_host.function_index import FunctionSpec
from tools.functions_host.route_constraints import Check, constraint

ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

_PARAMETER = re.compile(r"\{(?P<star>\*{0,2})(?P<name>\w+)(?P<tail>(?:[:=?](?:[^{}]|\{\d+(?:,\d*)?\})*)?)\}")
_ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Segment:
    """One piece of a template between slashes: its pattern, its rank and what its parameters must satisfy."""

    pattern: str
    rank: int
    checks: tuple[tuple[str, Check], ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A compiled template of one function."""

    spec: FunctionSpec
    template: str
    methods: frozenset[str]
    pattern: re.Pattern[str]
    precedence: tuple[int, ...]
    checks: tuple[tuple[str, Check], ...]
    defaults: tuple[tuple[str, str], ...]

    def match(self, path: str) -> dict[str, str] | None:
        """The route parameters of `path` (decoded, without its first slash), or None."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        values = dict(self.defaults)
        values.update((name, value) for name, value in found.groupdict().items() if value)
        if all(check(values[name]) for name, check in self.checks if name in values):
            return values
        return None


class RouteTable:
    """Every HTTP route of the app, most specific first."""

    def __init__(self, specs: Iterable[FunctionSpec], *, prefix: str) -> None:
        self.routes = sorted(
            (compile_route(spec, prefix=prefix) for spec in specs), key=lambda r: r.precedence
        )

    def match(self, method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
        """The route that serves `method` on `raw_path` and its parameters; None means 404."""
        path = _decoded(raw_path)
        for route in self.routes:
            if method in route.methods and (values := route.match(path)) is not None:
                return route, values
        return None


def compile_route(spec: FunctionSpec, *, prefix: str) -> Route:
    """Compile the template of `spec` under `prefix`. Raises IndexingError for a malformed template."""
    own = spec.name if spec.trigger.route is None else spec.trigger.route
    template = "/".join(part for part in (prefix.strip("/"), own.strip("/")) if part)
    if "/".join(_split(template)) != template:
        raise IndexingError(f"{spec.name}: malformed route {template!r}")
    segments = [_segment(spec.name, text) for text in _split(template)]
    try:
        pattern = re.compile(_join(segments) + "/?", re.IGNORECASE)
    except re.error as exc:
        raise IndexingError(f"{spec.name}: malformed route {template!r}: {exc}") from exc
    return Route(
        spec=spec,
        template=template,
        methods=_methods(spec.trigger.methods),
        pattern=pattern,
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
    pattern, end = "", 0
    checks: list[tuple[str, Check]] = []
    for match in parameters:
        pattern += _literal(text[end : match.start()]) + f"(?P<{match['name']}>[^/]+)"
        checks += _tail(function, match)[2]
        end = match.end()
    return _Segment(pattern + _literal(text[end:]), 2, tuple(checks))


def _tail(
    function: str, match: re.Match[str]
) -> tuple[bool, tuple[tuple[str, str], ...], tuple[tuple[str, Check], ...]]:
    """Whether a parameter is optional, its default, and its constraints."""
    tail, name = match["tail"], match["name"]
    optional = tail.endswith("?")
    tail = tail.removesuffix("?")
    constraints, _, default = tail.partition("=") if "regex(" not in tail else (tail, "", "")
    names = re.findall(r":((?:[^:()]|\([^()]*(?:\([^()]*\)[^()]*)*\))+)", constraints)
    checks = tuple((name, constraint(text, function=function)) for text in names)
    return optional, ((name, default),) if default else (), checks


def _literal(text: str) -> str:
    return re.escape(text)


def _decoded(raw_path: str) -> str:
    """The path without its first slash, percent-decoded except for slashes, as ASP.NET Core does."""
    return "%2F".join(unquote(part) for part in _ENCODED_SLASH.split(raw_path.removeprefix("/")))
