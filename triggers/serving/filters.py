"""Which CQL2 expressions clients may send.

CQL2 lets a filter call any function, and the library writes the call into the SQL as it stands:
`pg_sleep(10) = 1` would sleep. Only operators and functions of the standard pass.

Reference: OGC 21-065r2, sections 6 to 9.
"""

from collections.abc import Iterator
from math import isfinite
from typing import Any

from core.errors import InvalidRequest
from triggers.serving.places import area_of

_LOGIC = {"and", "or", "not"}
_COMPARISON = {"=", "<>", "<", ">", "<=", ">=", "like", "between", "in", "isNull"}
_ARITHMETIC = {"+", "-", "*", "/", "%", "^", "div"}
_TEXT = {"casei"}
_SPATIAL = {
    "s_intersects",
    "s_equals",
    "s_disjoint",
    "s_touches",
    "s_within",
    "s_overlaps",
    "s_crosses",
    "s_contains",
}
_TEMPORAL = {
    "t_after", "t_before", "t_contains", "t_disjoint", "t_during", "t_equals", "t_finishedBy", "t_finishes",
    "t_intersects", "t_meets", "t_metBy", "t_overlappedBy", "t_overlaps", "t_startedBy", "t_starts",
}  # fmt: skip
ALLOWED = _LOGIC | _COMPARISON | _ARITHMETIC | _TEXT | _SPATIAL | _TEMPORAL
MAX_OPERATORS = 200


def check_filter(expression: dict[str, Any]) -> None:
    """Let a CQL2-JSON expression pass, or not.

    Raises:
        InvalidRequest: (INVALID_FILTER) it calls what is not in the standard, is too long, or has a number
            that is not finite.
    """
    if not all(map(isfinite, _numbers(expression))):
        raise InvalidRequest("A number of the filter is not finite.", code="INVALID_FILTER")
    operators = list(_operators(expression))
    if unknown := [operator for operator in operators if operator not in ALLOWED]:
        raise InvalidRequest(
            f"The filter uses '{unknown[0][:60]}', which is no operator of CQL2 that we support.",
            code="INVALID_FILTER",
            remedy="Use comparisons, LIKE, BETWEEN, IN, IS NULL, CASEI, spatial and temporal operators.",
        )
    if len(operators) > MAX_OPERATORS:
        raise InvalidRequest(f"The filter has more than {MAX_OPERATORS} operators.", code="INVALID_FILTER")


def with_areas(node: Any) -> Any:
    """The expression with an area for each box, whose coordinates are degrees.

    The library makes an envelope without a CRS of a box, which PostGIS compares with nothing.
    """
    if isinstance(node, dict):
        if list(node) == ["bbox"]:
            return area_of(node["bbox"])
        return {name: with_areas(child) for name, child in node.items()}
    return [with_areas(child) for child in node] if isinstance(node, list) else node


def _numbers(node: Any) -> Iterator[float]:
    if isinstance(node, float):
        yield node
    children: Any = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _numbers(child)


def _operators(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "op" in node:
            yield str(node["op"])
        children: Any = node.values()
    else:
        children = node if isinstance(node, list) else ()
    for child in children:
        yield from _operators(child)
