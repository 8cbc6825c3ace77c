"""Values that PostgreSQL keeps in a form of its own: decimals and JSON, one by one.

Both are written as PostgreSQL writes them when it is asked, so that what is read back is the same bytes.
Sources: numeric_send and jsonb_send in PostgreSQL's src/backend/utils/adt.
"""

import json
import struct
from decimal import Decimal
from typing import Any

_NUMERIC_HEADER = struct.Struct(">hhHh")
_NEGATIVE = 0x4000
_GROUP = 10_000  # a digit of PostgreSQL's decimals
_JSONB_VERSION = b"\1"
_LONGEST_NUMBER = 131_072  # digits before the point; PostgreSQL refuses more
_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t"} | {
    code: f"\\u{code:04x}" for code in range(32) if code not in (8, 9, 10, 12, 13)
}


def numeric(value: Decimal | None) -> bytes | None:
    """A finite decimal with all the digits behind its point, zeros too."""
    if value is None:
        return None
    sign, digits, exponent = value.as_tuple()
    scale = -int(exponent)
    padding = -scale % 4
    groups = _groups(int("".join(map(str, digits))) * 10**padding)
    weight = len(groups) - (scale + padding) // 4 - 1
    while groups and not groups[-1]:
        groups.pop()
    header = _NUMERIC_HEADER.pack(
        len(groups), weight if groups else 0, _NEGATIVE if sign and groups else 0, scale
    )
    return header + struct.pack(f">{len(groups)}h", *groups)


def _groups(number: int) -> list[int]:
    groups: list[int] = []
    while number:
        number, group = divmod(number, _GROUP)
        groups.append(group)
    return groups[::-1]


def jsonb(text: str | None) -> bytes | None:
    """A JSON text as `jsonb` shows it: sorted names without twins, plain numbers, two kinds of blanks."""
    if text is None:
        return None
    return _JSONB_VERSION + _shown(json.loads(text, parse_float=Decimal)).encode("utf-8", "surrogatepass")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        members = sorted(value.items(), key=_place)
        return "{" + ", ".join(f"{_quoted(name)}: {_shown(member)}" for name, member in members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Decimal):
        return _number(value)
    return json.dumps(value)


def _place(member: tuple[str, Any]) -> tuple[int, bytes]:
    """`jsonb` sorts shorter names first, and then by their bytes."""
    name = member[0].encode("utf-8", "surrogatepass")
    return len(name), name


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _number(value: Decimal) -> str:
    exponent = int(value.as_tuple().exponent)
    if abs(value.adjusted()) > _LONGEST_NUMBER or abs(exponent) > _LONGEST_NUMBER:
        return str(value)  # for PostgreSQL to refuse
    if not value:
        return f"{Decimal((0, (0,), min(exponent, 0))):f}"
    return f"{value:f}"
