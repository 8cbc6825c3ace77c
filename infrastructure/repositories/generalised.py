"""The companion of a table with huge geometries, from which vector tiles are made."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from infrastructure.queries import load

_SQL = load("generalised")
_WIDTH = 40_075_016.68557849  # of Web Mercator, in metres
# The last zoom of each band, the finest first, and what clients of tiles are told by
# triggers/serving/tile_statements.py. The first one has the true shapes.
_BANDS = (30, 11, 8, 5, 2)
_TOLERANCE = 2 / 4096  # of a tile's width at the last zoom of a band: a quarter of a pixel
_PIECE_VERTICES = 256


def build(connection: psycopg.Connection[Any], *, table: str, companion: str) -> None:
    """Make `staging.<companion>` of the geometries of `staging.<table>` that have more vertices than a piece.

    It is there whole when the caller's transaction ends, and replaces one of an earlier attempt. It is in Web
    Mercator, whatever the table is in.
    """
    names = {"table": sql.Identifier(table), "companion": sql.Identifier(companion)}
    for step in ("drop", "create"):
        _run(connection, step, names)
    _run(connection, "place", names, vertices=_PIECE_VERTICES)
    for band in _BANDS:
        if band != _BANDS[0]:
            _run(connection, "simplify", names, tolerance=_WIDTH / 2**band * _TOLERANCE)
        _run(connection, "add_shapes", names, band=band, piece_vertices=_PIECE_VERTICES)
        _run(connection, "index_band", {**names, "band": sql.Literal(band)})
    for step in ("index_fid", "analyse", "let_vacuum"):
        _run(connection, step, {**names, "band": sql.Literal(_BANDS[-1])})


def _run(connection: psycopg.Connection[Any], step: str, names: dict[str, Any], **values: float) -> None:
    connection.execute(sql.SQL(_SQL[step]).format(**names), values or None)
