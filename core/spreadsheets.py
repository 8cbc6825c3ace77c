"""Which texts a spreadsheet would run as formulas when it opens a CSV, and how they are made harmless.

Source: OWASP, "CSV Injection". The patterns are understood by RE2 and by `re` alike.
"""

import re
from typing import TypeVar

_Cell = TypeVar("_Cell")

FORMULA = r"^[=+\-@\t\r]"
# What looks like a number is one: it cannot run anything.
_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
NUMBER = f"^{_NUMBER}$"
MARK = "'"  # before a text, which spreadsheets then take for one


def harmless(cell: _Cell) -> _Cell | str:
    """The cell; a text that would run with an apostrophe before it."""
    if isinstance(cell, str) and re.match(FORMULA, cell) and not re.fullmatch(_NUMBER, cell):
        return MARK + cell
    return cell
