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
_EMPTY_FLAG = 0x10  # bit 5 of the flags byte: "empty geometry"
_CURVES = frozenset(
    {"CIRCULARSTRING", "COMPOUNDCURVE", "CURVEPOLYGON", "MULTICURVE", "MULTISURFACE", "CURVE", "SURFACE"}
)
_NOT_PLAIN = (
    "SELECT name FROM sqlite_master WHERE (type = 'view' OR sql LIKE 'CREATE VIRTUAL%')"
    " AND lower(name) NOT LIKE 'rtree%'"
)
_LAYERS = (
    "SELECT c.table_name, g.column_name, g.geometry_type_name"
    " FROM gpkg_contents c JOIN gpkg_geometry_columns g ON lower(g.table_name) = lower(c.table_name)"
    " WHERE c.data_type = 'features' ORDER BY c.table_name"
)


def admit(path: Path, *, name: str, layer: str | None) -> SourceLayer:  # noqa: ARG001 (one shape for all)
    """The wanted layer of a GeoPackage, or the only one.

    Raises:
        PermanentTaskError: UNSUPPORTED_FORMAT, GEOMETRY_UNREADABLE, LAYER_NOT_FOUND or AMBIGUOUS_LAYER.
    """
    with _open(path) as database:
        not_plain = {str(row[0]).lower() for row in database.execute(_NOT_PLAIN)}
        _refuse_programs({found for found in not_plain if found.startswith("gpkg_")})
        layers = {row[0]: row[1:] for row in database.execute(_LAYERS)}
        if len(layers) > MAX_LAYERS:
            raise _unsupported(f"The GeoPackage has more than {MAX_LAYERS} layers.")
        chosen = choose_layer(list(layers), layer)
        _refuse_programs(not_plain & {chosen.lower()})
        geometry_column, geometry_type = layers[chosen]
        census = _census(database, table=chosen, column=geometry_column)
    linearised = str(geometry_type).upper() in _CURVES
    return SourceLayer(
        format=VectorFormat.GEOPACKAGE,
        path=path,
        name=chosen,
        ogr_name=chosen,
        census=census,
        warnings=("Curved geometries were replaced by line segments.",) if linearised else (),
    )


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection that runs no code of the file and gives up after a time."""
    give_up_at = time.monotonic() + _BUDGET_SECONDS
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
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
    """Counts by the flags byte of the geometries' headers (`GP`, version, flags)."""
    table_name, column_name = _quoted(table), _quoted(column)
    rows = database.execute(
        f"SELECT substr({column_name}, 4, 1), {column_name} IS NULL, count(*)"  # noqa: S608 (quoted above)
        f" FROM {table_name} GROUP BY 1, 2"
    ).fetchall()
    nulls = sum(count for _, is_null, count in rows if is_null)
    empties = sum(count for flags, is_null, count in rows if not is_null and _is_empty(flags))
    return Census(
        feature_count=sum(count for *_, count in rows),
        null_geometry_limit=nulls,
        empty_geometry_limit=empties,
    )


def _is_empty(flags: object) -> bool:
    return isinstance(flags, bytes) and len(flags) == 1 and bool(flags[0] & _EMPTY_FLAG)


def _quoted(identifier: str) -> str:
    if re.search(r"[\x00]", identifier):
        raise _unsupported("A name in the GeoPackage holds the character U+0000.")
    return '"' + identifier.replace('"', '""') + '"'
