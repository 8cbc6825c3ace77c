"""TopoJSON: every object is a layer, and nothing of it is lost."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import shapely

from services.vector import topojson
from tests.unit.vector.conftest import Read, ReadLayer, Refusal

# Two squares side by side: arc 0 is their common edge.
ARCS = [[[1, 0], [1, 1]], [[1, 1], [0, 1], [0, 0], [1, 0]], [[1, 0], [2, 0], [2, 1], [1, 1]]]
LEFT, RIGHT = {"type": "Polygon", "arcs": [[0, 1]]}, {"type": "Polygon", "arcs": [[2, -1]]}


def topology(arcs: Any = ARCS, **objects: Any) -> bytes:
    return json.dumps({"type": "Topology", "objects": objects, "arcs": arcs}).encode()


def collection(*geometries: Any) -> dict[str, Any]:
    return {"type": "GeometryCollection", "geometries": list(geometries)}


def test_neighbours_share_their_edge(read: Read) -> None:
    members = LEFT | {"properties": {"name": "left"}, "id": "l"}, RIGHT | {"properties": {"name": "right"}}
    found = read("a.topojson", topology(squares=collection(*members)))

    assert (found.name, found.crs, found.column("name")) == ("squares", "EPSG:4326", ["left", "right"])
    assert [shapely.from_wkb(wkb).wkt for wkb in found.geometries] == [
        "POLYGON ((1 0, 1 1, 0 1, 0 0, 1 0))",
        "POLYGON ((1 0, 2 0, 2 1, 1 1, 1 0))",
    ]


def test_quantised_positions_are_walked(read: Read) -> None:
    document = json.loads(topology([[[10, 20], [1, 2], [-1, 0]]], line={"type": "LineString", "arcs": [0]}))
    document["transform"] = {"scale": [0.5, 2], "translate": [100, -50]}
    found = read("a.topojson", json.dumps(document).encode())

    assert shapely.from_wkb(found.geometries[0]).wkt == "LINESTRING (105 -10, 105.5 -6, 105 -6)"


def test_every_type_of_geometry(read: Read) -> None:
    geometries: list[dict[str, Any]] = [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "MultiPoint", "coordinates": [[1, 2], [3, 4]]},
        {"type": "LineString", "arcs": [0]},
        {"type": "MultiLineString", "arcs": [[0], [1, 2]]},
        {"type": "MultiPolygon", "arcs": [[[0, 1]], [[2, -1]]]},
        collection(LEFT, {"type": "Point", "coordinates": [1, 2]}),
        {"type": None, "properties": {"a": 1}},
    ]
    found = read("a.topojson", topology(all=collection(*geometries)))

    names = [None if wkb is None else shapely.from_wkb(wkb).geom_type for wkb in found.geometries]
    assert names == [each["type"] for each in geometries]


def test_every_object_is_a_layer(read_all: Callable[..., list[ReadLayer]]) -> None:
    content = topology(a=collection(LEFT, RIGHT), b=LEFT)

    assert [(each.name, each.rows.num_rows) for each in read_all("a.topojson", content)] == [
        ("a", 2),
        ("b", 1),
    ]


def test_one_object_by_its_name(read: Read, refusal: Refusal) -> None:
    assert read("a.topojson", topology(a=collection(LEFT, RIGHT), b=LEFT), layers=["b"]).name == "b"


def test_an_unknown_object(refusal: Refusal) -> None:
    assert refusal("a.topojson", topology(a=LEFT), layers=["b"]).context["layers"] == ["a"]


@pytest.mark.parametrize(
    "value",
    [
        {"type": "Polygon", "arcs": [[0, 99]]},
        {"type": "Polygon", "arcs": [["x"]]},
        {"type": "Circle", "arcs": []},
        {"type": "Point"},
        {"arcs": []},
        [1],
        collection(*[5]),
    ],
)
def test_a_geometry_that_cannot_be_put_together(refusal: Refusal, value: Any) -> None:
    assert refusal("a.topojson", topology(a=value)).code == "GEOMETRY_UNREADABLE"


@pytest.mark.parametrize(
    "content",
    [
        topology(a=LEFT)[:-1],
        b'{"type": "Topology"}',
        topology(),
        topology(5, a=LEFT),
        topology([[1]], a=LEFT),
    ],
)
def test_what_is_no_topology(refusal: Refusal, content: bytes) -> None:
    assert refusal("a.topojson", content).code in ("CONTENT_MISMATCH", "GEOMETRY_UNREADABLE")


def test_collections_nested_without_end(refusal: Refusal) -> None:
    deep = b'{"type": "GeometryCollection", "geometries": [' * 200_000 + b"]}" * 200_000

    assert refusal("a.topojson", topology(a=5).replace(b"5", deep)).code == "GEOMETRY_UNREADABLE"


def test_a_topology_that_is_too_large(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topojson, "MAX_BYTES", 100)

    assert refusal("a.topojson", topology(a=LEFT)).code == "SOURCE_TOO_LARGE"
