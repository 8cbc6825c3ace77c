"""STAC documents in pgSTAC, written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

    def replace(self, *, collection: Mapping[str, Any], items: Sequence[str]) -> None:
        """Write a collection with all of its items (JSON texts, at least one) in place of what it held."""
        self._connection.execute(_SQL["upsert_collection"], {"content": Jsonb(collection)})
        documents = f"[{','.join(items)}]"
        self._connection.execute(_SQL["replace_items"], {"id": collection["id"], "items": documents})

    def forget_collection(self, collection_id: str) -> None:
        """Remove a collection with its items, if it is there: an earlier revision may have been a mosaic."""
        self._connection.execute(_SQL["delete_collection"], {"id": collection_id})

    def forget_item(self, item_id: str, *, collection_id: str) -> None:
        """Remove an item, if it is there: an earlier revision of a mosaic may have been a single raster."""
        self._connection.execute(_SQL["delete_item"], {"id": item_id, "collection": collection_id})
