"""GeoJSON text sequences and newline-delimited GeoJSON: a feature for each line, counted before GDAL reads.

GDAL passes over lines that it cannot read, so they are counted by their brackets, and named by their
numbers. Source: RFC 8142 (a record separator before each text), and newline-delimited JSON without.
"""

import codecs
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import PermanentTaskError
from core.task_models.vector import VectorFormat, VectorReading
from services.vector import geojson_text, ogr
from services.vector.json_members import FeatureMembers
from services.vector.json_scan import JsonBlock, JsonScan
from services.vector.layers import choose_layers
from services.vector.source import SourceLayer
from services.vector.stream import LayerStream

MAX_LINE_BYTES = 200 * 10**6  # what GDAL takes for one object
_SEPARATOR = b"\x1e"
_FEATURE = 1
_SHOWN_LINES = 20
_COPIED_BYTES = 2**20


def admit(path: Path, *, name: str, reading: VectorReading) -> tuple[SourceLayer, ...]:
    """The only layer of a sequence; it is named like the file.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH (with line numbers), ENCODING_ERROR, CRS_UNKNOWN,
            GEOMETRY_UNREADABLE or LAYER_NOT_FOUND.
    """
    choose_layers([name], reading.layers)
    path = _without_mark(path)
    with path.open("rb") as file:
        features = _Features(has_separators=file.read(1) == _SEPARATOR)
    scan = JsonScan(path)
    for block in scan.blocks():
        features.add(block)
    if scan.depth:
        raise _bad_lines([features.lines], "The last feature is cut off.")
    geojson_text.check_values(path, words=scan.words, not_a_number=scan.not_a_number)
    layer = SourceLayer(
        format=VectorFormat.GEOJSONSEQ,
        path=path,
        name=name,
        census=geojson_text.census(path, feature_count=features.count),
        declared_crs=geojson_text.named_crs(path, words=scan.words),
        has_ids=features.members.has_ids(features.count),
        findings=tuple(features.members.findings(features.count)),
    )
    return (layer,)


def _without_mark(path: Path) -> Path:
    """The file, or a copy without its byte order mark, over which GDAL stumbles."""
    with path.open("rb") as file:
        if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            return path
        target = path.with_name(f"plain{path.suffix}")
        with target.open("xb") as copy:
            shutil.copyfileobj(file, copy, _COPIED_BYTES)
    return target


@contextmanager
def read(layer: SourceLayer, *, reading: VectorReading) -> Iterator[LayerStream]:
    """Open the layer. Where GDAL stumbles, or fewer features come out, the lines that are none are named."""
    try:
        with ogr.read(layer, reading=reading) as stream:
            yield stream
    except PermanentTaskError as exc:
        if exc.code in ("CONTENT_MISMATCH", "GEOMETRY_UNREADABLE") and "lines" not in exc.context:
            _refuse_bad_lines(layer.path)
        raise


@dataclass(slots=True)
class _Features:
    """Counts objects, and notices lines that are none; with separators a feature may have several lines."""

    has_separators: bool
    count: int = 0
    lines: int = 0
    members: FeatureMembers = field(default_factory=FeatureMembers)
    _line_bytes: int = 0
    _begun_objects: int = 0

    def add(self, block: JsonBlock) -> None:
        """Take a block.

        Raises:
            PermanentTaskError: CONTENT_MISMATCH.
        """
        ends = block.marks == ord("\n")
        if not self.has_separators:
            self._check_lines(block, ends)
        self._check_lengths(block)
        self.count += block.places(b"{", depth=_FEATURE).size
        texts, inner = (block.places(b'"', depth=depth) for depth in (_FEATURE, _FEATURE + 1))
        self.members.add(block, texts=texts, inner=inner)
        self.lines = block.first_line + int(np.count_nonzero(ends))

    def _check_lines(self, block: JsonBlock, ends: np.ndarray) -> None:
        """Every line that is not empty must hold one object, whole."""
        if block.torn_line is not None:
            raise _bad_lines([block.torn_line])
        bounds = block.positions[ends]
        objects = np.searchsorted(block.places(b"{", depth=_FEATURE), bounds)
        counts = np.diff(objects, prepend=0)
        begins = np.concatenate([[0], bounds[:-1] + 1])
        if bounds.size:
            counts[0] += self._begun_objects
        odd = np.flatnonzero((block.depths[ends] != 0) | ((counts != 1) & (bounds - begins > 1)))
        for line in odd:
            is_blank = not block.content[begins[line] : bounds[line]].strip()
            if block.depths[ends][line] or counts[line] > 1 or not is_blank:
                raise _bad_lines([block.first_line + int(line)])
        last = int(objects[-1]) if bounds.size else -self._begun_objects
        self._begun_objects = block.places(b"{", depth=_FEATURE).size - last

    def _check_lengths(self, block: JsonBlock) -> None:
        """Between the ends of two features lies a feature."""
        ends = block.places(b"}", depth=_FEATURE)
        if ends.size:
            self._line_bytes = len(block.content) - int(ends[-1])
            return
        self._line_bytes += len(block.content)
        if self._line_bytes > MAX_LINE_BYTES:
            raise PermanentTaskError(
                f"A line is longer than {MAX_LINE_BYTES} bytes.",
                code="CONTENT_MISMATCH",
                remedy="Write one feature on each line; split features that are as large as that.",
                context={"lines": [block.first_line], "limit_bytes": MAX_LINE_BYTES},
            )


def _refuse_bad_lines(path: Path) -> None:
    """Parse every line, to name those that are no features.

    Raises:
        PermanentTaskError: CONTENT_MISMATCH, if there are any.
    """
    bad = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip(b" \t\r\n\x1e")
            if text and not _is_feature(text):
                bad.append(number)
            if len(bad) == _SHOWN_LINES:
                break
    if bad:
        raise _bad_lines(bad)


def _is_feature(text: bytes) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("type") == "Feature"


def _bad_lines(lines: list[int], message: str = "Lines are no GeoJSON features.") -> PermanentTaskError:
    return PermanentTaskError(
        message,
        code="CONTENT_MISMATCH",
        remedy="Write one whole GeoJSON feature on each line; correct the lines in the context.",
        context={"lines": lines},
    )
