"""The published datasets, read anew for each request: what is not published at this moment is not there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import NotFound
from infrastructure.queries import load

QUERIES = load("serving")
# JSONB keeps no order; these come first, the whole before its part.
_ORDER = ("dataset_id", "resource_id", "version_id")


def title_of(identifiers: Mapping[str, str]) -> str:
    """The identifiers of a dataset as one line."""
    names = [name for name in _ORDER if name in identifiers] + sorted(set(identifiers) - set(_ORDER))
    return " / ".join(str(identifiers[name]) for name in names)


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """One row of `platform.published_datasets`. `request_id` names the revision: its data never change."""

    collection_id: str
    request_id: str
    data_type: str
    identifiers: Mapping[str, str]
    table_name: str | None
    blob_uri: str | None
    data_characteristics: Mapping[str, Any] = field(repr=False)

    @property
    def title(self) -> str:
        """The identifiers as people read them."""
        return title_of(self.identifiers) or self.collection_id

    @property
    def table(self) -> str | None:
        """The table's name within the schema `geo`."""
        return self.table_name.removeprefix("geo.") if self.table_name else None

    @property
    def bbox(self) -> list[float] | None:
        """West, south, east, north in EPSG:4326, if the data have an extent."""
        bbox = self.data_characteristics.get("bbox")
        return [float(value) for value in bbox] if bbox else None


class PublishedDatasets:
    """Looks datasets up on a connection pool of the reader role."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def get(self, collection_id: str) -> PublishedDataset:
        """The dataset of this public name.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) nothing is published under it.
        """
        return await self._one("published_dataset", collection_id, code="COLLECTION_NOT_FOUND")

    async def of_blob(self, blob_uri: str) -> PublishedDataset | None:
        """The dataset that this blob (`azure://container/path`) is published for, or None."""
        row = await self._pool.fetchrow(QUERIES["published_blob"], blob_uri)
        return PublishedDataset(**row) if row else None

    async def of_request(self, request_id: str) -> PublishedDataset | None:
        """The dataset whose current revision this request made, or None."""
        row = await self._pool.fetchrow(QUERIES["published_request"], request_id)
        return PublishedDataset(**row) if row else None

    async def tables(self) -> list[PublishedDataset]:
        """All datasets that are tables, by name."""
        return [PublishedDataset(**row) for row in await self._pool.fetch(QUERIES["published_tables"])]

    async def catalog_version(self) -> int:
        """A number that grows with every publication."""
        return int(await self._pool.fetchval(QUERIES["catalog_version"]))

    async def _one(self, query: str, key: str, *, code: str) -> PublishedDataset:
        row = await self._pool.fetchrow(QUERIES[query], key)
        if row is None:
            raise NotFound(
                f"No dataset is published under the name '{key[:80]}'.",
                code=code,
                remedy="Take the name from the status of the request, or from the list of collections.",
            )
        return PublishedDataset(**row)
