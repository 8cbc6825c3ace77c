"""Route templates."""

from types import SimpleNamespace

import pytest

from tools.functions_host.errors import IndexingError
from tools.functions_host.function_index import FunctionSpec, TriggerKind
from tools.functions_host.routing import RouteTable


def spec(route: str | None, *, name: str = "f", methods: object = None) -> FunctionSpec:
    return FunctionSpec(
        name=name,
        kind=TriggerKind.HTTP,
        call=lambda req: req,
        is_async=False,
        argument_name="req",
        wants_context=False,
        has_return_binding=True,
        trigger=SimpleNamespace(route=route, methods=methods),
    )


def table(*routes: str, prefix: str = "") -> RouteTable:
    return RouteTable([spec(route, name=route) for route in routes], prefix=prefix)


def values(route: str, path: str) -> dict[str, str] | None:
    found = table(route).match("GET", path)
    return found[1] if found else None


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("int", ["0", "-7", "2147483647"], ["x", "1.5", "2147483648"]),
        ("long", ["9223372036854775807"], ["9223372036854775808"]),
        ("bool", ["true", "FALSE"], ["1", "yes"]),
        ("alpha", ["Abc"], ["a1"]),
        ("guid", ["0f8fad5b-d9cb-469f-a165-70867728950e"], ["0f8fad5b"]),
        ("double", ["1.5", "-2", "1e3"], ["1,5", "x"]),
        ("decimal", ["1.5", ".5"], ["1e3"]),
        ("length(3)", ["abc"], ["ab", "abcd"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("minlength(2)", ["ab"], ["a"]),
        ("maxlength(2)", ["ab"], ["abc"]),
        ("range(0,22)", ["0", "22"], ["23", "-1", "x"]),
        ("min(5)", ["5"], ["4"]),
        ("max(5)", ["5"], ["6"]),
        (r"regex(^\d{3}$)", ["123"], ["12", "1234"]),
        ("int:min(1)", ["1"], ["0", "x"]),
    ],
)
def test_constraints(constraint: str, good: list[str], bad: list[str]) -> None:
    route = "a/{v:" + constraint + "}"
    assert [values(route, f"/a/{text}") for text in good] == [{"v": text} for text in good]
    assert [values(route, f"/a/{text}") for text in bad] == [None] * len(bad)


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        ("", "/", {}),
        ("a", "/A/", {}),
        ("a", "/a//", None),
        ("a/{b}", "/a/", None),
        ("a/{b?}", "/a", {}),
        ("a/{b?}", "/a/x", {"b": "x"}),
        ("a/{b:int?}", "/a/x", None),
        ("a/{b=z}", "/a", {"b": "z"}),
        ("a/{b=z}", "/a/y", {"b": "y"}),
        ("a/{*rest}", "/a", {}),
        ("a/{*rest}", "/ab", None),
        ("a/{**rest}", "/a/b/c/", {"rest": "b/c/"}),
        ("/{*route}", "/", {}),
        ("/{*route}", "/any/thing", {"route": "any/thing"}),
        ("{y}.{format}", "/1.2.png", {"y": "1.2", "format": "png"}),
        ("{name}.png", "/a.png", {"name": "a"}),
        ("a.b/{c}", "/aXb/1", None),
        ("a/{b}", "/a/%C3%BC%20%2F", {"b": "ü %2F"}),
    ],
)
def test_templates(route: str, path: str, expected: dict[str, str] | None) -> None:
    assert values(route, path) == expected


def test_the_more_specific_route_wins_in_any_order() -> None:
    routes = ["a/{*rest}", "a/{b}", "a/{b:int}", "a/{b}.json", "a/lit"]
    for order in (routes, routes[::-1]):
        expected = {"/a/lit": "a/lit", "/a/1.json": "a/{b}.json", "/a/1": "a/{b:int}", "/a/x": "a/{b}"}
        for path, template in (expected | {"/a/x/y": "a/{*rest}"}).items():
            found = table(*order).match("GET", path)
            assert found is not None
            assert found[0].template == template


def test_a_less_specific_route_serves_the_methods_that_the_other_lacks() -> None:
    routes = RouteTable([spec("a/lit", methods=["GET"]), spec("a/{b}", methods=["POST"])], prefix="")
    found = routes.match("POST", "/a/lit")
    assert found is not None
    assert found[1] == {"b": "lit"}
    assert routes.match("PUT", "/a/lit") is None


@pytest.mark.parametrize("route", ["a/{b", "a/{b:nonsense}", "a/{b:range(x)}", "{a}/{a}", "a/{b:regex(()}"])
def test_a_malformed_template_is_refused(route: str) -> None:
    with pytest.raises(IndexingError):
        table(route)


@pytest.mark.parametrize(("prefix", "path"), [("", "/f"), ("api", "/api/f"), ("/v1/x/", "/v1/x/f")])
def test_the_prefix(prefix: str, path: str) -> None:
    assert RouteTable([spec(None)], prefix=prefix).match("GET", path) is not None
