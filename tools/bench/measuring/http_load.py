"""Requests a second over several connections, and the tiles to ask for."""

import math
import random
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tools.bench.measuring.engine_client import NotMeasured

CONNECTIONS = 8
_MOST_FAILED = 0.02  # the share of requests that may fail before nothing was measured


def requests_a_second(urls: Sequence[str], *, accepted: Collection[int] = (200,)) -> float:
    """How fast all of `urls`, of one host, are answered; each is asked for once, the last one first.

    Raises:
        NotMeasured: too many answers have another status than the accepted ones.
    """
    remaining, host = list(urls), urlsplit(urls[0]).netloc
    begin = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        failed = sum(pool.map(lambda _: _ask(host, remaining.pop, accepted), range(CONNECTIONS)))
    seconds = time.monotonic() - begin
    if failed > _MOST_FAILED * len(urls):
        raise NotMeasured(f"{failed} of {len(urls)} requests failed, such as {urls[0]}")
    return len(urls) / seconds


def _ask(host: str, following: Callable[[], str], accepted: Collection[int]) -> int:
    """Ask over one connection until there is nothing left; how many failed."""
    connection, failed = HTTPConnection(host, timeout=60), 0
    while True:
        try:
            url = following()
        except IndexError:
            connection.close()
            return failed
        connection.request("GET", url.partition(host)[2])
        answer = connection.getresponse()
        answer.read()
        failed += answer.status not in accepted


def tiles_within(
    bbox: Sequence[float], *, zooms: tuple[int, int], most: int
) -> tuple[tuple[int, int, int], ...]:
    """Tiles (z, x, y) within the bounds, the same ones each time, each zoom by its number of them."""
    west, south, east, north = bbox
    found = []
    for z in range(zooms[0], zooms[1] + 1):
        (left, top), (right, bottom) = _tile_at(west, north, z), _tile_at(east, south, z)
        found += [(z, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]
    generator = random.Random(1)  # noqa: S311  # no secret
    return tuple(generator.sample(found, min(most, len(found))))


def _tile_at(longitude: float, latitude: float, z: int) -> tuple[int, int]:
    """OGC Two Dimensional Tile Matrix Set, annex E (WebMercatorQuad)."""
    sine = math.sin(math.radians(latitude))
    x, y = (longitude + 180) / 360, 0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)
    return int(x * 2**z), int(y * 2**z)
