"""The published collections of features: each request asks what is published at this moment.

A vector dataset is one collection for each of its tables; see `platform.published_collections`. As with
datasets, all that is known of a revision never changes and is read once.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from core.errors import NotFound
from triggers.serving.datasets import QUERIES

_MOST_KEPT = 512


@dataclass(frozen=True, slots=True)
class PublishedLayer:
    """One row of `platform.published_collections`. `request_id` names the revision: its data never change.

    Attributes:
        table: within the schema `geo`, as are `generalised`, the companion for tiles of huge geometries, and
            `overview`, which has the features that are seen at zooms up to `overview_zoom`.
        source_names: what the source calls the columns, by their names in the table.
        row_count: None of what was published before it was counted.
    """

    collection_id: str
    request_id: str
    title: str
    table: str
    generalised: str | None
    overview: str | None
    overview_zoom: int
    bbox: tuple[float, float, float, float] | None
    row_count: int | None
    has_own_ids: bool
    source_names: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, row: Any) -> Self:
        """The layer of a row of the queries `published_layer` and `published_layers`."""
        known: Mapping[str, Any] = row["characteristics"]
        bbox = known.get("bbox")
        return cls(
            collection_id=row["collection_id"],
            request_id=row["request_id"],
            title=row["title"] or row["collection_id"],
            table=row["table_name"].removeprefix("geo."),
            generalised=row["generalised_name"],
            overview=row["overview_name"],
            overview_zoom=known.get("overview_zoom") or 0,
            bbox=tuple(map(float, bbox)) if bbox else None,  # type: ignore[arg-type]
            row_count=known.get("feature_count"),
            has_own_ids=known.get("ids") == "column",
            source_names={column["name"]: column["source_name"] for column in known.get("columns") or ()},
        )


class PublishedLayers:
    """Looks collections up on a connection pool of the reader role."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._kept: OrderedDict[tuple[str, str], PublishedLayer] = OrderedDict()

    async def get(self, collection_id: str) -> PublishedLayer:
        """The collection of this public name.

        Raises:
            NotFound: (COLLECTION_NOT_FOUND) no table is published under it.
        """
        request_id = await self._pool.fetchval(QUERIES["current_layer_request"], collection_id)
        if found := self._kept.get((collection_id, request_id)):
            self._kept.move_to_end((collection_id, request_id))
            return found
        row = await self._pool.fetchrow(QUERIES["published_layer"], collection_id)
        if row is None:
            raise await self._not_found(collection_id)
        return self._keep(PublishedLayer.of(row))

    async def all(self) -> list[PublishedLayer]:
        """All collections, by name."""
        return [PublishedLayer.of(row) for row in await self._pool.fetch(QUERIES["published_layers"])]

    def _keep(self, layer: PublishedLayer) -> PublishedLayer:
        self._kept[layer.collection_id, layer.request_id] = layer
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return layer

    async def _not_found(self, name: str) -> NotFound:
        """What is there instead: a raster, several layers, or nothing."""
        found = await self._pool.fetchrow(QUERIES["what_else_is_published"], name)
        if found is None:
            message = f"No dataset is published under the name '{name[:80]}'."
            remedy = "Take the name from the status of the request, or from the list of collections."
        elif layers := list(found["layers"] or ()):
            message = f"The dataset '{name[:80]}' has several collections."
            remedy = f"Ask for one of them: {', '.join(layers[:20])}."
        else:
            message = f"The dataset '{name[:80]}' has no features."
            remedy = "Raster datasets are served under /api/cog."
        return NotFound(message, code="COLLECTION_NOT_FOUND", remedy=remedy)
