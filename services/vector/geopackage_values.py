"""Which values of a GeoPackage are not what their column declares, as SQL.

SQLite keeps any value in any column. GDAL reads a text in a column of integers as 0, cuts numbers off that
are wider than their type, reads February 30 as March 2, a time in a column of days as a day, and drops what
it does not know behind a time. It cuts times off behind the millisecond, too, but their texts can be had.
Source: OGC GeoPackage 1.3, table 1.
"""

import re
import sqlite3

# What SQLite makes of the values of columns of these types, unless they are null or something else.
_VALUE_TYPES = {
    **dict.fromkeys(("BOOLEAN", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER"), "integer"),
    **dict.fromkeys(("FLOAT", "DOUBLE", "REAL"), "real"),
}
# What GDAL reads them as: any other number is true, or cut off.
_LIMITS = {
    "BOOLEAN": (0, 1),
    "SMALLINT": (-(2**15), 2**15 - 1),
    **dict.fromkeys(("TINYINT", "MEDIUMINT"), (-(2**31), 2**31 - 1)),
}
_DATE, DATETIME = "DATE", "DATETIME"
_DIGITS = "[0-9][0-9]"
_SECOND = f"{_DIGITS}{_DIGITS}-{_DIGITS}-{_DIGITS}T{_DIGITS}:{_DIGITS}:{_DIGITS}"
_USUAL = (f"{_SECOND}Z", f"{_SECOND}.[0-9]{_DIGITS}Z", f"{_SECOND}.{_DIGITS * 3}Z")
_FINE = f"*.{_DIGITS * 2}*"  # more digits than milliseconds have
# What is read without loss: to the microsecond, and zones of quarters of an hour.
_TIME = re.compile(
    r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6}0*)?)?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4])(?::?(?:00|15|30|45))?)?)?"
)


def typed_columns(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """The columns of numbers, days and times, also computed ones, with the type that they declare."""
    # a key of whole numbers is one by itself
    columns = (
        "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1 AND NOT (pk AND type LIKE '%INT%')"
    )
    declared = database.execute(columns, (table,)).fetchall()
    found = {name: str(kind).upper().partition("(")[0] for name, kind in declared}
    return {name: kind for name, kind in found.items() if kind in {*_VALUE_TYPES, _DATE, DATETIME}}


def define_functions(database: sqlite3.Connection) -> None:
    """What the SQL of `strays` needs beside SQLite's own functions."""
    database.create_function("is_time", 1, _is_time, deterministic=True)


def strays(column: str, kind: str) -> str:
    """SQL that counts the values of a (quoted) column that are not what its declared type says."""
    if kind in _VALUE_TYPES:
        return _wrong_numbers(column, kind)
    day = f"replace(substr({column}, 1, 10), '/', '-')"
    is_right = f"date({day}, '+0 days') IS {day}"  # without a modifier it only parses
    if kind == _DATE:
        is_right += f" AND length({column}) = 10"
    else:  # nearly all are of the usual form, and SQLite itself is faster
        usual = " OR ".join(f"{column} GLOB '{pattern}'" for pattern in _USUAL)
        is_right += f" AND ({usual} OR is_time({column}))"
    return f"count({column}) - count(CASE WHEN {column} IS NOT NULL AND {is_right} THEN 1 END)"


def fine_times(column: str) -> str:
    """SQL that counts the values of a (quoted) column of times that GDAL would cut off."""
    return f"count(nullif({column} GLOB '{_FINE}', 0))"


def _wrong_numbers(column: str, kind: str) -> str:
    other = f"count(nullif(typeof({column}), '{_VALUE_TYPES[kind]}')) - count(*) + count({column})"
    if kind not in _LIMITS:
        return other
    least, most = _LIMITS[kind]
    beyond = f"typeof({column}) = 'integer' AND {column} NOT BETWEEN {least} AND {most}"
    return f"{other} + count(CASE WHEN {beyond} THEN 1 END)"


def _is_time(value: object) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None
