"""The published datasets: each request asks what is published at this moment, and what is not is not there.

All that is known of a revision never changes, and so is read once: what is asked for each time is the name of
the revision alone.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError

from core.errors import NotFound
from core.task_models.raster import Rendering
from infrastructure.queries import load

LOG = logging.getLogger(__name__)
_MOST_KEPT = 512
QUERIES = load("serving")
# JSONB keeps no order; these come first, the whole before its part.
_ORDER = ("dataset_id", "resource_id", "version_id")


def title_of(identifiers: Mapping[str, str]) -> str:
    """The identifiers of a dataset as one line."""
    names = [name for name in _ORDER if name in identifiers] + sorted(set(identifiers) - set(_ORDER))
    return " / ".join(str(identifiers[name]) for name in names)


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """A published dataset, or one of several mosaics of it.

    `request_id` names the revision: its data never change.
    """

    collection_id: str
    request_id: str
    data_type: str
    identifiers: Mapping[str, str]
    table_name: str | None
    blob_uri: str | None
    data_locations: Mapping[str, Any] = field(repr=False)
    data_characteristics: Mapping[str, Any] = field(repr=False)
    rendering: Rendering | None = field(repr=False)
    own_title: str | None = None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The dataset of a row of the queries `published_...`."""
        return cls(**row, rendering=_rendering(row["data_characteristics"]))

    @property
    def title(self) -> str:
        """The identifiers as people read them; that of one of several mosaics says which."""
        return self.own_title or title_of(self.identifiers) or self.collection_id

    @property
    def key(self) -> tuple[str, str]:
        """What never changes is kept under it: a revision may have several mosaics."""
        return self.request_id, self.collection_id

    @property
    def table(self) -> str | None:
        """The table's name within the schema `geo`."""
        return self.table_name.removeprefix("geo.") if self.table_name else None

    @property
    def mosaic_uri(self) -> str | None:
        """The MosaicJSON, if the dataset is a mosaic."""
        return self.data_locations.get("mosaic")

    @property
    def is_raster(self) -> bool:
        """Whether there are tiles of pixels."""
        return bool(self.blob_uri or self.mosaic_uri)

    @property
    def bbox(self) -> list[float] | None:
        """West, south, east, north in EPSG:4326, if the data have an extent."""
        bbox = self.data_characteristics.get("bbox")
        return [float(value) for value in bbox] if bbox else None


def _rendering(characteristics: Mapping[str, Any]) -> Rendering | None:
    """The default look; None for what is no raster, or was published before there were any."""
    found = characteristics.get("rendering")
    if found is None:
        return None
    try:
        return Rendering.model_validate(found)
    except ValidationError:
        LOG.warning("a rendering is not readable", extra={"action": "rendering_unreadable"})
        return None


class PublishedDatasets:
    """Looks datasets up on a connection pool of the reader role."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._kept: OrderedDict[tuple[str, str], PublishedDataset] = OrderedDict()

    async def get(self, collection_id: str) -> PublishedDataset:
        """The dataset or mosaic of this public name.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) nothing is published under it.
        """
        request_id = await self._pool.fetchval(QUERIES["current_request"], collection_id)
        if found := self._kept.get((request_id, collection_id)):
            self._kept.move_to_end(found.key)
            return found
        row = await self._pool.fetchrow(QUERIES["published_dataset"], collection_id)
        if row is None:
            raise _not_published(collection_id)
        return self._keep(PublishedDataset.of(row))

    async def of_blob(self, blob_uri: str) -> PublishedDataset | None:
        """The dataset that this blob (`azure://container/path`) is published for, or None."""
        row = await self._pool.fetchrow(QUERIES["published_blob"], blob_uri)
        return PublishedDataset.of(row) if row else None

    async def of_request(self, request_id: str) -> PublishedDataset | None:
        """The dataset whose current revision this request made, or None."""
        row = await self._pool.fetchrow(QUERIES["published_request"], request_id)
        return PublishedDataset.of(row) if row else None

    async def beside(self, dataset: PublishedDataset) -> list[PublishedDataset]:
        """The other mosaics of this dataset, if there are several."""
        rows = await self._pool.fetch(QUERIES["published_beside"], dataset.request_id)
        return [PublishedDataset.of(row) for row in rows]

    async def catalog_version(self) -> int:
        """A number that grows with every publication."""
        return int(await self._pool.fetchval(QUERIES["catalog_version"]))

    def _keep(self, dataset: PublishedDataset) -> PublishedDataset:
        self._kept[dataset.key] = dataset
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return dataset


def _not_published(name: str) -> NotFound:
    return NotFound(
        f"No dataset is published under the name '{name[:80]}'.",
        code="COLLECTION_NOT_FOUND",
        remedy="Take the name from the status of the request, or from the list of collections.",
    )
