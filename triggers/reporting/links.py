"""Addresses that people can follow: of the dataset, and of each of its collections."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from geo_platform.models import ReportAnswer, StatusAnswer
from triggers.reporting import wording

Link = tuple[str, str]
"""What it is called, and its address."""

_OF_COLLECTION = ("features", "items", "tilejson")


def dataset_links(report: ReportAnswer, status: StatusAnswer) -> Iterator[Link]:
    """Each address once. Of several collections none is picked out: see `collection_links`."""
    endpoints = status.endpoints or {}
    several = len(_collections(status)) > 1
    seen = set[str]()
    for name in sorted(endpoints, key=wording.endpoint_order):
        if not (several and name in _OF_COLLECTION) and endpoints[name] not in seen:
            seen.add(endpoints[name])
            yield from _link(name, endpoints[name])
    yield from (("This report as JSON", f"{link.href}?f=json") for link in report.links if link.rel == "self")


def collection_links(status: StatusAnswer, *, count: int) -> list[tuple[Link, ...]]:
    """Those of each collection, in order; nothing unless there are `count` of them."""
    collections = _collections(status)
    if len(collections) != count:
        return [()] * count
    return [
        tuple(link for name in _OF_COLLECTION if name in each for link in _link(name, str(each[name])))
        for each in collections
    ]


def _link(name: str, href: str) -> Iterator[Link]:
    """Templates are for programs, and other schemes are none of ours."""
    label = wording.endpoint(name)
    if label and "{" not in href and href.startswith(("https://", "http://")):
        yield label, href


def _collections(status: StatusAnswer) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = (status.data_characteristics or {}).get("collections") or ()
    return found
