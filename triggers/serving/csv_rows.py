"""Features as lines of CSV (RFC 4180), in place of the library's.

Its own writer stops without an answer where there is no feature, has other columns on other pages, and writes
texts that a spreadsheet would run.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from tipg import factory

from core.spreadsheets import harmless

COLUMNS: ContextVar[Sequence[str]] = ContextVar("COLUMNS")
"""The columns of the attributes and of the place, told by the table that is asked for its features."""
_FIRST = ("collectionId", "itemId")


class _Line:
    """What a CSV writer writes to; `write` gives the line back."""

    def write(self, line: str) -> str:
        return line


def csv_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A header, which is there without any row, and a line for each row."""
    return _lines(rows, tuple(dict.fromkeys((*_FIRST, *COLUMNS.get()))))


def write_csv_here() -> None:
    """Have the library's routes, which look for their writer when they answer, find this one."""
    factory.create_csv_rows = csv_rows


def _lines(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    writer: Any = csv.writer(_Line())
    yield writer.writerow(map(harmless, names))
    for row in rows:
        yield writer.writerow(harmless(_alone(row.get(name))) for name in names)


def _alone(value: Any) -> Any:
    """The library packs the place of a feature that is asked for alone."""
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value
