"""Figures and charts."""

import pytest

from triggers.reporting import charts, figures


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (1234567.25, "1.2346e+06"),
        (0.000123456789, "0.000123457"),
        (1.5e-7, "1.5e-07"),
        (-2.0, "-2"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_decimals(number: float, expected: str) -> None:
    assert figures.decimal(number) == expected


@pytest.mark.parametrize(
    ("part", "of", "expected"),
    [
        (0, 0, "0 %"),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 10_000, "< 0.1 %"),
        (9_999, 10_000, "> 99.9 %"),
        (1, 3, "33.3 %"),
        (1, 2, "50 %"),
    ],
)
def test_shares_are_never_rounded_to_all_or_nothing(part: int, of: int, expected: str) -> None:
    assert figures.share(part, of) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [(1, "1 byte"), (999, "999 bytes"), (1500, "1.5 kB"), (3 * 10**15, "3e+03 TB")]
)
def test_sizes(number: int, expected: str) -> None:
    assert figures.size(number) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.214, "0.21 s"), (12.4, "12 s"), (59.7, "60 s"), (92.4, "1 min 32 s"), (3725, "1 h 2 min")],
)
def test_durations(seconds: float, expected: str) -> None:
    assert figures.duration(seconds) == expected


def test_a_histogram_shows_every_bar_that_is_not_empty() -> None:
    made = charts.histogram([1, 0, 1_000_000], first="0", last="3")
    assert made is not None
    assert made.path.count("M") == 2
    assert charts.histogram([0, 0], first="", last="") is None
    assert charts.histogram([], first="", last="") is None


def test_many_buckets_are_joined() -> None:
    made = charts.histogram([1] * 256, first="0", last="255")
    assert made is not None
    assert made.path.count("M") == 64


def test_the_smallest_part_is_seen() -> None:
    assert charts.split(10**7, 1, noun="feature").width == 4
    assert charts.split(10**7, 0, noun="feature").width == 0
