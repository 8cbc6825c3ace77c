"""KML before GDAL: folders and their placemarks counted, coordinates tried, references noted.

LIBKML reads `1;2` or `a,b` as some other place without a word; so every tuple is looked at here.
Source: OGC KML 2.3, sections 9 to 12.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import PermanentTaskError
from services.vector.kml_values import CONTAINERS, ELEMENTS, FEATURES, attribute
from services.vector.xml_scan import XmlScan, is_external

_GEOMETRIES = frozenset(
    {"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack"}
)
_TEXTS = frozenset({"name", "coordinates", "coord"})
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
# Possessive: nothing is tried twice, so the time that a wrong text takes grows as its length.
_TUPLES = re.compile(rf"\s*+(?:{_NUMBER},\s*+{_NUMBER}(?:,\s*+{_NUMBER})?(?:\s++|$))*+")
_TRACK_POINT = re.compile(rf"\s*{_NUMBER}\s+{_NUMBER}(?:\s+{_NUMBER})?\s*")
_SHOWN = 10


@dataclass(slots=True)
class KmlFolder:
    """A Document or Folder: its own features, those of folders within it not counted.

    `attributes` are the names of what its features have beside the elements of KML, `elements` those of
    `kml_values.ELEMENTS` that they have; `number` counts folders from 0, in the order in which they begin.
    """

    number: int
    name: str | None = None
    features: int = 0
    without_geometry: int = 0
    without_coordinates: int = 0
    attributes: set[str] = field(default_factory=set)
    elements: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Feature:
    """The Placemark that is being read."""

    geometries: int = 0
    has_coordinates: bool = False


@dataclass(slots=True)
class KmlCensus:
    """What a file holds. `folders` in the order in which they begin; `elements` counts all by name.

    `extended` are the names of its own attributes, as it spells them.
    """

    folders: list[KmlFolder] = field(default_factory=list)
    elements: Counter[str] = field(default_factory=Counter)
    extended: set[str] = field(default_factory=set)
    external: int = 0
    has_ids: bool = False
    bad_lines: list[int] = field(default_factory=list)
    _open: list[KmlFolder] = field(default_factory=list)
    _path: list[str] = field(default_factory=list)
    _feature: _Feature | None = None
    _text: list[str] | None = None
    _scan: XmlScan | None = None

    def take(self, path: Path) -> None:
        """Count a file.

        Raises:
            PermanentTaskError: XML_UNSAFE, CONTENT_MISMATCH or ENCODING_ERROR; COORDINATE_PARSE with the
                lines.
        """
        self._scan = XmlScan(start=self._start, end=self._end, text=self._add_text)
        self._scan.run(path)
        if not self.elements["kml"] and not self.folders:
            raise PermanentTaskError(
                "The file is XML, but no KML.",
                code="CONTENT_MISMATCH",
                remedy="Give the file the extension of its true format.",
            )
        if self.bad_lines:
            raise PermanentTaskError(
                "Some coordinates are no numbers, or a placemark has more than one geometry.",
                code="COORDINATE_PARSE",
                remedy="Correct the lines named: longitude,latitude[,altitude]; blanks between places only.",
                context={"lines": self.bad_lines},
            )

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        self.elements[name] += 1
        if name in CONTAINERS:
            self._open_folder()
        elif name in FEATURES:
            self._start_feature(name, attributes)
        elif name in _GEOMETRIES and parent == "Placemark" and self._feature is not None:
            self._feature.geometries += 1
        elif name == "SimpleField":
            self.extended.add(attributes.get("name", ""))
        elif self._feature is not None:
            self._note_value(parent, attributes)
        if name == "SchemaData" and is_external(attributes.get("schemaUrl", "")):
            self.external += 1
        if name in _TEXTS:
            self._text = []

    def _start_feature(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._open:
            self._open_folder()
        self._feature = _Feature()
        self.has_ids |= "id" in attributes
        if name == "GroundOverlay":  # a box, whose corners GDAL makes a polygon
            self._feature = _Feature(geometries=1, has_coordinates=True)

    def _open_folder(self) -> None:
        self._open.append(KmlFolder(number=len(self.folders)))
        self.folders.append(self._open[-1])

    def _note_value(self, parent: str, attributes: Mapping[str, str]) -> None:
        if (found := attribute(self._path, attributes)) is not None:
            self.extended.add(found)
            self._open[-1].attributes.add(found)
        elif (element := ELEMENTS.get((parent, self._path[-1]))) is not None:
            self._open[-1].elements.add(element)

    def _add_text(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, name: str) -> None:
        self._path.pop()
        if self._text is not None and name in _TEXTS:
            self._end_text(name, "".join(self._text))
            self._text = None
        if name in CONTAINERS:
            self._open.pop()
        elif name in FEATURES and self._feature is not None:
            self._end_feature(self._feature)
            self._feature = None

    def _end_text(self, name: str, text: str) -> None:
        if name == "name":
            if self._path and self._path[-1] in CONTAINERS and self._open[-1].name is None:
                self._open[-1].name = text.strip(" \t\r\n")
            return
        pattern = _TUPLES if name == "coordinates" else _TRACK_POINT
        if pattern.fullmatch(text) is None:
            self._note_line()
        if self._feature is not None and text.strip():
            self._feature.has_coordinates = True

    def _end_feature(self, feature: _Feature) -> None:
        folder = self._open[-1]
        folder.features += 1
        folder.without_geometry += feature.geometries == 0
        folder.without_coordinates += feature.geometries > 0 and not feature.has_coordinates
        if feature.geometries > 1:
            self._note_line()

    def _note_line(self) -> None:
        if len(self.bad_lines) < _SHOWN and self._scan is not None:
            self.bad_lines.append(self._scan.line)
