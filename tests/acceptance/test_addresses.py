"""Every address that we tell answers: of published data, and of the API's own description."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import Point

from tests.acceptance.hub import Hub
from tests.rasters import rgb
from tests.vectors import geojson

_TEMPLATES = {"z": "0", "x": "0", "y": "0", "tileMatrixSetId": "WebMercatorQuad", "format": "png"}


@pytest.fixture(scope="module")
def published(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The status of one vector dataset, one raster, and one mosaic."""
    image: Path = rgb(tmp_path_factory.mktemp("rasters") / "image.tif")
    mosaic = hub.publish("large_raster", hub.upload("image.tif", image.read_bytes()))
    return {
        "vector": hub.publish("vector", hub.upload("places.geojson", geojson([Point(12.5, 41.9)]))),
        "raster": hub.publish("raster", hub.upload("image.tif", image.read_bytes())),
        "mosaic": {**mosaic, "part_name": _first_part(hub, mosaic)},
    }


def _first_part(hub: Hub, mosaic: dict[str, Any]) -> str:
    """The name of a part, as its address in the MosaicJSON ends in it."""
    tiles: dict[str, list[str]] = hub.get(mosaic["endpoints"]["mosaicjson"]).json()["tiles"]
    return next(iter(tiles.values()))[0].rpartition("/")[2].removesuffix(".tif")


def _urls(document: Any) -> Iterator[str]:
    """All that look like one; links by POST are left out."""
    if isinstance(document, dict) and document.get("method", "GET") == "GET":
        for value in document.values():
            yield from _urls(value)
    elif isinstance(document, list):
        for value in document:
            yield from _urls(value)
    elif isinstance(document, str) and document.startswith("http"):
        yield document


def _ours(hub: Hub, document: Any, status: dict[str, Any]) -> set[str]:
    """The addresses of this platform; others are names of standards, which need not answer."""
    return {_filled(url, status) for url in _urls(document) if url.startswith(hub.base_url)}


def _filled(url: str, status: dict[str, Any]) -> str:
    west, south, east, north = status["data_characteristics"]["bbox"]
    place = {**_TEMPLATES, "lon": str((west + east) / 2), "lat": str((south + north) / 2)}
    place["name"] = status.get("part_name", "")
    return re.sub(r"{(\w+)}", lambda found: place[found[1]], url)


@pytest.mark.parametrize("data_type", ["vector", "raster", "mosaic"])
def test_every_url_of_an_answer_answers_and_so_do_those_behind_it(
    hub: Hub, published: dict[str, dict[str, Any]], data_type: str
) -> None:
    status = published[data_type]
    assert all(url.startswith(hub.base_url) for url in status["endpoints"].values())
    todo, seen = _ours(hub, status, status), set[str]()
    assert len(todo) > 8
    for _ in range(2):
        found = set[str]()
        for url in sorted(todo - seen):
            answer = hub.get(url)
            assert answer.status_code == 200, (url, answer.text[:300])
            if "json" in answer.headers["Content-Type"]:
                found |= _ours(hub, answer.json(), status)
        seen |= todo
        todo = found


def test_every_described_operation_without_path_parameters_answers(
    hub: Hub, published: dict[str, dict[str, Any]]
) -> None:
    raster = published["raster"]["endpoints"]["map"].partition("dataset=")[2]
    paths = hub.get(f"{hub.base_url}/api/openapi.json").json()["paths"]
    asked = [path for path, methods in paths.items() if "get" in methods and "{" not in path]
    assert len(asked) > 20
    undescribed = {}
    for path in asked:
        names = {parameter["name"] for parameter in paths[path]["get"]["parameters"]}
        answer = hub.get(f"{hub.base_url}{path}", params={"dataset": raster} if "dataset" in names else {})
        assert answer.status_code == 200, (path, answer.text[:300])
        media_type = answer.headers["Content-Type"].split(";")[0]
        described = paths[path]["get"]["responses"]["200"]["content"]
        if not any(fnmatchcase(media_type, pattern) for pattern in described):
            undescribed[path] = media_type
    assert undescribed == {}


@pytest.mark.parametrize("data_type", ["vector", "raster"])
def test_both_spellings_of_the_platform_paths_answer_alike(
    hub: Hub, published: dict[str, dict[str, Any]], data_type: str
) -> None:
    request_id = published[data_type]["request_id"]
    for path in (f"status/{request_id}", "status?status=completed", f"data/{request_id}/download"):
        short, long = (hub.get(f"{hub.base_url}{prefix}/platform/{path}") for prefix in ("", "/api"))
        assert (short.status_code, short.content) == (200, long.content), path
    assert hub.get(f"{hub.base_url}/api/status/{request_id}").json()["request_id"] == request_id
    body = hub.body("vector", hub.upload("places.geojson", geojson([Point(1, 2)])))
    first = hub.submit(body)
    again = hub.submit(body, prefix="/api")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["request_id"] == first.json()["request_id"]
