"""The dates of a .dbf before GDAL, which reads February 30 as March 2 and says nothing.

Source: dBASE III field descriptors (type `D`); GDAL's Shapefile driver also knows MM/DD/YYYY.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.errors import PermanentTaskError
from services.vector.dbf import HEADER_BYTES, RecordArea, record_area

_DESCRIPTOR_BYTES = 32
_END_OF_FIELDS = 0x0D
_RECORDS_AT_ONCE = 2**18
_LISTED_ROWS = 20
_DAY = re.compile(rb"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)|(?P<m>\d\d)/(?P<d>\d\d)/(?P<y>\d{4})")


def check_dates(dbf: Path, *, encoding: str) -> None:
    """Refuse cells of dates that are none. Blanks and zeros are no value; years are looked at later.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH, with the rows (from 0, without deleted records).
    """
    area = record_area(dbf)
    if area is None or not area.count:
        return
    wrong = {name: rows for name, cells in _date_fields(dbf, area, encoding) if (rows := _wrong(area, cells))}
    if wrong:
        raise PermanentTaskError(
            "Some values are not of the type that their column declares: there is no such day.",
            code="CONTENT_MISMATCH",
            remedy="Correct the dates, or make the columns text. Rows are counted from 0.",
            context={
                "values_by_column": {name: len(rows) for name, rows in wrong.items()},
                "rows_by_column": {name: rows[:_LISTED_ROWS] for name, rows in wrong.items()},
            },
        )


def _date_fields(dbf: Path, area: RecordArea, encoding: str) -> Iterator[tuple[str, slice]]:
    """The fields of dates, and where their cells stand in a record."""
    with dbf.open("rb") as file:
        file.seek(HEADER_BYTES)
        fields = file.read(max(area.begin - HEADER_BYTES, 0))
    at = 1  # behind the mark of deletion
    for start in range(0, len(fields) - _DESCRIPTOR_BYTES + 1, _DESCRIPTOR_BYTES):
        if fields[start] == _END_OF_FIELDS:
            return
        name, kind, width = fields[start : start + 11], fields[start + 11 : start + 12], fields[start + 16]
        if kind == b"D":
            yield name.partition(b"\0")[0].decode(encoding, "replace"), slice(at, at + width)
        at += width


def _wrong(area: RecordArea, cells: slice) -> list[int]:
    """The rows whose cell is no day."""
    found: list[int] = []
    content, before = area.records(), 0
    for start in range(0, area.count, _RECORDS_AT_ONCE):
        block = content[start : start + _RECORDS_AT_ONCE]
        texts = np.ascontiguousarray(block[:, cells][~area.is_deleted(block)])
        if not texts.size:
            continue
        values, which = np.unique(texts.view(f"S{texts.shape[1]}").ravel(), return_inverse=True)
        bad = np.array([not _is_day(value) for value in values.tolist()])
        found += (before + np.flatnonzero(bad[which])).tolist()
        before += len(texts)
    return found


def _is_day(cell: bytes) -> bool:
    text = cell.strip(b" \0")
    if not text.strip(b"0"):
        return True
    found = _DAY.fullmatch(text)
    if found is None:
        return False
    year, month, day = (int(found[name] or found[name[0]]) for name in ("year", "month", "day"))
    try:
        dt.date(year or 2000, month, day)
    except ValueError:
        return False
    return True
