"""How data travel over HTTP: HEAD, ranges, validators."""

from pathlib import Path

import requests
from shapely.geometry import Point

from tests.acceptance.hub import Hub, problem
from tests.rasters import rgb
from tests.vectors import geojson


def test_a_download_is_had_in_parts_and_its_size_without_it(hub: Hub, tmp_path: Path) -> None:
    source_path = hub.upload("image.tif", rgb(tmp_path / "image.tif").read_bytes())
    url = hub.publish("raster", source_path)["endpoints"]["download"]
    whole = hub.get(url)
    size = len(whole.content)
    head = requests.head(url, timeout=10)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(size), b"")
    assert head.headers["Accept-Ranges"] == "bytes"
    ranges = {"0-15": slice(0, 16), "16-": slice(16, None), "-16": slice(-16, None)}
    for asked, expected in ranges.items():
        part = hub.get(url, headers={"Range": f"bytes={asked}"})
        first, last, _ = expected.indices(size)
        assert (part.status_code, part.content) == (206, whole.content[expected])
        assert part.headers["Content-Range"] == f"bytes {first}-{last - 1}/{size}"
    behind = hub.get(url, headers={"Range": f"bytes={size}-"})
    problem(behind, status=416, code="RANGE_NOT_SATISFIABLE")
    assert behind.headers["Content-Range"] == f"bytes */{size}"


def test_what_has_not_changed_is_not_sent_again(hub: Hub) -> None:
    endpoints = hub.publish("vector", hub.upload("a.geojson", geojson([Point(1, 2)])))["endpoints"]
    for name in ("items", "vector_tiles", "download"):
        url = endpoints[name].format(z=0, x=0, y=0)
        first = hub.get(url)
        again = hub.get(url, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b""), name
        head = requests.head(url, timeout=10)
        assert (head.status_code, head.content) == (200, b""), name
        assert head.headers["Content-Type"] == first.headers["Content-Type"]
