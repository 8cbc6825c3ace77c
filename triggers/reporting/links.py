"""Addresses that people can follow: of the dataset, and of each of its collections or mosaics."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from geo_platform.models import ReportAnswer, StatusAnswer
from triggers.reporting import wording

Link = tuple[str, str]
"""What it is called, and its address."""

_OF_EACH = (
    *("map", "features", "items", "tilejson", "info", "preview", "legend", "mosaicjson", "download"),
    "tile_cache",
)


def dataset_links(report: ReportAnswer, status: StatusAnswer) -> Iterator[Link]:
    """Each address once. Of several collections none is picked out: see `collection_links`."""
    endpoints = status.endpoints or {}
    collections = _collections(status)
    of_each = {name for name in _OF_EACH if len(collections) > 1 and name in collections[0]}
    seen = set[str]()
    for name in sorted(endpoints, key=wording.endpoint_order):
        if name not in of_each and endpoints[name] not in seen:
            seen.add(endpoints[name])
            yield from _link(name, endpoints[name])
    yield from (("This report as JSON", f"{link.href}?f=json") for link in report.links if link.rel == "self")


def collection_links(status: StatusAnswer, *, count: int) -> list[tuple[Link, ...]]:
    """Those of each collection, in order; nothing unless there are `count` of them."""
    collections = _collections(status)
    if len(collections) != count:
        return [()] * count
    return [
        tuple(link for name in _OF_EACH if name in each for link in _link(name, str(each[name])))
        for each in collections
    ]


def _link(name: str, href: str) -> Iterator[Link]:
    """Templates are for programs, and other schemes are none of ours."""
    label = wording.endpoint(name)
    if label and "{" not in href and href.startswith(("https://", "http://")):
        yield label, href


def _collections(status: StatusAnswer) -> Sequence[Mapping[str, Any]]:
    known = status.data_characteristics or {}
    found: Sequence[Mapping[str, Any]] = known.get("collections") or known.get("mosaics") or ()
    return found
