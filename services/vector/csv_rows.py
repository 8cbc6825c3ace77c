"""The rows of a CSV file as Arrow batches of texts, in the memory of a block; and where wrong ones stand.

Arrow parses. Python's own parser, which is slower and knows line numbers, is asked only when something is
wrong. Empty cells, quoted or not, are null.
"""

import csv
import itertools
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.errors import PermanentTaskError
from services.vector.csv_dialect import Dialect, opened

BATCH_ROWS = 16_384
_SHOWN = 10
_END = "end of the file"


class LineTooLongError(Exception):
    """A line does not fit a block."""


def text_batches(path: Path, dialect: Dialect, *, block_bytes: int) -> "Iterator[pa.RecordBatch]":
    """The rows as batches of text columns named `0`, `1` and so on, empty lines left out.

    Raises:
        PermanentTaskError: ROW_LENGTH: rows that are longer or shorter than the header.
        LineTooLongError: a line does not fit a block.
    """
    invalid: list[Any] = []
    try:
        for batch in _reader(path, dialect, block_bytes, invalid):
            if invalid:
                break
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS)
    except pa.ArrowInvalid as exc:
        raise LineTooLongError from exc
    if invalid:
        raise _wrong_lengths(path, dialect)


def _reader(path: Path, dialect: Dialect, block_bytes: int, invalid: list[Any]) -> Any:
    from pyarrow import csv as arrow_csv

    def note(row: Any) -> str:
        if len(invalid) < _SHOWN:
            invalid.append(row)
        return "skip"

    names = [str(number) for number in range(len(dialect.header))]
    return arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            use_threads=False,
            block_size=block_bytes,
            encoding="utf8" if dialect.encoding == "utf-8" else dialect.encoding,
            column_names=names,
            skip_rows=dialect.blank_lines,
            skip_rows_after_names=1,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
        ),
    )


def lines_of(path: Path, dialect: Dialect, rows: Collection[int]) -> list[int]:
    """The lines (from 1) on which rows (from 0, without the header) begin."""
    found = ((row, line) for row, (line, _) in enumerate(_numbered(path, dialect)))
    last = max(rows, default=-1)
    return [line for row, line in itertools.takewhile(lambda each: each[0] <= last, found) if row in rows]


def row_count(path: Path, dialect: Dialect) -> int:
    """The rows after the header, counted by Python's parser: what Arrow hands out must be as many.

    Raises:
        PermanentTaskError: ROW_LENGTH: a quotation mark is never closed, and all behind it would be one text.
    """
    rows, begun, before, last = 0, 1, 0, [_END]
    with opened(path, dialect.encoding) as file:
        reader = csv.reader(itertools.chain(file, ["\n", f"{_END}\n"]), delimiter=dialect.delimiter)
        for row in reader:
            if row:
                rows, begun, last = rows + 1, before + 1, row
            before = reader.line_num
    if last != [_END]:
        raise _row_length("A quotation mark is never closed.", lines=[begun])
    return rows - 2  # without the header and the mark of the end


def _numbered(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """The rows after the header, each with the line on which it begins."""
    with opened(path, dialect.encoding) as file:
        reader = csv.reader(file, delimiter=dialect.delimiter)
        is_header, before = True, 0
        for row in reader:
            if row and not is_header:
                yield before + 1, row
            is_header, before = is_header and not row, reader.line_num


def _wrong_lengths(path: Path, dialect: Dialect) -> PermanentTaskError:
    columns = len(dialect.header)
    wrong = ((line, row) for line, row in _numbered(path, dialect) if len(row) != columns)
    found = list(itertools.islice(wrong, _SHOWN))
    first = f" Line {found[0][0]} has {len(found[0][1])} fields, the header {columns}." if found else ""
    message = f"Some rows are longer or shorter than the header.{first}"
    return _row_length(message, lines=[line for line, _ in found])


def _row_length(message: str, *, lines: list[int]) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="ROW_LENGTH",
        remedy="Quote values that hold the delimiter or a line end, and close every quotation mark.",
        context={"lines": lines},
    )
