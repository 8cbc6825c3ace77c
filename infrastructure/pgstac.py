"""STAC documents in pgSTAC, written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("pgstac")


class StacRepository:
    """Collections and items through pgSTAC's own functions, so that its partitions and indexes follow.

    These functions carry their search path with them: the session's, whatever it is, stays as it is.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def collection(self, collection_id: str) -> dict[str, Any] | None:
        """The stored collection document."""
        row = self._connection.execute(_SQL["get_collection"], {"id": collection_id}).fetchone()
        return row["content"] if row else None

    def upsert(self, *, collection: Mapping[str, Any], item: Mapping[str, Any]) -> None:
        """Write a collection and one item of it; both replace what has their ids."""
        self._connection.execute(_SQL["upsert_collection"], {"content": Jsonb(collection)})
        self._connection.execute(_SQL["upsert_item"], {"content": Jsonb(item)})
