"""The STAC answer of a request: the documents of the catalogue job, checked and joined to the catalogue."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import ContractViolation
from geo_platform.plan_context import PlanContext

Document = Mapping[str, Any]
_WORLD_WEST, _WORLD_EAST = -180.0, 180.0


def documents(result: Document, context: PlanContext) -> tuple[Document, Document]:
    """The collection and the item that the last job of the chain wrote.

    Raises:
        ContractViolation: they are not the documents of this dataset.
    """
    collection, item = result.get("collection") or {}, result.get("item") or {}
    names = (collection.get("id"), item.get("collection"), item.get("id"))
    if names != (context.stac_collection, context.stac_collection, context.collection_id):
        raise ContractViolation(f"the catalogue job wrote documents of other names: {names}")
    return collection, item


def collection_of_items(result: Document, items: Sequence[str], context: PlanContext) -> Document:
    """The collection that the catalogue job wrote, after a look at its items (JSON texts).

    Raises:
        ContractViolation: they are not the documents of this dataset, or not all are there.
    """
    collection: Document = result.get("collection") or {}
    if collection.get("id") != context.stac_collection:
        raise ContractViolation(
            f"the catalogue job wrote a collection of another name: {collection.get('id')}"
        )
    if len(items) != result.get("item_count"):
        raise ContractViolation(f"{len(items)} STAC items of {result.get('item_count')} are there")
    ids = set[str]()
    for text in items:
        item = json.loads(text)
        if item.get("collection") != context.stac_collection or item.get("id") in ids:
            raise ContractViolation(
                f"the STAC item {item.get('id')} is of another collection, or there twice"
            )
        ids.add(item["id"])
    return collection


def extended(collection: Document, *, stored: Document | None, item: Document) -> dict[str, Any]:
    """The collection with an extent that holds the item and, if it is stored already, what it held before.

    Clients zoom to this extent (STAC 1.0.0, collection-spec, "Extent Object"); the first bbox and
    interval are the overall ones.
    """
    boxes = [item.get("bbox")]
    intervals = [_interval(item)]
    if stored:
        boxes += stored["extent"]["spatial"]["bbox"][:1]
        intervals += stored["extent"]["temporal"]["interval"][:1]
    known = [_flat(box) for box in boxes if box]
    if not known:
        return dict(collection)
    extent = {
        "spatial": {"bbox": [union(known)]},
        "temporal": {"interval": [[_earliest(intervals), _latest(intervals)]]},
    }
    return {**collection, "extent": extent}


def _interval(item: Document) -> Sequence[str | None]:
    properties = item.get("properties") or {}
    moment = properties.get("datetime")
    return (
        properties.get("start_datetime") or moment,
        properties.get("end_datetime") or moment,
    )


def _earliest(intervals: Sequence[Sequence[str | None]]) -> str | None:
    """None is an open end. All times are UTC in one notation, so that their text sorts as they do."""
    starts = [interval[0] for interval in intervals]
    return None if None in starts else min(start for start in starts if start)


def _latest(intervals: Sequence[Sequence[str | None]]) -> str | None:
    ends = [interval[1] for interval in intervals]
    return None if None in ends else max(end for end in ends if end)


def _flat(box: Sequence[float]) -> Sequence[float]:
    """West, south, east, north of a box that may have heights."""
    return (box[0], box[1], box[3], box[4]) if len(box) == 6 else box


def union(boxes: Sequence[Sequence[float]]) -> list[float]:
    """The box around all; the whole circle if one of several crosses the antimeridian (west > east)."""
    if len({tuple(box) for box in boxes}) == 1:
        return list(boxes[0])
    crosses = any(box[0] > box[2] for box in boxes)
    return [
        _WORLD_WEST if crosses else min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        _WORLD_EAST if crosses else max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    ]
