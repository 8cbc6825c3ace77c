"""How a CSV file is written: its encoding, its delimiter, its header. Found out, or told by the client.

Source: RFC 4180; what spreadsheets of other countries write instead (semicolons, decimal commas, cp1252).
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from services.vector.file_encoding import bad_encoding, encoding_of

MAX_LINE_BYTES = 128 * 2**20  # a polygon of about four million vertices as well-known text
DELIMITERS = (",", ";", "\t", "|")
_CHUNK_BYTES = 2**20
_SAMPLE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Dialect:
    """`encoding` as Python names it; `header` as it stands in the file; `blank_lines` come before it."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    blank_lines: int
    findings: tuple[Finding, ...]


def dialect_of(path: Path, *, encoding: str | None) -> Dialect:
    """The dialect of a file. `encoding` is what the client says, None to find out.

    Raises:
        PermanentTaskError: ENCODING_ERROR, CONTENT_MISMATCH or NO_FEATURES.
    """
    _refuse_long_lines(path)
    found, findings = encoding_of(path, asked=encoding)
    with opened(path, found) as file:
        blank_lines = _skip_blank(file)
        sample = [line for _, line in zip(range(_SAMPLE_ROWS), file, strict=False)]
        delimiter = _delimiter(sample)
    with opened(path, found) as file:
        rows = list(islice(filter(None, csv.reader(file, delimiter=delimiter)), 2))
    _check_header(rows)
    header = tuple(name.strip() for name in rows[0])
    return Dialect(found, delimiter, header, blank_lines, findings)


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """The text of a file, its line ends as they are.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: inside the block, a field is larger than any can be.
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        with path.open(encoding=encoding.replace("utf-8", "utf-8-sig"), newline="") as file:
            yield file
    except csv.Error as exc:
        raise mismatch("The file is no CSV: a field is larger than any can be.") from exc


def mismatch(message: str, **context: object) -> PermanentTaskError:
    """The error for a file that is no table."""
    return PermanentTaskError(
        message,
        code="CONTENT_MISMATCH",
        remedy="Save it as CSV with one header line and one line for each feature, quoted by RFC 4180.",
        context=context,
    )


def _refuse_long_lines(path: Path) -> None:
    """Before anything reads a line into memory."""
    length, line = 0, 1
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            length = length + len(chunk) if end < 0 else len(chunk) - end - 1
            if length > MAX_LINE_BYTES:
                raise mismatch("A line is longer than any may be.", line=line, limit_bytes=MAX_LINE_BYTES)
            line += chunk.count(b"\n")


def _skip_blank(file: TextIO) -> int:
    """Go to the first line that is not blank; how many came before."""
    blank = 0
    while (line := file.readline(MAX_LINE_BYTES)) and not line.strip("\r\n"):
        blank += 1
    file.seek(0)
    for _ in range(blank):
        file.readline()
    return blank


def _delimiter(lines: list[str]) -> str:
    """The delimiter by which most rows are as long as the header; of equal ones the one with more columns."""
    scores = {delimiter: _score(lines, delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda each: scores[each])


def _score(lines: list[str], delimiter: str) -> tuple[float, int]:
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    columns = len(rows[0]) if rows else 0
    if columns < 2:
        return (0.0, columns)
    body = rows[1:-1] or rows[1:] or rows  # the last one may be cut off by the end of the sample
    return (sum(len(row) == columns for row in body) / len(body), columns)


def _check_header(rows: list[list[str]]) -> None:
    if not rows or not any(name.strip() for name in rows[0]):
        raise mismatch("The file is empty, or its first line has no names.")
    if any("\0" in name for name in rows[0]):
        raise bad_encoding("The header holds the character U+0000: the file may be UTF-16.")
    if len(rows) < 2:
        raise PermanentTaskError(
            "The file has a header and no rows.", code="NO_FEATURES", remedy="Submit a file with features."
        )
