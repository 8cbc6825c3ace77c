"""TopoJSON: every object with geometries is a layer."""

import json
from pathlib import Path

from tests.corpus.vector.case import Table, accepted, case, refused

_ARCS = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], [[2, 2], [3, 3]]]


def topology(objects: dict[str, object], **members: object) -> bytes:
    return json.dumps({"type": "Topology", **members, "objects": objects, "arcs": _ARCS}).encode()


_LOTS = {
    "type": "GeometryCollection",
    "geometries": [{"type": "Polygon", "arcs": [[0]], "properties": {"name": "a"}}],
}
_ROADS = {
    "type": "GeometryCollection",
    "geometries": [{"type": "LineString", "arcs": [1], "properties": {"name": "b"}}],
}


@case("plain.topojson", accepted(Table("lots", 1, "MultiPolygon")))
def plain(path: Path) -> None:
    path.write_bytes(topology({"lots": _LOTS}))


@case("two_objects.json", accepted(Table("lots", 1, "MultiPolygon"), Table("roads", 1, "MultiLineString")))
def two_objects(path: Path) -> None:
    path.write_bytes(topology({"lots": _LOTS, "roads": _ROADS}))


@case("arc_of_nowhere.topojson", refused("GEOMETRY_UNREADABLE", "CONTENT_MISMATCH"))
def arc_of_nowhere(path: Path) -> None:
    lost = {"type": "GeometryCollection", "geometries": [{"type": "LineString", "arcs": [99]}]}
    path.write_bytes(topology({"roads": lost}))


@case("cut_off.topojson", refused("CONTENT_MISMATCH"))
def cut_off(path: Path) -> None:
    path.write_bytes(topology({"lots": _LOTS})[:-20])
