"""A file of the corpus after its way through the platform, and what the database says of its tables."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from tests.acceptance.hub import Hub
from tests.corpus.vector import Case


@dataclass(frozen=True, slots=True)
class Row:
    """A feature as the database holds it. `geometry` is WKB in the table's CRS, `degrees` in EPSG:4326."""

    geometry: bytes | None
    degrees: bytes | None
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that has ended: its last status and its report."""

    case: Case
    status: dict[str, Any]
    report: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.status["error"]
        return error

    @property
    def tables(self) -> list[dict[str, Any]]:
        """Of a published file, the tables as the report describes them."""
        tables: list[dict[str, Any]] = self.report["processing"]["tables"]
        return tables

    @property
    def collections(self) -> list[dict[str, Any]]:
        """Where they are served, in the same order."""
        collections: list[dict[str, Any]] = self.status["data_characteristics"]["collections"]
        return collections

    @property
    def notes(self) -> dict[str, list[dict[str, Any]]]:
        """What the formats of the exports forced on the data, by format."""
        exports = self.report["derived"]["export_vector"]["exports"]
        return {export["format"]: export["notes"] for export in exports}

    def rows(self, hub: Hub, collection_id: str) -> dict[int, Row]:
        """The features of a collection by their ids."""
        with psycopg.connect(hub.stack.database.urls().admin, row_factory=dict_row) as connection:
            found = connection.execute(
                "SELECT table_name FROM platform.published_collections WHERE collection_id = %s",
                (collection_id,),
            ).fetchone()
            assert found is not None, collection_id
            statement = sql.SQL(
                "SELECT t.*, ST_AsBinary(geom) AS geom, ST_AsBinary(ST_Transform(geom, 4326)) AS __degrees"
                " FROM geo.{} AS t"
            ).format(sql.Identifier(found["table_name"]))
            rows = connection.execute(statement).fetchall()
        return {row.pop("fid"): Row(row.pop("geom"), row.pop("__degrees"), row) for row in rows}
