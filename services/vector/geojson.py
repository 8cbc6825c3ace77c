"""GeoJSON before GDAL: one look at its brackets, and at what it refers to. Source: RFC 7946."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import geojson_text
from services.vector.json_members import FeatureMembers
from services.vector.json_scan import JsonBlock, JsonScan
from services.vector.layers import choose_layers
from services.vector.source import SourceLayer

_ROOT, _ARRAY, _FEATURE = 1, 2, 3  # how deep a member of the document, the features and a feature stand
_FEATURES = b'"features"'


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The only layer of a GeoJSON file; it is named like the file.

    Raises:
        PermanentTaskError: ENCODING_ERROR, CRS_UNKNOWN, GEOMETRY_UNREADABLE, CONTENT_MISMATCH or
            LAYER_NOT_FOUND.
    """
    choose_layers([name], reading.layers)
    scan, features = JsonScan(path), _Features()
    for block in scan.blocks():
        features.add(block)
    if scan.depth:
        raise PermanentTaskError(
            "The document is cut off.", code="CONTENT_MISMATCH", remedy="Upload the file again whole."
        )
    geojson_text.check_values(path, words=scan.words, not_a_number=scan.not_a_number)
    count = features.count if features.are_known else None
    layer = SourceLayer(
        format=VectorFormat.GEOJSON,
        path=path,
        name=name,
        census=geojson_text.census(path, feature_count=count),
        declared_crs=geojson_text.named_crs(path, words=scan.words),
        has_ids=bool(count) and features.members.has_ids(features.count),
        findings=tuple(features.members.findings(features.count)),
    )
    return (layer,)


@dataclass(slots=True)
class _Features:
    """Counts the objects in the array `features` of the document, and collects their members."""

    count: int = 0
    are_known: bool = False
    members: FeatureMembers = field(default_factory=FeatureMembers)
    _is_inside: bool = False

    def add(self, block: JsonBlock) -> None:
        begins = block.places(b"{", depth=_FEATURE)
        texts, inner = (block.places(b'"', depth=depth) for depth in (_FEATURE, _FEATURE + 1))
        for start, end in self._ranges(block):
            self.count += _within(begins, start, end).size
            texts, inner = _within(texts, start, end), _within(inner, start, end)
            self.members.add(block, texts=texts, inner=inner)

    def _ranges(self, block: JsonBlock) -> Iterator[tuple[int, int]]:
        """Where in this block the array lies."""
        keys = [
            int(place)
            for place in block.places(b'"', depth=_ROOT)
            if block.content[place : place + len(_FEATURES)] == _FEATURES
        ]
        opened, closed = block.places(b"[", depth=_ARRAY), block.places(b"]", depth=_ARRAY)
        start = 0 if self._is_inside else None
        for key in keys:
            behind = block.content[key + len(_FEATURES) :].lstrip(b" \t\r\n:")[:1]
            if start is None and behind == b"[":
                start = int(opened[np.searchsorted(opened, key)]) if (opened > key).any() else key
                self._is_inside = self.are_known = True
        if start is None:
            return
        ends = closed[closed >= start]
        self._is_inside = not ends.size
        yield start, int(ends[0]) if ends.size else len(block.content)


def _within(places: np.ndarray, start: int, end: int) -> np.ndarray:
    found: np.ndarray = places[(places >= start) & (places < end)]
    return found
