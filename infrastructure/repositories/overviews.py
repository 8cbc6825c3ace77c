"""The overview of a table with very many features, from which vector tiles of low zooms are made."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from infrastructure.queries import load

_SQL = load("overviews")
_CROWDED = 200_000  # a tile of more features takes a second or more when they are all looked at
_CELLS = 128  # on a side of a tile, as triggers/serving/tile_statements.py knows
_DEEPEST_ZOOM = 14
_SAMPLED = 50_000
_MOST_CHOSEN_SHARE = 0.75  # of all features at one zoom: where it would be more, to choose helps nobody


def build(
    connection: psycopg.Connection[Any],
    *,
    table: str,
    overview: str,
    srid: int,
    world: tuple[float, float],
    feature_count: int,
    crowded: int = _CROWDED,
) -> int:
    """Make `staging.<overview>` of `staging.<table>`, and answer the last zoom that it is for.

    Beyond that, tiles have at most about `crowded` features, or are few among many that have little. `world`
    is the width and the height of the tile of zoom 0, in units of the table's CRS. The overview is there
    whole when the caller's transaction ends, and replaces one of an earlier attempt.
    """
    parts = {
        "table": sql.Identifier(table),
        "overview": sql.Identifier(overview),
        "srid": sql.Literal(srid),
        "width": sql.Literal(world[0]),
        "height": sql.Literal(world[1]),
    }
    for step in ("prepare", "drop"):
        _run(connection, step, parts)
    last = _last_zoom(connection, parts, feature_count=feature_count, crowded=crowded)
    _run(connection, "create", parts, zoom=last, cells=_CELLS * 2**last)
    for zoom in range(last - 1, -1, -1):
        _run(connection, "add_coarser", parts, zoom=zoom, cells=_CELLS * 2**zoom)
    for zoom in range(last + 1):
        _run(connection, "index", parts, zoom=zoom)
    for step in ("analyse", "let_vacuum"):
        _run(connection, step, parts)
    return last


def _last_zoom(
    connection: psycopg.Connection[Any], parts: dict[str, Any], *, feature_count: int, crowded: int
) -> int:
    """The last zoom with crowded tiles that is worth it, as a sample of the features tells."""
    share = min(1.0, _SAMPLED / max(feature_count, 1))
    _run(connection, "sample", parts, percent=100 * share, tiles=2**_DEEPEST_ZOOM)
    for zoom in range(1, _DEEPEST_ZOOM + 1):
        asked = {"coarser": _DEEPEST_ZOOM - zoom, "most_chosen": _CELLS**2 * share}
        with connection.cursor(row_factory=tuple_row) as cursor:
            [(most, chosen_share)] = cursor.execute(_SQL["tiles"], asked).fetchall()
        if most <= crowded * share or chosen_share > _MOST_CHOSEN_SHARE:
            return zoom - 1
    return _DEEPEST_ZOOM


def _run(connection: psycopg.Connection[Any], step: str, parts: dict[str, Any], **numbers: float) -> None:
    literals = {name: sql.Literal(value) for name, value in numbers.items()}
    connection.execute(sql.SQL(_SQL[step]).format(**parts, **literals))
