"""The page of error codes lists what the code can emit, all of it and nothing else."""

import ast
import re
from collections import Counter

import pytest

from _paths import ROOT
from tests.unit.house.error_codes import codes_of, emitted_codes, emitted_statuses

PAGE = (ROOT / "docs" / "reference" / "error-codes.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)


def test_every_code_has_one_row_and_every_row_a_code() -> None:
    listed = Counter(row[0] for row in ROWS)
    assert set(listed) == emitted_codes()
    assert {code for code, count in listed.items() if count > 1} == set()


def test_every_row_is_filled() -> None:
    lines = re.findall(r"^\| `[A-Z]", PAGE, re.MULTILINE)
    assert len(lines) == len(ROWS)
    assert [row for row in ROWS if not all(cell.strip() for cell in row)] == []


def test_the_http_status_is_that_of_the_code() -> None:
    statuses = {code: set(map(int, re.findall(r"\d{3}", where))) for code, where, *_ in ROWS}
    assert {(code, status) for code, status in emitted_statuses() if status not in statuses[code]} == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('raise Wrong("x", code="A_B")', {("A_B", None)}),
        ('raise Wrong("x", code="A" if text else "B_1")', {("A", None), ("B_1", None)}),
        ('code = _CODES.get(kind, "A")', {("A", None)}),
        ('_CODES = {"extra_forbidden": "A"}', {("A", None)}),
        ('class Wrong(E):\n    default_code = "A"', {("A", None)}),
        ('detail.model_copy(update={"code": "A"})', {("A", None)}),
        ('Failure(404, "A", "Words.")', {("A", 404)}),
        ('options = {"GDAL_NUM_THREADS": "ALL_CPUS"}', set()),
        ('if error.code == "A": pass', set()),
    ],
)
def test_codes_are_told_from_other_words(source: str, expected: set[tuple[str, int | None]]) -> None:
    assert set(codes_of(ast.parse(source))) == expected
