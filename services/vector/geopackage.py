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
from pathlib import Path

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat
from services.vector.layers import choose_layer
from services.vector.source import Census, SourceLayer

MAX_LAYERS = 100
_BUDGET_SECONDS = 300.0
_INSTRUCTIONS_BETWEEN_LOOKS = 100_000
# The values of the flags byte in which the bit "empty geometry" is set, as SQL.
_EMPTY_FLAGS = "(" + ", ".join(f"x'{flags:02X}'" for flags in range(256) if flags & 0x10) + ")"
_INTEGERS, _REALS = "('integer', 'null')", "('real', 'integer', 'null')"
_VALUE_TYPES = {
    **dict.fromkeys(("BOOLEAN", "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "INTEGER"), _INTEGERS),
    **dict.fromkeys(("FLOAT", "DOUBLE", "REAL"), _REALS),
}
_NOT_PLAIN = "SELECT name FROM sqlite_master WHERE type = 'view' OR sql LIKE 'CREATE VIRTUAL%'"
_LAYERS = (
    "SELECT c.table_name, g.column_name"
    " FROM gpkg_contents c JOIN gpkg_geometry_columns g ON lower(g.table_name) = lower(c.table_name)"
    " WHERE c.data_type = 'features' ORDER BY c.table_name"
)


def admit(path: Path, *, name: str, layer: str | None) -> SourceLayer:  # noqa: ARG001 (one shape for all)
    """The wanted layer of a GeoPackage, or the only one.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT, CONTENT_MISMATCH, GEOMETRY_UNREADABLE, LAYER_NOT_FOUND or
            AMBIGUOUS_LAYER.
    """
    with _open(path) as database:
        not_plain = {str(row[0]).lower() for row in database.execute(_NOT_PLAIN)}
        _refuse_programs({found for found in not_plain if found.startswith("gpkg_")})
        columns = dict(database.execute(_LAYERS).fetchall())
        if len(columns) > MAX_LAYERS:
            raise _unsupported(f"The GeoPackage has more than {MAX_LAYERS} layers.")
        chosen = choose_layer(list(columns), layer)
        _refuse_programs(not_plain & {chosen.lower()})
        census = _census(database, table=chosen, column=columns[chosen])
    return SourceLayer(format=VectorFormat.GEOPACKAGE, path=path, name=chosen, ogr_name=chosen, census=census)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection that runs no code of the file and gives up after a time."""
    give_up_at = time.monotonic() + _BUDGET_SECONDS
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA cell_size_check = ON")
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


def _census(database: sqlite3.Connection, *, table: str, column: str) -> Census:
    """Counts in one pass that keeps nothing, by the flags byte of the geometries' headers.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH: values of another type than their column declares.
    """
    geometry, typed = _quoted(column), _typed_columns(database, table)
    strays = [f"total(typeof({_quoted(name)}) NOT IN {allowed})" for name, allowed in typed.items()]
    counts = [
        "count(*)",
        f"count({geometry})",
        f"total(substr({geometry}, 4, 1) IN {_EMPTY_FLAGS})",
        *strays,
    ]
    statement = f"SELECT {', '.join(counts)} FROM {_quoted(table)}"  # noqa: S608 (all names are quoted)
    rows, present, empty, *stray = (int(count) for count in database.execute(statement).fetchone())
    _refuse_strays({name: count for name, count in zip(typed, stray, strict=True) if count})
    return Census(feature_count=rows, null_geometry_limit=rows - present, empty_geometry_limit=empty)


def _typed_columns(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """The columns of numbers, with the SQLite types that their values may have.

    SQLite keeps any value in any column; GDAL reads a text in a column of integers as 0.
    """
    declared = database.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    found = {name: _VALUE_TYPES.get(str(kind).upper().partition("(")[0]) for name, kind in declared}
    return {name: allowed for name, allowed in found.items() if allowed is not None}


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
