"""Byte ranges and validators (RFC 9110 sections 13 and 14)."""

import pytest
from starlette.datastructures import Headers

from triggers.serving.freshness import matches, range_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("bytes=0-0", (0, 1)),
        ("bytes=0-99", (0, 100)),
        ("bytes=90-", (90, 10)),
        ("bytes=90-500", (90, 10)),
        ("bytes=-10", (90, 10)),
        ("bytes=-500", (0, 100)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("bytes=x-y", None),
        ("items=0-1", None),
    ],
)
def test_ranges(text: str, expected: tuple[int, int] | None) -> None:
    assert range_of(Headers({"range": text}), 100) == expected


@pytest.mark.parametrize("text", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_ranges_outside_the_file(text: str) -> None:
    with pytest.raises(ValueError, match="outside"):
        range_of(Headers({"range": text}), 100)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ("", False),
        ('"b"', False),
        ("a", False),
    ],
)
def test_entity_tags_are_compared_weakly(header: str, expected: bool) -> None:
    assert matches(header, 'W/"a"') is expected
