"""Publishes tables of features as the Platform does: as collections of a dataset."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from infrastructure.repositories import generalised, overviews
from services.vector.overview import world_in
from tests.integration.serving.publications import publish, raise_version

Connection = psycopg.Connection[Any]


def publish_layer(
    connection: Connection,
    collection_id: str,
    *,
    rows: str,
    columns: Mapping[str, str] | None = None,
    geometry_type: str = "Geometry",
    srid: int = 4326,
    is_generalised: bool = False,
    crowded: int | None = None,
    ids: str = "position",
    source_names: Mapping[str, str] | None = None,
    revision: int = 1,
) -> None:
    """A dataset of one collection. `rows` is a SELECT of fid, the columns and a geometry in EPSG:4326.

    With an overview, of zooms at which a tile has more than `crowded` features, where that is given.
    """
    table = f"{collection_id}_r{revision}"
    facts = create_table(
        connection, table, rows=rows, columns=columns or {}, geometry_type=geometry_type, srid=srid
    )
    names = source_names or {}
    known = {
        **facts,
        "ids": ids,
        "columns": [
            {"name": name, "sql_type": kind, "source_name": names.get(name, name)}
            for name, kind in (columns or {}).items()
        ],
    }
    if is_generalised:
        with connection.transaction():
            generalised.build(connection, table=table, companion=f"{table}_g")
    if crowded is not None:
        with connection.transaction():
            known["overview_zoom"] = overviews.build(
                connection,
                table=table,
                overview=f"{table}_o",
                srid=srid,
                world=world_in(srid, facts["bbox"]),
                feature_count=facts["feature_count"],
                crowded=crowded,
            )
    request_id = publish(connection, collection_id, locations={}, characteristics=facts, revision=revision)
    companion = f"{table}_g" if is_generalised else None
    overview = None if crowded is None else f"{table}_o"
    for name in filter(None, (table, companion, overview)):
        move(connection, name)
    register(connection, request_id, [(collection_id, table, companion, known)], overview=overview)


def create_table(
    connection: Connection,
    table: str,
    *,
    rows: str,
    columns: Mapping[str, str],
    geometry_type: str,
    srid: int,
) -> dict[str, Any]:
    """`staging.<table>` as it is when it is ready to be published; its bounding box and number of rows."""
    definitions = sql.SQL("").join(
        sql.SQL("{} {}, ").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
    )
    name = sql.Identifier("staging", table)
    connection.execute(
        sql.SQL("CREATE TABLE {} (fid bigint PRIMARY KEY, {} geom geometry({}, {}))").format(
            name,
            definitions,
            sql.SQL(geometry_type),
            sql.Literal(srid),
        )
    )
    names = sql.SQL(", ").join(sql.Identifier(each) for each in ("fid", *columns))
    connection.execute(
        sql.SQL("INSERT INTO {} SELECT {}, ST_Transform(ST_SetSRID(geom, 4326), {}) FROM ({}) rows").format(
            name,
            names,
            sql.Literal(srid),
            sql.SQL(rows),
        )
    )
    connection.execute(sql.SQL("CREATE INDEX ON {} USING gist (geom)").format(name))
    connection.execute(sql.SQL("ANALYZE {}").format(name))
    found = connection.execute(
        sql.SQL(
            "SELECT n, ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b)"
            " FROM (SELECT count(*) AS n, ST_Extent(ST_Transform(geom, 4326)) AS b FROM {}) e"
        ).format(name)
    ).fetchone()
    assert found
    return {"feature_count": found[0], "bbox": None if None in found else list(found[1:])}


def register(
    connection: Connection,
    request_id: str,
    layers: Sequence[tuple[str, str, str | None, Mapping[str, Any]]],
    *,
    overview: str | None = None,
) -> None:
    """Rows of platform.collections: name, table, companion, characteristics; `overview` is of all of them."""
    for position, (name, table, companion, known) in enumerate(layers):
        connection.execute("DELETE FROM platform.collections WHERE collection_id = %s", (name,))
        connection.execute(
            "INSERT INTO platform.collections (collection_id, dataset_key, request_id, position, layer,"
            " title, table_name, generalised_name, characteristics, overview_name)"
            " SELECT %s, dataset_key, request_id, %s, %s, %s, %s, %s, %s, %s FROM platform.requests"
            " WHERE request_id = %s",
            (
                *(name, position, name, f"Title of {name}", table, companion, json.dumps(known)),
                *(overview, request_id),
            ),
        )
    raise_version(connection)


def move(connection: Connection, name: str) -> None:
    """From `staging` to `geo`, where readers may read it."""
    table = sql.Identifier(name)
    connection.execute(sql.SQL("ALTER TABLE staging.{} SET SCHEMA geo").format(table))
    connection.execute(sql.SQL("GRANT SELECT ON geo.{} TO geo_reader").format(table))
