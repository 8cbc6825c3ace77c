"""STAC documents in pgSTAC, written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Connection

_SQL = load("pgstac")
# pgSTAC's generated columns and triggers call its own functions and PostGIS without naming schemas.
_SEARCH_PATH = "pgstac, public"


class StacRepository:
    """Collections and items through pgSTAC's own functions, so that its partitions and indexes follow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def collection(self, collection_id: str) -> dict[str, Any] | None:
        """The stored collection document."""
        row = self._connection.execute(_SQL["get_collection"], {"id": collection_id}).fetchone()
        return row["content"] if row else None

    def upsert(self, *, collection: Mapping[str, Any], item: Mapping[str, Any]) -> None:
        """Write a collection and one item of it; both replace what has their ids."""
        with self._search_path():
            self._connection.execute(_SQL["upsert_collection"], {"content": Jsonb(collection)})
            self._connection.execute(_SQL["upsert_item"], {"content": Jsonb(item)})

    @contextmanager
    def _search_path(self) -> Iterator[None]:
        """Within the transaction only, and only for the block.

        If the block fails, the transaction is lost, and the path with it.
        """
        row = self._connection.execute(_SQL["current_search_path"]).fetchone()
        self._set_search_path(_SEARCH_PATH)
        yield
        self._set_search_path(row["search_path"] if row else "public")

    def _set_search_path(self, search_path: str) -> None:
        self._connection.execute(_SQL["set_search_path"], {"search_path": search_path})
