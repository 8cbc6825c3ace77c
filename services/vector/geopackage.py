"""GeoPackage before GDAL: no views, and counts from SQLite itself.

A GeoPackage is an SQLite database, and a view in the place of a table is a program: an endless recursive
view hangs any reader. What GDAL reads must be plain tables. The statements below are how this file format
is read; they never reach our database. Source: OGC GeoPackage 1.3, sections 2.1 and 2.1.3.
"""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.finding import Finding
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import geopackage_values
from services.vector.findings import info
from services.vector.layers import choose_layers
from services.vector.source import Census, SourceLayer

_MOST_TABLES = 10_000
_COLUMNS_AT_ONCE = 400  # SQLite takes 2,000 terms in a statement
_BUDGET_SECONDS = 300.0
_INSTRUCTIONS_BETWEEN_LOOKS = 100_000
# The values of the flags byte in which the bit "empty geometry" is set, as SQL.
_EMPTY_FLAGS = "(" + ", ".join(f"x'{flags:02X}'" for flags in range(256) if flags & 0x10) + ")"
_NOT_PLAIN = "SELECT name FROM sqlite_master WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'"
_LAYERS = (
    "SELECT c.table_name, g.column_name"
    " FROM gpkg_contents c JOIN gpkg_geometry_columns g ON lower(g.table_name) = lower(c.table_name)"
    " WHERE c.data_type = 'features' ORDER BY c.rowid"
)
_WITHOUT_GEOMETRY = "SELECT table_name FROM gpkg_contents WHERE data_type = 'attributes' ORDER BY rowid"


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:  # noqa: ARG001
    """The wanted layers of a GeoPackage, or all that have geometries.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT, CONTENT_MISMATCH, GEOMETRY_UNREADABLE, LAYER_NOT_FOUND or
            LAYER_LIMIT.
    """
    with _open(path) as database:
        not_plain = {str(row[0]).lower() for row in database.execute(_NOT_PLAIN)}
        _refuse_programs({found for found in not_plain if found.startswith("gpkg_")})
        columns = dict(database.execute(_LAYERS).fetchmany(_MOST_TABLES))
        chosen = choose_layers(list(columns), reading.layers)
        _refuse_programs(not_plain & {table.lower() for table in chosen})
        findings = () if reading.layers else tuple(_skipped(database))
        return tuple(
            _layer(database, path, table=table, column=columns[table], findings=() if number else findings)
            for number, table in enumerate(chosen)
        )


def _layer(
    database: sqlite3.Connection, path: Path, *, table: str, column: str, findings: tuple[Finding, ...]
) -> SourceLayer:
    census, has_fine_times = _census(database, path, table=table, column=column)
    return SourceLayer(
        format=VectorFormat.GEOPACKAGE,
        path=path,
        name=table,
        ogr_name=table,
        census=census,
        has_ids=_has_ids(database, table),
        has_fine_times=has_fine_times,
        findings=findings,
    )


def _skipped(database: sqlite3.Connection) -> Iterator[Finding]:
    """The finding that there are tables without geometries, if there are."""
    names = [str(row[0]) for row in database.execute(_WITHOUT_GEOMETRY).fetchmany(_MOST_TABLES)]
    if names:
        yield info(
            "LAYERS_SKIPPED",
            f"Tables without geometries are not taken: {len(names)}.",
            layers=names[:50],
        )


def _has_ids(database: sqlite3.Connection, table: str) -> bool:
    """Whether the table has the integer key that the standard asks for (table 29)."""
    keys = database.execute("SELECT type FROM pragma_table_info(?) WHERE pk > 0", (table,)).fetchall()
    return [str(kind).upper() for (kind,) in keys] == ["INTEGER"]


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection that runs no code of the file and gives up after a time."""
    give_up_at = time.monotonic() + _BUDGET_SECONDS
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA cell_size_check = ON")
            geopackage_values.define_functions(database)
            database.set_progress_handler(lambda: time.monotonic() > give_up_at, _INSTRUCTIONS_BETWEEN_LOOKS)
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as exc:
        raise PermanentTaskError(
            "The GeoPackage is damaged or incomplete.",
            code="GEOMETRY_UNREADABLE",
            remedy="Check the file with `PRAGMA integrity_check`, and upload it again whole.",
        ) from exc


def _refuse_programs(names: set[str]) -> None:
    if names:
        raise _unsupported("The GeoPackage has views or virtual tables in the place of tables.")


def _unsupported(message: str) -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="UNSUPPORTED_FORMAT",
        remedy="Write the layer as a plain table into a GeoPackage of its own.",
    )


def _census(database: sqlite3.Connection, path: Path, *, table: str, column: str) -> tuple[Census, bool]:
    """Counts in one pass that looks at the headers of rows, and at values of a few types of columns.

    Also whether there are times finer than a millisecond.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: values of another type than their column declares.
    """
    typed = list(geopackage_values.typed_columns(database, table).items())
    rows, present, fine = 0, 0, 0
    strays: dict[str, int] = {}
    for start in range(0, len(typed) or 1, _COLUMNS_AT_ONCE):
        part = typed[start : start + _COLUMNS_AT_ONCE]
        rows, present, *counts = _counts(database, table=table, column=column, typed=part)
        strays |= {name: count for (name, _), count in zip(part, counts, strict=False) if count}
        fine += sum(counts[len(part) :])
    _refuse_strays(strays)
    census = Census(
        feature_count=rows,
        null_geometry_limit=rows - present,
        empty_geometry_limit=partial(_empty_geometries, path, table=table, column=column),
    )
    return census, fine > 0


def _counts(
    database: sqlite3.Connection, *, table: str, column: str, typed: list[tuple[str, str]]
) -> list[int]:
    """Rows, rows with a value in `column`, and for each typed column the values that are not of its type.

    Behind them, for each column of times, its times finer than a millisecond.
    """
    strays = (geopackage_values.strays(_quoted(name), kind) for name, kind in typed)
    times = (name for name, kind in typed if kind == geopackage_values.DATETIME)
    fine = (geopackage_values.fine_times(_quoted(name)) for name in times)
    counts = ", ".join(["count(*)", f"count({_quoted(column)})", *strays, *fine])
    statement = f"SELECT {counts} FROM {_quoted(table)}"  # noqa: S608 (all names are quoted)
    return [int(count) for count in database.execute(statement).fetchone()]


def _empty_geometries(path: Path, *, table: str, column: str) -> int:
    """How many geometries say of themselves, in the flags of their headers, that they are empty."""
    flags = f"substr({_quoted(column)}, 4, 1)"
    statement = f"SELECT total({flags} IN {_EMPTY_FLAGS}) FROM {_quoted(table)}"  # noqa: S608
    with _open(path) as database:
        return int(database.execute(statement).fetchone()[0])


def _refuse_strays(strays: dict[str, int]) -> None:
    if strays:
        raise PermanentTaskError(
            "Some values are not of the type that their column declares.",
            code="CONTENT_MISMATCH",
            remedy="Correct the values, or declare the columns as TEXT.",
            context={"values_by_column": strays},
        )


def _quoted(identifier: str) -> str:
    if re.search(r"[\x00]", identifier):
        raise _unsupported("A name in the GeoPackage holds the character U+0000.")
    return '"' + identifier.replace('"', '""') + '"'
