"""Several processes answer as one."""

import json
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shapely.geometry import Point

from tests.acceptance.hub import Hub
from tests.vectors import geojson

_MOST_CONNECTIONS = 300


def test_what_was_published_a_moment_ago_is_there_in_every_process(hub: Hub) -> None:
    listing = f"{hub.base_url}/api/ogc/features/collections?limit=1000"

    def look_before(connection: HTTPConnection) -> None:
        _fetch(connection, listing)

    def look_after(connection: HTTPConnection) -> None:
        collection = _fetch(connection, endpoints["features"])["id"]
        assert collection in {entry["id"] for entry in _fetch(connection, listing)["collections"]}
        assert _fetch(connection, endpoints["items"])["numberMatched"] == 1
        assert _fetch(connection, endpoints["tilejson"])["bounds"]
        assert _fetch(connection, endpoints["stac_item"])["type"] == "Feature"

    _in_both_processes(hub, look_before)  # now each may remember what there was
    endpoints = hub.publish("vector", hub.upload("a.geojson", geojson([Point(1, 2)])))["endpoints"]
    _in_both_processes(hub, look_after)


def _in_both_processes(hub: Hub, look: Callable[[HTTPConnection], None]) -> None:
    """Look over new connections until each process has had one: the operating system chooses."""
    address = urlsplit(hub.base_url)
    workers = _children(hub.stack.part("standalone").status().pid)
    assert len(workers) == 2
    seen = set[str]()
    for _ in range(_MOST_CONNECTIONS):
        with closing(HTTPConnection(str(address.hostname), address.port, timeout=30)) as connection:
            look(connection)
            seen.add(_process_behind(connection, among=workers))
        if seen == set(workers):
            return
    raise AssertionError(f"only {seen} of {workers} answered")


def _fetch(connection: HTTPConnection, url: str) -> Any:
    """JSON over this very connection: it stays with the process that took it."""
    parts = urlsplit(url)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, (url, content[:300])
    return json.loads(content)


def _children(pid: int | None) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _process_behind(connection: HTTPConnection, *, among: list[str]) -> str:
    """The process at the other end, by Linux's table of sockets (proc(5))."""
    client, server = connection.sock.getsockname(), connection.sock.getpeername()
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (inode,) = [
        row[9]
        for row in rows
        if row[1].endswith(f":{server[1]:04X}") and row[2].endswith(f":{client[1]:04X}")
    ]
    (holder,) = [pid for pid in among if f"socket:[{inode}]" in _open_files(pid)]
    return holder


def _open_files(pid: str) -> set[str]:
    return {str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir()}
