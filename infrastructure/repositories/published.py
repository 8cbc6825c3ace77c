"""The published datasets, read for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from infrastructure.queries import load

if TYPE_CHECKING:
    from infrastructure.database import Database


@dataclass(frozen=True, slots=True)
class PublishedSummary:
    """A published dataset, or one of several mosaics of it: then `dataset` and `own_title` say which."""

    collection_id: str
    data_type: str
    identifiers: Mapping[str, str]
    published_at: datetime | None
    endpoints: Mapping[str, str] | None
    data_characteristics: Mapping[str, Any]
    own_title: str | None = None
    dataset: str = ""


class PublishedRepository:
    """Reads what is published at this moment."""

    _queries = load("published")

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, limit: int) -> Sequence[PublishedSummary]:
        """The most recently published datasets, newest first.

        Raises:
            Unavailable: (DB_UNAVAILABLE) the database does not answer.
        """
        with self._database.connection() as connection:
            rows = connection.execute(self._queries["latest"], {"limit": limit}).fetchall()
        return [PublishedSummary(**row) for row in rows]

    def find(self, collection_id: str) -> PublishedSummary | None:
        """The dataset or mosaic of this public name, if it is published.

        Raises:
            Unavailable: (DB_UNAVAILABLE) the database does not answer.
        """
        with self._database.connection() as connection:
            row = connection.execute(self._queries["find"], {"collection_id": collection_id}).fetchone()
        return PublishedSummary(**row) if row else None
