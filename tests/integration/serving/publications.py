"""Puts datasets into the state that the Platform's publication leaves, by the application's own role."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

SQUARES = (
    ("Nord", 4, True, "POLYGON((10 50, 10 51, 11 51, 11 50, 10 50))"),
    ("Süd", 7, False, "POLYGON((10 -51, 11 -51, 11 -50, 10 -50, 10 -51))"),
    ("O'Hare; --", None, None, "POLYGON((-88 41, -87 41, -87 42, -88 42, -88 41))"),
)


def create_squares(
    connection: psycopg.Connection[Any], table: str, *, count: int = 0, srid: int = 4326
) -> None:
    """`geo.<table>`: three named squares, and `count` small ones around (20, 20)."""
    name = sql.Identifier("geo", table)
    connection.execute(
        sql.SQL(
            "CREATE TABLE {} (fid bigint PRIMARY KEY, name text, population bigint, is_land boolean,"
            " seen timestamptz DEFAULT '2024-05-01T12:00:00Z', geom geometry(Polygon, {}))"
        ).format(name, sql.Literal(srid))
    )
    insert = sql.SQL(
        "INSERT INTO {} VALUES (%s, %s, %s, %s, DEFAULT, ST_Transform(ST_GeomFromText(%s, 4326), {}))"
    )
    for fid, row in enumerate(SQUARES, start=1):
        connection.execute(insert.format(name, sql.Literal(srid)), (fid, *row))
    connection.execute(
        sql.SQL(
            "INSERT INTO {} (fid, name, population, is_land, geom)"
            " SELECT 3 + n, 'square ' || n, n, true, ST_Transform("
            "ST_Expand(ST_SetSRID(ST_Point(20 + n * 0.001, 20), 4326), 0.0004), {}) FROM"
            " generate_series(1, {}) n"
        ).format(name, sql.Literal(srid), sql.Literal(count))
    )
    connection.execute(sql.SQL("GRANT SELECT ON {} TO geo_reader").format(name))


def publish(
    connection: psycopg.Connection[Any],
    collection_id: str,
    *,
    locations: Mapping[str, Any],
    characteristics: Mapping[str, Any],
    data_type: str = "vector",
    revision: int = 1,
    status: str = "ready",
) -> str:
    """Register `collection_id` at this revision, raise the catalogue's version; the request's id."""
    key = hashlib.sha256(collection_id.encode()).hexdigest()
    request_id = hashlib.sha256(f"{key}:{revision}".encode()).hexdigest()[:32]
    identifiers = {"dataset_id": collection_id, "resource_id": "r", "version_id": f"v{revision}"}
    connection.execute(
        "INSERT INTO app.datasets (dataset_key, namespace, identifiers, collection_id, data_type, status,"
        " revision, published_revision, data_locations, data_characteristics, completed_at)"
        " VALUES (%(key)s, 'ddh', %(ids)s, %(cid)s, %(type)s, %(status)s, %(rev)s, %(rev)s, %(loc)s,"
        " %(chars)s, now())"
        " ON CONFLICT (dataset_key) DO UPDATE SET revision = %(rev)s, published_revision = %(rev)s,"
        " data_locations = %(loc)s, data_characteristics = %(chars)s, status = %(status)s,"
        " completed_at = now()",
        {
            "key": key,
            "ids": json.dumps(identifiers),
            "cid": collection_id,
            "type": data_type,
            "status": status,
            "rev": revision,
            "loc": json.dumps(dict(locations)),
            "chars": json.dumps(dict(characteristics)),
        },
    )
    insert_request(connection, key, request_id=request_id, revision=revision, status="completed")
    raise_version(connection)
    return request_id


def publish_beside(
    connection: psycopg.Connection[Any],
    collection_id: str,
    request_id: str,
    *,
    position: int,
    locations: Mapping[str, Any],
    characteristics: Mapping[str, Any],
) -> None:
    """Register a further mosaic of the dataset that the request has published."""
    connection.execute(
        "INSERT INTO platform.mosaics (collection_id, dataset_key, request_id, position, title, locations,"
        " characteristics, endpoints) SELECT %s, dataset_key, request_id, %s, %s, %s, %s, %s"
        " FROM platform.requests WHERE request_id = %s",
        (
            collection_id,
            position,
            f"title of {collection_id}",
            json.dumps(dict(locations)),
            json.dumps(dict(characteristics)),
            json.dumps({"tilejson": f"https://maps.example.org/{collection_id}/tilejson.json"}),
            request_id,
        ),
    )


def insert_request(
    connection: psycopg.Connection[Any], dataset_key: str, *, request_id: str, revision: int, status: str
) -> None:
    """A row of platform.requests."""
    done = status in {"completed", "failed"}
    connection.execute(
        "INSERT INTO platform.requests (request_id, dataset_key, revision, client_id, request_type,"
        " source_path, original_request, fingerprint, status, completed_at)"
        " VALUES (%s, %s, %s, 'ddh_v1', 'vector', 'bronze/x.gpkg', '{}', 'f', %s,"
        " CASE WHEN %s THEN now() END)",
        (request_id, dataset_key, revision, status, done),
    )


def publish_squares(
    connection: psycopg.Connection[Any], collection_id: str, *, count: int = 0, srid: int = 4326
) -> str:
    """A published vector dataset of squares."""
    create_squares(connection, collection_id, count=count, srid=srid)
    return publish(
        connection,
        collection_id,
        locations={"table": f"geo.{collection_id}"},
        characteristics={"bbox": [-88, -51, 20.1, 51], "feature_count": 3 + count},
    )


def unpublish(connection: psycopg.Connection[Any], collection_id: str) -> None:
    """What deleting a dataset leaves: no row in the view, no table."""
    connection.execute(
        "UPDATE app.datasets SET status = 'deleted' WHERE collection_id = %s", (collection_id,)
    )
    connection.execute(sql.SQL("DROP TABLE geo.{}").format(sql.Identifier(collection_id)))
    raise_version(connection)


def raise_version(connection: psycopg.Connection[Any]) -> None:
    """What every publication does."""
    connection.execute("UPDATE platform.catalog_version SET version = version + 1")
