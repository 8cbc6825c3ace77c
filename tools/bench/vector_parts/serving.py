"""Features and vector tiles a second, against tipg under uvicorn on the same table.

Both have as many processes, and are asked for the same pages and tiles, over as many connections, in turns.
What the platform does besides is in its time: the Functions host, the look-up of what is published, the sizes
of tiles, and the ASGI adapter. Each address is asked for once in a turn, in random order. The tiles are of
zooms at which both give all features: where tipg leaves some out, there is nothing to compare.
"""

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests

from tools.bench.measuring.bars import Bar
from tools.bench.measuring.engine_client import NotMeasured
from tools.bench.measuring.http_load import CONNECTIONS, requests_a_second, tiles_within
from tools.bench.measuring.uvicorn_app import UvicornApp
from tools.bench.measuring.workplace import Workplace
from tools.bench.vector_parts.files import points, polygons
from tools.bench.vector_parts.plain_tipg import plain_tipg

ROOT = Path(__file__).resolve().parents[3]
_LEAST = 0.9
_MOST_ADDRESSES = 400
_MOST_FEATURES = 200_000
_PAGE = 100
_WINDOW = 0.05  # of the extent's sides, of a page's bbox
_PATIENCE_SECONDS = 900
_ZOOMS = (13, 16)
_TABLE = """
SELECT collection_id, table_name, characteristics FROM platform.published_collections
WHERE identifiers ->> 'resource_id' = %s
"""


@dataclass(frozen=True, slots=True)
class Published:
    """A published table, here and at tipg."""

    ours: str
    plain: str
    bbox: tuple[float, float, float, float]


def measure(place: Workplace, options: argparse.Namespace) -> tuple[list[Bar], dict[str, Any]]:
    """The rates of both, and their ratios, as medians of the turns."""
    counts = {name: min(getattr(options, name), _MOST_FEATURES) for name in ("polygons", "points")}
    resources = {
        "polygons": _publish(
            place, polygons(place.directory / f"polygons_{counts['polygons']}.gpkg", count=counts["polygons"])
        ),
        "points": _publish(
            place, points(place.directory / f"points_{counts['points']}.gpkg", count=counts["points"])
        ),
    }
    tipg = plain_tipg(
        state=place.stack.state,
        root=ROOT,
        processes=options.processes,
        database_url=place.stack.database.urls().admin,
    )
    tipg.start()  # after the tables are there: it reads the catalogue at its start
    try:
        tipg.wait_ready()
        return _all(place, tipg, resources, options)
    finally:
        tipg.stop()


def _all(
    place: Workplace, tipg: UvicornApp, resources: dict[str, str], options: argparse.Namespace
) -> tuple[list[Bar], dict[str, Any]]:
    bars: list[Bar] = []
    details: dict[str, Any] = {}
    for name, resource in resources.items():
        found = _published(place, tipg, resource)
        for kind, rest in (("pages of features", _pages(found.bbox)), ("tiles", _tiles(found.bbox))):
            measured, details[f"{kind} of {name}"] = _compared(
                f"{kind} of {name}", found, rest, repeats=options.repeats
            )
            bars += measured
    return bars, details


def _publish(place: Workplace, source: Path) -> str:
    uri, resource = place.put(source), f"{source.stem}-{time.time_ns()}"
    body = {
        "dataset_id": "bench-serving",
        "resource_id": resource,
        "version_id": "v1",
        "request_type": "vector",
        "source_path": uri.removeprefix("azure://"),
        "processing_config": {},
    }
    place.publish(body, patience_seconds=_PATIENCE_SECONDS)
    place.delete(uri)
    return resource


def _published(place: Workplace, tipg: UvicornApp, resource: str) -> Published:
    with psycopg.connect(place.stack.database.urls().admin) as connection:
        row = connection.execute(_TABLE, [resource]).fetchone()
    if row is None:
        raise NotMeasured(f"{resource} is not published")
    collection, table, known = row
    return Published(
        ours=f"{place.stack.public_base_url}/api/ogc/features/collections/{collection}",
        plain=f"{tipg.base_url}/collections/geo.{table}",
        bbox=tuple(known["bbox"]),
    )


def _pages(bbox: Sequence[float]) -> list[str]:
    """Pages of small windows."""
    west, south, east, north = bbox
    width, height = (east - west) * _WINDOW, (north - south) * _WINDOW
    generator = random.Random(1)  # noqa: S311  # no secret
    corners = [
        (generator.uniform(west, east - width), generator.uniform(south, north - height))
        for _ in range(_MOST_ADDRESSES)
    ]
    return [f"items?limit={_PAGE}&bbox={x:.6f},{y:.6f},{x + width:.6f},{y + height:.6f}" for x, y in corners]


def _tiles(bbox: Sequence[float]) -> list[str]:
    tiles = tiles_within(bbox, zooms=_ZOOMS, most=_MOST_ADDRESSES)
    return [f"tiles/WebMercatorQuad/{z}/{x}/{y}" for z, x, y in tiles]


def _compared(
    name: str, found: Published, rest: Sequence[str], *, repeats: int
) -> tuple[list[Bar], dict[str, Any]]:
    _check_alike(found, rest[:20])
    rates: dict[str, list[float]] = {"plain": [], "ours": []}
    for turn in range(repeats + 1):
        for side, base in (("plain", found.plain), ("ours", found.ours)):
            # A tile without features is 204 here and empty there.
            rate = requests_a_second([f"{base}/{each}" for each in rest], accepted=(200, 204))
            if turn:  # the first one warms both up
                rates[side].append(rate)
    plain, ours = statistics.median(rates["plain"]), statistics.median(rates["ours"])
    ratio = statistics.median(a / b for a, b in zip(rates["ours"], rates["plain"], strict=True))
    bars = [
        Bar(f"{name}: tipg under uvicorn", plain, "/s"),
        Bar(f"{name}: platform", ours, "/s"),
        Bar(f"{name}: platform / tipg", ratio, least=_LEAST),
    ]
    return bars, {**rates, "addresses": len(rest), "connections": CONNECTIONS}


def _check_alike(found: Published, rest: Sequence[str]) -> None:
    """Both must have as much to tell; that it is right is for the tests.

    Raises:
        NotMeasured: one has nothing where the other has something, or leaves something out.
    """
    for each in rest:
        ours, plain = (requests.get(f"{base}/{each}", timeout=60) for base in (found.ours, found.plain))
        if bool(ours.content) != bool(plain.content) or "tile-reduction" in ours.headers:
            raise NotMeasured(f"{each}: {ours.status_code} here, {plain.status_code} at tipg")
        if "items" in each and ours.json()["numberMatched"] != plain.json()["numberMatched"]:
            raise NotMeasured(f"{each}: not as many features match here as at tipg")
