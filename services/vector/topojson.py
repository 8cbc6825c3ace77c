"""TopoJSON: its arcs are put together here, and what comes out is read as GeoJSON.

GDAL's own driver leaves out objects without a geometry, and has no ids. Every object of the topology is a
layer. Source: the TopoJSON specification 1.0.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import geojsonseq
from services.vector.json_scan import JsonScan
from services.vector.layers import choose_layers
from services.vector.source import SourceLayer

MAX_BYTES = 128 * 2**20  # it is held in memory whole, several times its size
_Position = Sequence[float]
# How deep the arcs of a type are nested: below a list of positions.
_ARC_LEVELS = {"LineString": 0, "MultiLineString": 1, "Polygon": 1, "MultiPolygon": 2}
_MAX_NESTING = 32


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:  # noqa: ARG001
    """The objects of the topology, or those wanted.

    Raises:
        PermanentTaskError: SOURCE_TOO_LARGE, CONTENT_MISMATCH, GEOMETRY_UNREADABLE, ENCODING_ERROR,
            CRS_UNKNOWN, LAYER_NOT_FOUND or LAYER_LIMIT.
    """
    _check_text(path)
    document = _document(path)
    topology, objects = _Topology.of(document), document["objects"]
    return tuple(
        _layer(path, number, each, topology=topology, value=objects[each])
        for number, each in enumerate(choose_layers(list(objects), reading.layers))
    )


def _layer(path: Path, number: int, name: str, *, topology: "_Topology", value: Any) -> SourceLayer:
    """One object, written as a sequence of features beside the source."""
    target = path.with_name(f"object{number}.geojsonl")
    try:
        with target.open("x", encoding="utf-8") as file:
            for feature in _features(topology, value):
                file.write(json.dumps(feature, ensure_ascii=False, allow_nan=False) + "\n")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as exc:
        raise PermanentTaskError(
            f"The object {name!r} holds a geometry that cannot be put together.",
            code="GEOMETRY_UNREADABLE",
            remedy="Repair or re-export the topology.",
            context={"layer": name},
        ) from exc
    (layer,) = geojsonseq.admit(target, name=name, reading=VectorReading())
    return replace(layer, format=VectorFormat.TOPOJSON)


def _check_text(path: Path) -> None:
    if path.stat().st_size > MAX_BYTES:
        raise PermanentTaskError(
            f"The topology has more than {MAX_BYTES} bytes.",
            code="SOURCE_TOO_LARGE",
            remedy="Convert it to GeoJSON or GeoPackage.",
            context={"size_bytes": path.stat().st_size, "limit_bytes": MAX_BYTES},
        )
    for _ in JsonScan(path).blocks():
        pass  # it raises where the text is not UTF-8 or nested too deep


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_refuse)
        if found["type"] == "Topology" and found["objects"] and isinstance(found["arcs"], list):
            return dict(found)
    except (ValueError, TypeError, LookupError) as exc:
        raise _no_topology() from exc
    raise _no_topology()


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _no_topology() -> PermanentTaskError:
    return PermanentTaskError(
        "The file is no topology with objects and arcs.",
        code="CONTENT_MISMATCH",
        remedy="Export it again, and upload it whole.",
    )


@dataclass(frozen=True, slots=True)
class _Topology:
    """Arcs of plain positions, and how quantised ones become plain."""

    arcs: tuple[tuple[_Position, ...], ...]
    scale: tuple[float, float] = (1.0, 1.0)
    translate: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "_Topology":
        """The arcs of a topology, undone of their quantisation.

        Raises:
            PermanentTaskError: CONTENT_MISMATCH.
        """
        try:
            transform = document.get("transform")
            if transform is None:
                return cls(arcs=tuple(tuple(arc) for arc in document["arcs"]))
            plain = cls(arcs=(), scale=tuple(transform["scale"]), translate=tuple(transform["translate"]))
            return replace(plain, arcs=tuple(tuple(plain._walked(arc)) for arc in document["arcs"]))
        except (TypeError, LookupError, ValueError) as exc:
            raise _no_topology() from exc

    def _walked(self, arc: Sequence[_Position]) -> Iterator[_Position]:
        """Every position is the step from the one before it."""
        xs = accumulate(step[0] for step in arc)
        ys = accumulate(step[1] for step in arc)
        for x, y, step in zip(xs, ys, arc, strict=True):
            yield self.placed((x, y, *step[2:]))

    def placed(self, position: _Position) -> _Position:
        """A quantised position in the coordinates of the map."""
        x, y = (
            value * scale + offset
            for value, scale, offset in zip(position[:2], self.scale, self.translate, strict=True)
        )
        return [x, y, *position[2:]]

    def line(self, indices: Sequence[int]) -> list[_Position]:
        """Arcs joined: each begins where the last one ends; ~n is arc n the other way round."""
        positions: list[_Position] = []
        for index in indices:
            arc = self.arcs[index] if index >= 0 else self.arcs[~index][::-1]
            positions.extend(arc[1:] if positions else arc)
        return positions


def _features(topology: _Topology, value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The members of a collection, or the object itself."""
    is_collection = value.get("type") == "GeometryCollection" and "properties" not in value
    for each in value["geometries"] if is_collection else [value]:
        feature = {
            "type": "Feature",
            "properties": each.get("properties") or {},
            "geometry": _geometry(topology, each, level=0),
        }
        yield feature | ({"id": each["id"]} if "id" in each else {})


def _geometry(topology: _Topology, value: Mapping[str, Any], *, level: int) -> dict[str, Any] | None:
    kind = value["type"]
    if kind is None:
        return None
    if kind == "GeometryCollection":
        if level > _MAX_NESTING:
            raise ValueError("nested too deep")
        parts = [_geometry(topology, each, level=level + 1) for each in value["geometries"]]
        return {"type": kind, "geometries": [part for part in parts if part is not None]}
    if kind == "Point":
        return {"type": kind, "coordinates": topology.placed(value["coordinates"])}
    if kind == "MultiPoint":
        return {"type": kind, "coordinates": [topology.placed(each) for each in value["coordinates"]]}
    return {"type": kind, "coordinates": _lines(topology, value["arcs"], level=_ARC_LEVELS[kind])}


def _lines(topology: _Topology, arcs: Sequence[Any], *, level: int) -> list[Any]:
    if level == 0:
        return topology.line(arcs)
    return [_lines(topology, each, level=level - 1) for each in arcs]
